#pragma once

#include <optional>
#include <string>

#include "comm/communicator.hpp"

namespace infinitile {

/// What decides how many threads a rank gets.
struct ThreadFacts {
  int ranks_on_node = 1;
  int node_cores = 1;              ///< that any rank of this node may run on
  int own_cores = 1;               ///< that this rank may run on: fewer when it is bound
  std::optional<int> asked;        ///< --threads
  std::optional<int> environment;  ///< OMP_NUM_THREADS
};

struct ThreadChoice {
  int threads = 1;
  std::string warning;  ///< empty when all is well
  std::string hint;     ///< cores that stay idle
};

/// --threads wins, then OMP_NUM_THREADS, then the node's cores are divided among its ranks, at least one each and no more than a rank may
/// run on. More threads than cores are done as asked, with a warning.
ThreadChoice choose_threads(ThreadFacts const& facts);

/// The facts of this rank. Collective.
ThreadFacts find_thread_facts(Communicator const& comm, std::optional<int> asked);

/// The cores that this process may run on.
int own_cores();

/// Threads that wait for others turn for a bounded time, then sleep, unless the user's environment says how they wait: by default they turn
/// so long that on a node with other work they hold the cores that the others need. And no threads of BLAS, which are never used. Libraries
/// read their environment as they are loaded, so the program begins again with it, in the same process; where it cannot, it goes on.
void bound_waiting(char* const* arguments);

}  // namespace infinitile
