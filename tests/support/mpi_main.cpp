// Catch2's session inside MPI and Kokkos. Every rank runs every test. A failure is printed when it happens, with its rank: with one rank
// out early the others wait in a collective, and the log must still show which rank and line. At the end of each section the ranks vote, so
// a check that fails on one rank fails the run; a rank that left a test early gives the others a few seconds to come, then ends the job.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <cfenv>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <Kokkos_Core.hpp>

#include "base/text.hpp"
#include "comm/communicator.hpp"
#include "support/catch.hpp"
#include "support/catch_session.hpp"

namespace {

using infinitile::Communicator;
using infinitile::Failure;

#if CATCH_VERSION_MAJOR >= 3
using Listener = Catch::EventListenerBase;
using Handled = void;
#else
using Listener = Catch::TestEventListenerBase;
using Handled = bool;
#endif

/// Prints failures at once and takes the votes.
class Voter : public Listener {
public:
  using Listener::Listener;

  void testCaseStarting(Catch::TestCaseInfo const& info) override {
    name_ = std::string(info.name);
    failed_ = false;
  }

  Handled assertionEnded(Catch::AssertionStats const& stats) override {
    if (!stats.assertionResult.isOk()) print(stats);
    return static_cast<Handled>(true);
  }

  void sectionEnded(Catch::SectionStats const&) override {
    if (Communicator const world = Communicator::world(); world.size() > 1) {
      constexpr double patience = 4;  // seconds
      auto const mine = failed_ ? std::optional(Failure{infinitile::Exit::defect, infinitile::text("FAILED: ", name_)}) : std::nullopt;
      any_failed |= world.agree(mine, patience).has_value();
    }
  }

  static inline bool any_failed = false;

private:
  void print(Catch::AssertionStats const& stats) {
    failed_ = true;
    auto const& result = stats.assertionResult;
    std::string notes;
    for (auto const& info : stats.infoMessages) notes += infinitile::text("\n  with ", info.message);
    std::fprintf(stderr, "rank %d: FAILED at %s:%d in \"%s\": %s\n  that is %s %s%s\n", Communicator::world().rank(),
                 result.getSourceInfo().file, static_cast<int>(result.getSourceInfo().line), name_.c_str(),
                 std::string(result.getExpressionInMacro()).c_str(), std::string(result.getExpandedExpression()).c_str(),
                 std::string(result.getMessage()).c_str(), notes.c_str());
    std::fflush(stderr);
  }

  std::string name_;
  bool failed_ = false;
};
CATCH_REGISTER_LISTENER(Voter)

/// Catch2's own report comes from rank 0 alone.
int run_tests(int argc, char** argv, int rank) {
  std::vector<char const*> words(argv, argv + argc);
  if (rank != 0) words.insert(words.end(), {"--out", "/dev/null"});
  return run_catch_session(static_cast<int>(words.size()), words.data());
}

}  // namespace

int main(int argc, char** argv) {
  infinitile::Environment const mpi;
#ifdef INFINITILE_TRAP_NAN
  feenableexcept(FE_INVALID);
#endif
  Communicator const world = Communicator::world();
  int failed = 0;
  {
    Kokkos::ScopeGuard const kokkos(argc, argv);
    failed = run_tests(argc, argv, world.rank());
  }
  bool const any = world.any(failed != 0 || Voter::any_failed);
  if (world.is_first() && any) std::printf("FAILED on at least one rank\n");
  std::fflush(stdout);
  return any ? 1 : 0;
}
