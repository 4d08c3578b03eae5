#include "comm/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <new>
#include <numeric>
#include <thread>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace infinitile {

/// Two MPI communicators over the same ranks. Votes have their own, so that a rank that failed early cannot disturb a collective the others
/// are still in.
struct Communicator::Group {
  MPI_Comm work = MPI_COMM_NULL;
  MPI_Comm votes = MPI_COMM_NULL;

  explicit Group(MPI_Comm owned) : work(owned) { mpi_check(MPI_Comm_dup(work, &votes), "MPI_Comm_dup"); }
  Group(Group const&) = delete;
  Group& operator=(Group const&) = delete;
  ~Group() {
    int ended = 0;
    MPI_Finalized(&ended);
    if (ended != 0 || std::uncaught_exceptions() > 0) return;  // freeing is collective, and the others may be elsewhere
    MPI_Comm_free(&votes);
    MPI_Comm_free(&work);
  }
};

namespace {

MPI_Comm duplicate(MPI_Comm comm) {
  MPI_Comm copy = MPI_COMM_NULL;
  mpi_check(MPI_Comm_dup(comm, &copy), "MPI_Comm_dup");
  return copy;
}

MPI_Op mpi_op(Reduction reduction) {
  switch (reduction) {
    case Reduction::sum:
      return MPI_SUM;
    case Reduction::min:
      return MPI_MIN;
    case Reduction::max:
      return MPI_MAX;
  }
  return MPI_OP_NULL;
}

/// Larger is worse; nothing wrong is 0.
long severity(Exit code) {
  switch (code) {
    case Exit::done:
      return 0;
    case Exit::stopped:
      return 1;
    case Exit::numerical:
      return 2;
    case Exit::bad_input:
      return 3;
    case Exit::defect:
      return 4;
  }
  return 4;
}

Exit code_of(long severity) {
  constexpr Exit codes[] = {Exit::done, Exit::stopped, Exit::numerical, Exit::bad_input, Exit::defect};
  return codes[severity];
}

std::string broadcast_words(MPI_Comm comm, std::string words, int root) {
  long size = static_cast<long>(words.size());
  mpi_check(MPI_Bcast(&size, 1, MPI_LONG, root, comm), "MPI_Bcast");
  words.resize(static_cast<std::size_t>(size));
  for_each_chunk(words.size(), [&](std::size_t first, int count) {
    mpi_check(MPI_Bcast(words.data() + first, count, MPI_BYTE, root, comm), "MPI_Bcast");
  });
  return words;
}

void wait_patiently(MPI_Request& request, Failure const& failure, double patience) {
  Stopwatch const clock;
  for (int done = 0; done == 0; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done == 0 && clock.seconds() > patience) abort_job(failure.message, failure.code);
  }
}

}  // namespace

Communicator::Communicator(std::shared_ptr<Group const> group) : group_(std::move(group)) {
  mpi_check(MPI_Comm_rank(handle(), &rank_), "MPI_Comm_rank");
  mpi_check(MPI_Comm_size(handle(), &size_), "MPI_Comm_size");
}

MPI_Comm Communicator::handle() const {
  return group_->work;
}

Communicator Communicator::world() {
  static auto const group = std::make_shared<Group const>(duplicate(MPI_COMM_WORLD));  // made in step by all ranks: Environment asks first
  return Communicator(group);
}

Communicator Communicator::self() {
  static auto const group = std::make_shared<Group const>(duplicate(MPI_COMM_SELF));
  return Communicator(group);
}

Communicator Communicator::split(int color, int key) const {
  MPI_Comm part = MPI_COMM_NULL;
  mpi_check(MPI_Comm_split(handle(), color, key, &part), "MPI_Comm_split");
  return Communicator(std::make_shared<Group const>(part));
}

int Communicator::ranks_on_this_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  int size = 0;
  mpi_check(MPI_Comm_split_type(handle(), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  mpi_check(MPI_Comm_size(node, &size), "MPI_Comm_size");
  mpi_check(MPI_Comm_free(&node), "MPI_Comm_free");
  return size;
}

int Communicator::last_rank_on_first_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  int last = rank_;
  mpi_check(MPI_Comm_split_type(handle(), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &last, 1, MPI_INT, MPI_MAX, node), "MPI_Allreduce");
  mpi_check(MPI_Comm_free(&node), "MPI_Comm_free");
  mpi_check(MPI_Bcast(&last, 1, MPI_INT, 0, handle()), "MPI_Bcast");
  return last;
}

void Communicator::barrier() const {
  mpi_check(MPI_Barrier(handle()), "MPI_Barrier");
}

template <Element T>
void Communicator::broadcast(std::span<T> values, int root) const {
  for_each_chunk(values.size(), [&](std::size_t first, int count) {
    mpi_check(MPI_Bcast(values.data() + first, count, mpi_type<T>(), root, handle()), "MPI_Bcast");
  });
}

std::string Communicator::broadcast(std::string words, int root) const {
  return broadcast_words(handle(), std::move(words), root);
}

