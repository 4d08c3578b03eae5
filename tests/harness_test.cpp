// Checks that must fail: the test of the tester. tests/comm.tests.cmake wants each to fail the whole run and to print where.
#include "comm/communicator.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("a check fails on the last rank only", "[.last_rank]") {
  Communicator const world = Communicator::world();
  CHECK(world.rank() < world.size() - 1);
}

TEST_CASE("the last rank leaves early and the others wait for it", "[.leaves_early]") {
  Communicator const world = Communicator::world();
  REQUIRE(world.rank() < world.size() - 1);
  world.barrier();
}
