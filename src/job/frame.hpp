#pragma once

#include <span>

#include "comm/communicator.hpp"
#include "job/command_line.hpp"
#include "job/report.hpp"

namespace infinitile {

/// What a command works with. Only rank 0 prints results, on stdout; log_info and its like print on rank 0 alone without being asked to.
struct Context {
  Communicator const& comm;
  int threads;  ///< of this rank; Kokkos has them
  CommandLine const& line;
  Report& report;  ///< every rank fills its own; the frame adds up and writes
};

/// The frame that every command runs in: command line, MPI, threads, log, stop signals, errors, report. Returns the exit code, the same on
/// every rank: where any rank fails, all end with the worst failure, and rank 0 prints its line. --help, --version, --info and --defaults
/// do without MPI.
int run(int argc, char** argv, std::span<Command const> commands);

}  // namespace infinitile
