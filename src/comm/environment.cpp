#include "comm/environment.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <mpi.h>

#include "base/text.hpp"
#include "comm/communicator.hpp"

namespace infinitile {

namespace {

bool mpi_runs() {
  int begun = 0, ended = 0;
  MPI_Initialized(&begun);
  MPI_Finalized(&ended);
  return begun != 0 && ended == 0;
}

/// Looking for the fabric of a cluster takes Open MPI 0.2 s at every start. Where all ranks are on one node there is nothing to find: memory
/// it is, unless the user said otherwise. Other libraries do not know the variable.
void skip_search_for_fabric() {
  char const* const all = std::getenv("OMPI_COMM_WORLD_SIZE");
  char const* const here = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  bool const one_node = all != nullptr && here != nullptr && std::string_view(all) == here;
  constexpr int keep_what_is_set = 0;
  if (one_node || !rank_by_launcher()) ::setenv("OMPI_MCA_pml", "ob1", keep_what_is_set);
}

std::string first_line(char const* words, int length) {
  std::string const all(words, static_cast<std::size_t>(length));
  return all.substr(0, all.find_first_of("\n\r,"));
}

}  // namespace

std::optional<std::string_view> rank_by_launcher() {
  for (char const* const variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (char const* const rank = std::getenv(variable)) return rank;
  return std::nullopt;
}

Environment::Environment() {
  INFINITILE_EXPECT(!mpi_runs());
  skip_search_for_fabric();
  int level = MPI_THREAD_SINGLE;
  mpi_check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level), "MPI_Init_thread");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  if (level < MPI_THREAD_FUNNELED)
    throw Error("This MPI library cannot be called from a program with threads (MPI_THREAD_FUNNELED). Use one built with thread support.");
  Communicator::world();
}

Environment::~Environment() {
  int ranks = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (std::uncaught_exceptions() > 0 && ranks > 1) abort_job("an exception left the program on one rank");
  MPI_Finalize();
}

void abort_job(std::string_view message, Exit code) {
  std::fflush(stdout);
  std::fprintf(stderr, "infinitile: %.*s\n", static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  if (mpi_runs()) MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));
}

void mpi_check(int code, char const* call) {
  if (code == MPI_SUCCESS) return;
  char words[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, words, &length);
  throw Error(text(call, " failed: ", first_line(words, length),
                   ". This is between the ranks, not in the job; look at the network and the other ranks."),
              Exit::defect);
}

std::string mpi_library() {
  char words[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  mpi_check(MPI_Get_library_version(words, &length), "MPI_Get_library_version");
  return first_line(words, length);
}

}  // namespace infinitile
