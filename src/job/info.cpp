#include "job/info.hpp"

#include <sched.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/text.hpp"
#include "comm/environment.hpp"
#include "job/threads.hpp"
#include "kernels/blas.hpp"
#include "kernels/exec.hpp"
#include "store/hdf5.hpp"
#include "version.hpp"

namespace infinitile {

namespace {

std::string kokkos_text() {
  std::vector<std::string> backends;
#ifdef KOKKOS_ENABLE_SERIAL
  backends.emplace_back("Serial");
#endif
#ifdef KOKKOS_ENABLE_OPENMP
  backends.emplace_back("OpenMP");
#endif
#ifdef KOKKOS_ENABLE_CUDA
  backends.emplace_back("CUDA");
#endif
  return fmt::format("{}.{}.{}, {}; launches run on {}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100, KOKKOS_VERSION % 100,
                     join(backends), Exec::name());
}

}  // namespace

std::string version_text() {
  return text("infinitile ", version, " (", git_id, ")");
}

std::string info_text() {
  double const memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  std::string out = version_text() + "\n";
  auto const add = [&](char const* what, std::string_view value) { out += fmt::format("  {:<14}{}\n", what, value); };
  add("build", build_description);
  add("MPI", mpi_library());
  add("Kokkos", kokkos_text());
  add("HDF5", h5::version());
  add("file locking", h5::locking_mode());
  add("BLAS", blas_description());
  add("cores", text(own_cores(), " of ", sysconf(_SC_NPROCESSORS_ONLN), " that this process may run on"));
  add("memory", format_bytes(memory));
  add("devices", "none");
  return out;
}

}  // namespace infinitile
