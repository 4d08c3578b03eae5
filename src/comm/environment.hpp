#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace infinitile {

/// MPI from here to the end of this object's life; one per process, made first in main. Works under mpirun, under srun and alone (then
/// there is one rank). Only the thread that made it may call MPI. MPI errors come back as codes, which mpi_check turns into exceptions.
/// When an exception leaves its scope and there are other ranks, they may be waiting for this one: the job ends instead of hanging.
class Environment {
public:
  Environment();
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;
  ~Environment();
};

/// Before MPI is there, the launcher's environment tells which process this is; nothing if it was started alone.
std::optional<std::string_view> rank_by_launcher();

/// Ends all ranks at once with this one line on stderr and this exit code: for a rank that cannot reach the others any more.
[[noreturn]] void abort_job(std::string_view message, Exit code = Exit::defect);

/// Throws Error with the name of the MPI call and MPI's own words, unless `code` is success.
void mpi_check(int code, char const* call);

/// "Open MPI 4.1.4", or what the library calls itself, in a few words.
std::string mpi_library();

}  // namespace infinitile
