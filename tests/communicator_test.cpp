#include "comm/communicator.hpp"

#include <numeric>

#include "base/text.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("ranks know their number and their neighbours on the node", "[communicator]") {
  auto const comm = Communicator::world();
  CHECK(comm.rank() >= 0);
  CHECK(comm.rank() < comm.size());
  CHECK(comm.is_first() == (comm.rank() == 0));
  CHECK(comm.ranks_on_this_node() == comm.size());  // tests run on one machine
  CHECK(comm.last_rank_on_first_node() == comm.size() - 1);
  CHECK(Communicator::self().size() == 1);
}

TEST_CASE("a broadcast gives everyone the root's values", "[communicator]") {
  auto const comm = Communicator::world();
  for (int root = 0; root < comm.size(); ++root) {
    std::vector<double> values(17, comm.rank() + 0.5);
    comm.broadcast(std::span(values), root);
    CHECK(values == std::vector<double>(17, root + 0.5));
    CHECK(comm.broadcast(comm.rank() == root ? text("from ", root) : "", root) == text("from ", root));
  }
}

TEST_CASE("a reduction meets every rank's value, in every type", "[communicator]") {
  auto const comm = Communicator::world();
  int const last = comm.size() - 1;
  CHECK(comm.all_reduce(comm.rank(), Reduction::sum) == last * (last + 1) / 2);
  CHECK(comm.all_reduce(static_cast<long>(comm.rank()), Reduction::max) == last);
  CHECK(comm.all_reduce(-1.5 * comm.rank(), Reduction::min) == -1.5 * last);
  CHECK(comm.all_reduce(std::uint64_t{1} << 63 >> comm.rank(), Reduction::min) == std::uint64_t{1} << 63 >> last);
  CHECK(comm.any(comm.rank() == last));
  CHECK_FALSE(comm.any(false));
}

TEST_CASE("gathered pieces of different length come in the order of ranks", "[communicator]") {
  auto const comm = Communicator::world();
  std::vector<int> const mine(static_cast<std::size_t>(comm.rank()), comm.rank());
  std::vector<int> expected;
  for (int rank = 0; rank < comm.size(); ++rank) expected.insert(expected.end(), static_cast<std::size_t>(rank), rank);
  CHECK(comm.all_gather(std::span<int const>(mine)) == expected);
  auto const words = comm.gather(text("rank ", comm.rank()));
  REQUIRE(words.size() == static_cast<std::size_t>(comm.is_first() ? comm.size() : 0));
  for (std::size_t rank = 0; rank < words.size(); ++rank) CHECK(words[rank] == text("rank ", rank));
}

TEST_CASE("a split keeps each color apart and orders by key", "[communicator]") {
  auto const comm = Communicator::world();
  auto const half = comm.split(comm.rank() % 2, -comm.rank());
  CHECK(half.size() == (comm.size() + 1 - comm.rank() % 2) / 2);
  CHECK(half.rank() == half.size() - 1 - comm.rank() / 2);
  CHECK(half.all_reduce(comm.rank() % 2, Reduction::sum) == half.size() * (comm.rank() % 2));
}

TEST_CASE("a transfer in flight gives its buffer back with the data", "[communicator]") {
  auto const comm = Communicator::world();
  int const next = (comm.rank() + 1) % comm.size(), previous = (comm.rank() + comm.size() - 1) % comm.size();
  auto sent = comm.start_send(std::vector<long>(1000, comm.rank()), next, 7);
  auto received = comm.start_receive(std::vector<long>(1000), previous, 7);
  CHECK(std::move(received).wait() == std::vector<long>(1000, previous));
  CHECK(std::move(sent).wait().size() == 1000);
  auto spread = comm.start_broadcast(std::vector<double>(5, comm.rank()), comm.size() - 1);
  while (!spread.test()) {
  }
  CHECK(std::move(spread).wait() == std::vector<double>(5, comm.size() - 1));
  CHECK(comm.start_broadcast(std::vector<double>(), 0).wait().empty());
}

TEST_CASE("more elements than an int can count go in pieces without gap or overlap", "[communicator]") {
  std::size_t next = 0, pieces = 0;
  for_each_chunk((std::size_t{1} << 32) + 5, [&](std::size_t first, int count) {
    CHECK(first == next);
    CHECK(count > 0);
    next = first + static_cast<std::size_t>(count);
    ++pieces;
  });
  CHECK(next == (std::size_t{1} << 32) + 5);
  CHECK(pieces == 5);
}

TEST_CASE("all ranks learn the same verdict: the worst failure, of the lowest rank that has it", "[communicator]") {
  auto const comm = Communicator::world();
  int const last = comm.size() - 1;
  CHECK(comm.agree(std::nullopt) == std::nullopt);
  auto const mine = comm.rank() == 0 ? Failure{Exit::stopped, "stopped"} : Failure{Exit::bad_input, text("bad input on ", comm.rank())};
  auto const expected = last == 0 ? Failure{Exit::stopped, "stopped"} : Failure{Exit::bad_input, "bad input on 1"};
  CHECK(comm.agree(mine) == expected);
  CHECK(comm.agree(comm.rank() == last ? std::optional(Failure{Exit::numerical, "3"}) : std::nullopt) == Failure{Exit::numerical, "3"});
}

TEST_CASE("work done together gives its results, or the same error everywhere", "[communicator]") {
  auto const comm = Communicator::world();
  CHECK(together(comm, [&] { return comm.rank() + 1; }) == comm.rank() + 1);
  try {
    together(comm, [&] {
      if (comm.rank() == comm.size() - 1) throw NumericalAnswer("no answer");
    });
    FAIL("it should have thrown");
  } catch (Error const& error) {
    CHECK(error.code() == Exit::numerical);
    CHECK(std::string(error.what()) == "no answer");
  }
  CHECK(failure_of(std::bad_alloc()).code == Exit::defect);
  CHECK(failure_of(Stopped("SIGTERM")) == Failure{Exit::stopped, "SIGTERM"});
}

TEST_CASE("an MPI error names the call", "[communicator]") {
  CHECK_NOTHROW(mpi_check(MPI_SUCCESS, "MPI_Bcast"));
  CHECK_THROWS_WITH(mpi_check(MPI_ERR_TRUNCATE, "MPI_Bcast"), Catch::Contains("MPI_Bcast failed: MPI_ERR_TRUNCATE"));
  CHECK_FALSE(mpi_library().empty());
}
