#include "job/threads.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {
constexpr auto none = std::nullopt;
}

TEST_CASE("by default the cores of a node are shared out among its ranks", "[threads]") {
  // ranks on the node, its cores, cores this rank may use, threads
  auto const [ranks, cores, own, threads] = GENERATE(table<int, int, int, int>({{1, 2, 2, 2},
                                                                                {2, 2, 2, 1},
                                                                                {2, 2, 1, 1},
                                                                                {3, 2, 2, 1},
                                                                                {4, 64, 64, 16},
                                                                                {4, 64, 16, 16},
                                                                                {3, 64, 64, 21},
                                                                                {1, 64, 1, 1},
                                                                                {2, 64, 8, 8},
                                                                                {1, 1, 1, 1}}));
  CHECK(choose_threads({ranks, cores, own, none, none}).threads == threads);
}

TEST_CASE("--threads wins over OMP_NUM_THREADS, which wins over the default", "[threads]") {
  CHECK(choose_threads({2, 8, 8, none, 3}).threads == 3);
  CHECK(choose_threads({2, 8, 8, 2, 3}).threads == 2);
  CHECK(choose_threads({2, 8, 8, 2, none}).threads == 2);
}

TEST_CASE("more threads than cores are done as asked, with a warning", "[threads]") {
  CHECK(choose_threads({2, 8, 8, 4, none}).warning.empty());
  ThreadChoice const asked = choose_threads({2, 2, 2, 2, none});
  CHECK(asked.threads == 2);
  CHECK(asked.warning
        == "2 ranks of 2 threads share 2 cores of this node, which is slower than one thread per core. Start fewer ranks, or lower --threads.");
  CHECK(choose_threads({1, 2, 2, none, 3}).warning
        == "1 rank of 3 threads share 2 cores of this node, which is slower than one thread per core. Start fewer ranks, or lower OMP_NUM_THREADS.");
  CHECK(choose_threads({4, 2, 2, none, none}).warning
        == "4 ranks of 1 thread share 2 cores of this node, which is slower than one thread per core. Start fewer ranks.");
  CHECK(choose_threads({1, 2, 1, 2, none}).warning
        == "2 threads share 1 core that a rank is bound to. Bind more to each (mpirun --map-by slot:PE=2), or lower --threads.");
}

TEST_CASE("cores that stay idle are worth a hint", "[threads]") {
  CHECK(choose_threads({1, 2, 2, none, none}).hint.empty());
  CHECK(choose_threads({2, 2, 1, none, none}).hint.empty());
  CHECK(choose_threads({1, 4, 1, none, none}).hint == "1 rank of 1 thread use part of the 4 cores of this node.");
  CHECK(choose_threads({1, 4, 4, none, 2}).hint == "1 rank of 2 threads use part of the 4 cores of this node.");
}

TEST_CASE("the facts of a rank are those of its node", "[threads]") {
  auto const comm = Communicator::world();
  ThreadFacts const facts = find_thread_facts(comm, 5);
  CHECK(facts.ranks_on_node == comm.size());  // all ranks of a test run on one machine
  CHECK(facts.own_cores == own_cores());
  CHECK(facts.own_cores >= 1);
  CHECK(facts.node_cores >= facts.own_cores);
  CHECK(facts.asked == 5);
}
