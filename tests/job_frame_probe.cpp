// A program of small commands that end in every way a command can end; job_frame_test.sh looks at what the frame makes of each.
#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/agreed_stop.hpp"
#include "job/frame.hpp"
#include "job/run_directory.hpp"

using namespace infinitile;

namespace {

bool is_last(Context const& context) {
  return context.comm.rank() + 1 == context.comm.size();
}

void succeed(Context const& context) {
  log_info("information");
  log_warning("warning");
  if (context.comm.is_first()) std::printf("%d ranks of %d threads\n", context.comm.size(), context.threads);
}

void fail_everywhere(Context const&) {
  throw Error("bad input on all ranks.");
}

void fail_on_the_last(Context const& context) {
  if (is_last(context)) throw NumericalAnswer("not positive definite on the last rank.");
}

void fail_while_others_wait(Context const& context) {
  if (is_last(context)) throw Error("the last rank has left.");
  context.comm.barrier();
}

void be_defect(Context const&) {
  throw std::logic_error("a defect");
}

void be_stopped(Context const& context) {
  if (is_last(context)) std::raise(SIGUSR1);
  stop_if_asked(context.comm);
}

void take_directory(Job const& job, Context const& context) {
  RunDirectory const directory(job, {}, context);
  auto const phase = context.report.phase("all of it");
  context.report.tiles = {2, 1, 0, 0};
  if (job.name == "failing") throw NumericalAnswer("no convergence.");
}

std::vector<Command> const commands{
    {"succeed", "[WORD...]", "", "", {}, succeed},
    {"fail_everywhere", "[WORD...]", "", "", {}, fail_everywhere},
    {"fail_on_the_last", "[WORD...]", "", "", {}, fail_on_the_last},
    {"fail_while_others_wait", "[WORD...]", "", "", {}, fail_while_others_wait},
    {"be_defect", "[WORD...]", "", "", {}, be_defect},
    {"be_stopped", "[WORD...]", "", "", {}, be_stopped},
    {"take_directory", "JOB.yaml", "", "", {}, take_directory},
};

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv, commands);
}
