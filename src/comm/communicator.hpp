#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "comm/pending.hpp"

namespace infinitile {

enum class Reduction { sum, min, max };

/// Why a rank cannot go on: the exit code and the one line for the user.
struct Failure {
  Exit code = Exit::defect;
  std::string message;
  friend bool operator==(Failure const&, Failure const&) = default;
};

/// Seconds that a rank which failed waits for the others to hear of it.
inline constexpr double usual_patience = 20;

/// A group of ranks. A value: copies name the same group. What needs the other ranks is collective: all ranks of the group call it,
/// in the same order. Any number of elements: more than MPI's int counts can say go in pieces.
class Communicator {
public:
  /// All ranks of the job. Needs an Environment; not collective.
  static Communicator world();
  /// This rank alone.
  static Communicator self();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_first() const { return rank_ == 0; }

  /// The ranks that gave the same color, in the order of their keys.
  Communicator split(int color, int key) const;
  /// How many of these ranks share this rank's memory: cores are to be divided by it.
  int ranks_on_this_node() const;
  /// The last of the ranks that share the first one's memory.
  int last_rank_on_first_node() const;

  void barrier() const;
  /// The root's values, everywhere.
  template <Element T>
  void broadcast(std::span<T> values, int root) const;
  std::string broadcast(std::string words, int root) const;
  /// The root's, however many they are.
  template <class T>
  requires std::is_trivially_copyable_v<T> std::vector<T> broadcast(std::vector<T> values, int root)
  const {
    long count = static_cast<long>(values.size());
    broadcast(std::span(&count, 1), root);
    values.resize(static_cast<std::size_t>(count));
    broadcast(std::as_writable_bytes(std::span(values)), root);
    return values;
  }
  /// In place: each element becomes the sum, minimum or maximum over the ranks. Sums of doubles depend on the number of ranks;
  /// reproducible_sum does not.
  template <Number T>
  void all_reduce(std::span<T> values, Reduction reduction) const;
  template <Number T>
  T all_reduce(T value, Reduction reduction) const {
    all_reduce(std::span<T>(&value, 1), reduction);
    return value;
  }
  /// Is it so on any rank? For stop signals.
  bool any(bool mine) const { return all_reduce(mine ? 1 : 0, Reduction::max) != 0; }
  /// The values of all ranks one after the other; each rank may give another number of them.
  template <Element T>
  std::vector<T> all_gather(std::span<T const> mine) const;
  /// What each rank said, by rank; empty except on rank 0.
  std::vector<std::string> gather(std::string_view mine) const;

  /// The same verdict on all ranks: nothing if all are well, else the worst failure (defect, bad input, numerical, stopped; of the lowest
  /// rank among equals). Ranks that are well wait for the rest as long as it takes. A rank that failed waits `patience` seconds: if the
  /// others cannot come, because they wait inside another collective, it ends the job with its own message and exit code.
  std::optional<Failure> agree(std::optional<Failure> const& mine, double patience = usual_patience) const;

  /// Transfers that go on while the caller computes. Receivers give a buffer of the right size. Between two ranks, those with one tag
  /// arrive in order.
  template <Buffer B>
  Pending<B> start_broadcast(B buffer, int root) const {
    return {std::move(buffer), [&](auto* data, int count, MPI_Datatype type) {
              MPI_Request request = MPI_REQUEST_NULL;
              mpi_check(MPI_Ibcast(data, count, type, root, handle(), &request), "MPI_Ibcast");
              return request;
            }};
  }
  template <Buffer B>
  Pending<B> start_send(B buffer, int to, int tag) const {
    return {std::move(buffer), [&](auto* data, int count, MPI_Datatype type) {
              MPI_Request request = MPI_REQUEST_NULL;
              mpi_check(MPI_Isend(data, count, type, to, tag, handle(), &request), "MPI_Isend");
              return request;
            }};
  }
  template <Buffer B>
  Pending<B> start_receive(B buffer, int from, int tag) const {
    return {std::move(buffer), [&](auto* data, int count, MPI_Datatype type) {
              MPI_Request request = MPI_REQUEST_NULL;
              mpi_check(MPI_Irecv(data, count, type, from, tag, handle(), &request), "MPI_Irecv");
              return request;
            }};
  }

private:
  struct Group;  // owns the MPI communicators
  explicit Communicator(std::shared_ptr<Group const> group);
  MPI_Comm handle() const;

  std::shared_ptr<Group const> group_;
  int rank_ = 0;
  int size_ = 1;
};

/// For work without collectives: all ranks come, however long it takes.
inline constexpr double no_hurry = 1e300;

/// What a caught exception means to the user.
Failure failure_of(std::exception const& error);

/// Runs `work` on every rank, then all agree: where it threw on any, every rank throws the same Error. `work` may use collectives: a rank
/// that fails while others wait in one ends the job (see agree). The frame of the program runs in it.
template <class Work>
auto together(Communicator const& comm, Work&& work, double patience = usual_patience) {
  using Result = std::invoke_result_t<Work>;
  std::optional<std::conditional_t<std::is_void_v<Result>, int, Result>> result;
  std::optional<Failure> failure;
  try {
    if constexpr (std::is_void_v<Result>) {
      work();
    } else {
      result.emplace(work());
    }
  } catch (std::exception const& error) {
    failure = failure_of(error);
  }
  if (auto const verdict = comm.agree(failure, patience)) throw Error(verdict->message, verdict->code);
  if constexpr (!std::is_void_v<Result>) return std::move(*result);
}

}  // namespace infinitile
