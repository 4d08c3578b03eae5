#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <mpi.h>

#include "comm/environment.hpp"

namespace infinitile {

/// What collectives can add and compare.
template <class T>
concept Number = std::is_same_v<T, double> || std::is_same_v<T, long> || std::is_same_v<T, int> || std::is_same_v<T, std::uint64_t>;

/// What can travel between ranks.
template <class T>
concept Element = Number<T> || std::is_same_v<T, std::byte> || std::is_same_v<T, char>;

/// Memory that can travel: a std::vector, which the transfer then owns, or a std::span of memory that outlives it.
template <class B>
concept Buffer = requires(B b) {
  b.data();
  b.size();
}
&&Element<std::remove_cvref_t<decltype(*std::declval<B&>().data())>>;

template <Element T>
MPI_Datatype mpi_type() {
  if constexpr (std::is_same_v<T, double>) return MPI_DOUBLE;
  if constexpr (std::is_same_v<T, long>) return MPI_LONG;
  if constexpr (std::is_same_v<T, int>) return MPI_INT;
  if constexpr (std::is_same_v<T, std::uint64_t>) return MPI_UINT64_T;
  if constexpr (std::is_same_v<T, std::byte> || std::is_same_v<T, char>) return MPI_BYTE;
}

/// Calls f(first, size) for consecutive pieces of `count` elements, none larger than MPI's int counts can say.
template <class F>
void for_each_chunk(std::size_t count, F&& f) {
  constexpr std::size_t largest = std::size_t{1} << 30;
  for (std::size_t first = 0; first < count; first += largest)
    f(first, static_cast<int>(count - first < largest ? count - first : largest));
}

/// A transfer in flight, holding the memory that MPI reads or writes. wait() is the only way back to the data.
/// Dropping one unfinished is a bug, or an exception on its way out; waiting could hang for ever, so the job ends.
template <Buffer B>
class [[nodiscard]] Pending {
public:
  /// `start(data, count, type)` starts one non-blocking call for one chunk and returns its request.
  template <class Start>
  Pending(B buffer, Start&& start) : buffer_(std::move(buffer)) {
    using T = std::remove_cvref_t<decltype(*buffer_.data())>;
    for_each_chunk(buffer_.size(),
                   [&](std::size_t first, int count) { requests_.push_back(start(buffer_.data() + first, count, mpi_type<T>())); });
  }
  Pending(Pending&& other) noexcept : buffer_(std::move(other.buffer_)), requests_(std::exchange(other.requests_, {})) {}
  Pending& operator=(Pending&& other) noexcept {
    if (!requests_.empty()) abort_job("a transfer was replaced before wait()");
    buffer_ = std::move(other.buffer_);
    requests_ = std::exchange(other.requests_, {});
    return *this;
  }
  ~Pending() {
    if (!requests_.empty()) abort_job("a transfer was dropped before wait()");
  }

  /// Lets MPI make progress; true once wait() would not have to.
  bool test() {
    int done = 1;
    if (!requests_.empty()) mpi_check(MPI_Testall(count(), requests_.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
    if (done != 0) requests_.clear();
    return done != 0;
  }

  B wait() && {
    if (!requests_.empty()) mpi_check(MPI_Waitall(count(), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
    requests_.clear();
    return std::move(buffer_);
  }

private:
  int count() const { return static_cast<int>(requests_.size()); }

  B buffer_;
  std::vector<MPI_Request> requests_;
};

}  // namespace infinitile
