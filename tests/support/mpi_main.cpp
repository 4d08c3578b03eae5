// Catch2's session inside MPI and Kokkos. Every rank runs every test; the exit code is the worst of all ranks, so that a failure anywhere is one everywhere.
#define CATCH_CONFIG_RUNNER
#include <cfenv>
#include <cstdio>

#include <Kokkos_Core.hpp>
#include <mpi.h>

#include "support/catch.hpp"

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
#ifdef INFINITILE_TRAP_NAN
  feenableexcept(FE_INVALID);
#endif
  int failed = 0;
  {
    Kokkos::ScopeGuard const kokkos(argc, argv);
    failed = Catch::Session().run(argc, argv);
  }
  std::fflush(stdout);
  int rank = 0, worst = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Allreduce(&failed, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  if (rank == 0 && worst != 0) std::printf("FAILED on at least one rank\n");
  MPI_Finalize();
  return worst == 0 ? 0 : 1;
}