template <Number T>
void Communicator::all_reduce(std::span<T> values, Reduction reduction) const {
  for_each_chunk(values.size(), [&](std::size_t first, int count) {
    mpi_check(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, count, mpi_type<T>(), mpi_op(reduction), handle()), "MPI_Allreduce");
  });
}

template <Element T>
std::vector<T> Communicator::all_gather(std::span<T const> mine) const {
  std::vector<long> sizes(static_cast<std::size_t>(size_));
  long const size = static_cast<long>(mine.size());
  mpi_check(MPI_Allgather(&size, 1, MPI_LONG, sizes.data(), 1, MPI_LONG, handle()), "MPI_Allgather");
  std::vector<T> all(static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), 0L)));
  if (all.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    for (std::size_t root = 0, first = 0; root < sizes.size(); first += static_cast<std::size_t>(sizes[root++])) {
      std::span<T> const part(all.data() + first, static_cast<std::size_t>(sizes[root]));
      if (static_cast<int>(root) == rank_) std::copy(mine.begin(), mine.end(), part.begin());
      broadcast(part, static_cast<int>(root));
    }
    return all;
  }
  std::vector<int> const counts(sizes.begin(), sizes.end());
  std::vector<int> starts(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
  mpi_check(MPI_Allgatherv(mine.data(), counts[static_cast<std::size_t>(rank_)], mpi_type<T>(), all.data(), counts.data(), starts.data(),
                           mpi_type<T>(), handle()),
            "MPI_Allgatherv");
  return all;
}

std::vector<std::string> Communicator::gather(std::string_view mine) const {
  long const size = static_cast<long>(mine.size());
  std::vector<long> sizes(static_cast<std::size_t>(is_first() ? size_ : 0));
  mpi_check(MPI_Gather(&size, 1, MPI_LONG, sizes.data(), 1, MPI_LONG, 0, handle()), "MPI_Gather");
  constexpr int tag = 1;
  if (!is_first()) {
    start_send(std::span<char const>(mine), 0, tag).wait();
    return {};
  }
  std::vector<std::string> all{std::string(mine)};
  for (int rank = 1; rank < size_; ++rank) {
    std::string& words = all.emplace_back(static_cast<std::size_t>(sizes[static_cast<std::size_t>(rank)]), ' ');
    start_receive(std::span<char>(words), rank, tag).wait();
  }
  return all;
}

std::optional<Failure> Communicator::agree(std::optional<Failure> const& mine, double patience) const {
  constexpr long ranks_limit = 1L << 31;
  long const vote = mine ? severity(mine->code) * ranks_limit + (ranks_limit - 1 - rank_) : 0;
  long worst = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Iallreduce(&vote, &worst, 1, MPI_LONG, MPI_MAX, group_->votes, &request), "MPI_Iallreduce");
  if (mine) {
    wait_patiently(request, *mine, patience);
  } else {
    mpi_check(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
  }
  if (worst == 0) return std::nullopt;
  int const speaker = static_cast<int>(ranks_limit - 1 - worst % ranks_limit);
  return Failure{code_of(worst / ranks_limit), broadcast_words(group_->votes, mine ? mine->message : "", speaker)};
}

Failure failure_of(std::exception const& error) {
  if (auto const* known = dynamic_cast<Error const*>(&error)) return {known->code(), known->what()};
  if (dynamic_cast<std::bad_alloc const*>(&error) != nullptr)
    return {Exit::defect,
            "Out of memory, more than the plan said. Use more ranks, or a smaller job, and please report it with the job file."};
  if (auto const* file = dynamic_cast<std::filesystem::filesystem_error const*>(&error))
    return {Exit::bad_input, text(file->path1().string(), ": ", file->code().message(), ". Check the path and its permissions.")};
  return {Exit::defect, text("Defect: ", error.what(), ". Please report it with the job file.")};
}

template void Communicator::broadcast(std::span<double>, int) const;
template void Communicator::broadcast(std::span<long>, int) const;
template void Communicator::broadcast(std::span<int>, int) const;
template void Communicator::broadcast(std::span<std::uint64_t>, int) const;
template void Communicator::broadcast(std::span<std::byte>, int) const;
template void Communicator::broadcast(std::span<char>, int) const;
template void Communicator::all_reduce(std::span<double>, Reduction) const;
template void Communicator::all_reduce(std::span<long>, Reduction) const;
template void Communicator::all_reduce(std::span<int>, Reduction) const;
template void Communicator::all_reduce(std::span<std::uint64_t>, Reduction) const;
template std::vector<double> Communicator::all_gather(std::span<double const>) const;
template std::vector<long> Communicator::all_gather(std::span<long const>) const;
template std::vector<int> Communicator::all_gather(std::span<int const>) const;
template std::vector<std::uint64_t> Communicator::all_gather(std::span<std::uint64_t const>) const;
template std::vector<std::byte> Communicator::all_gather(std::span<std::byte const>) const;
template std::vector<char> Communicator::all_gather(std::span<char const>) const;

}  // namespace infinitile
