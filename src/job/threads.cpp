#include "job/threads.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <span>
#include <sys/auxv.h>
#include <unistd.h>
#include <vector>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// One bit per core that a process may run on; glibc's cpu_set_t holds 1024.
using CoreMask = std::array<std::uint64_t, sizeof(cpu_set_t) / sizeof(std::uint64_t)>;

CoreMask own_mask() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CoreMask mask{};
  if (sched_getaffinity(0, sizeof set, &set) == 0) std::memcpy(mask.data(), &set, sizeof set);
  return mask;
}

int count_cores(CoreMask const& mask) {
  int count = 0;
  for (std::uint64_t const word : mask) count += std::popcount(word);
  return std::max(1, count);  // more cores than the mask can hold: the call fails
}

/// The first number of OMP_NUM_THREADS, which may be a list for nested regions.
std::optional<int> threads_of_environment() {
  char const* const words = std::getenv("OMP_NUM_THREADS");
  int threads = 0;
  if (words == nullptr || std::from_chars(words, words + std::strlen(words), threads).ec != std::errc() || threads < 1) return std::nullopt;
  return threads;
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string several(int count, char const* what) {
  return text(count, " ", what, count == 1 ? "" : "s");
}

}  // namespace

ThreadChoice choose_threads(ThreadFacts const& facts) {
  ThreadChoice choice;
  int const share = std::clamp(facts.node_cores / facts.ranks_on_node, 1, facts.own_cores);
  choice.threads = facts.asked.value_or(facts.environment.value_or(share));
  std::string const where = facts.asked ? "--threads" : "OMP_NUM_THREADS";
  std::string const each = several(choice.threads, "thread");
  if (choice.threads * facts.ranks_on_node > facts.node_cores) {
    choice.warning = text(several(facts.ranks_on_node, "rank"), " of ", each, " share ", several(facts.node_cores, "core"),
                          " of this node, which is slower than one thread per core. Start fewer ranks",
                          choice.threads > 1 ? ", or lower " + where : "", ".");
  } else if (choice.threads > facts.own_cores) {
    choice.warning =
        text(each, " share ", several(facts.own_cores, "core"),
             " that a rank is bound to. Bind more to each (mpirun --map-by slot:PE=", choice.threads, "), or lower ", where, ".");
  } else if (facts.ranks_on_node * choice.threads < facts.node_cores || facts.own_cores < facts.node_cores / facts.ranks_on_node) {
    choice.hint =
        text(several(facts.ranks_on_node, "rank"), " of ", each, " use part of the ", several(facts.node_cores, "core"), " of this node.");
  }
  return choice;
}

ThreadFacts find_thread_facts(Communicator const& comm, std::optional<int> asked) {
  CoreMask const mine = own_mask();
  std::vector<std::uint64_t> row{checksum(host_name())};
  row.insert(row.end(), mine.begin(), mine.end());
  std::vector<std::uint64_t> const rows = comm.all_gather(std::span<std::uint64_t const>(row));
  CoreMask node{};
  for (std::size_t first = 0; first < rows.size(); first += row.size())
    if (rows[first] == row.front())
      for (std::size_t word = 0; word < node.size(); ++word) node[word] |= rows[first + 1 + word];
  return {comm.ranks_on_this_node(), count_cores(node), count_cores(mine), asked, threads_of_environment()};
}

void bound_waiting(char* const* arguments) {
  for (char const* const variable : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"})
    if (std::getenv(variable) != nullptr) return;
  if (::getauxval(AT_BASE) == 0) return;  // started by a loader (ld.so PROGRAM), which /proc/self/exe would be
  // Of GCC's library in turns of a loop, of LLVM's in milliseconds: docs/performance.md. Without the first one the program would begin for ever.
  if (::setenv("GOMP_SPINCOUNT", "2000", 1) != 0) return;
  ::setenv("KMP_BLOCKTIME", "1", 1);
  ::setenv("OPENBLAS_NUM_THREADS", "1", 0);
  std::array<char, 4096> program{};
  if (::readlink("/proc/self/exe", program.data(), program.size() - 1) > 0) ::execv(program.data(), arguments);
}

int own_cores() {
  return count_cores(own_mask());
}

}  // namespace infinitile
