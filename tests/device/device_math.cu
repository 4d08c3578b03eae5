// The mathematics of pairs compiled for a GPU by nvcc alone: no Kokkos, no MPI. It only has to compile; what it computes is tested on the
// host.
#include "kernels/activation.hpp"
#include "kernels/activation_closed.hpp"
#include "kernels/expansion.hpp"

using namespace infinitile;

/// Every activation with a closed form, one pair per thread.
__global__ void carry_pairs(AnyActivation const* activation, RowSide const* row, ColSide const* col, double* gap, double* slope) {
  int const at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  with_activation(*activation, [&]<class A>(A const& phi) {
    if constexpr (requires { phi.dual(1.0, 1.0, 1.0); })
      ClosedLayer<A>{phi, activation->scaling}.carry(row[at], col[at], 1, gap + at, slope + at);
  });
}

/// Polynomials, by their features.
__global__ void carry_pairs_of_polynomials(PolynomialLayer layer, RowSide const* row, ColSide const* col, double* gap, double* slope) {
  int const at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  layer.carry(row[at], col[at], 1, gap + at, slope + at);
}

/// The others, by their table.
__global__ void carry_pairs_by_table(AngleView table, RowSide const* row, ColSide const* col, double* gap, double* slope) {
  int const at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  Carried const c = table.carry(row[at], col[at], 0, gap[at]);
  gap[at] = c.gap;
  slope[at] = c.slope;
}

/// Values and slopes of finite networks.
__global__ void apply(AnyActivation const* activation, double* x, double* slope) {
  int const at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  with_activation(*activation, [&]<class A>(A const& phi) {
    if constexpr (requires { phi.value(0.0); }) {
      slope[at] = phi.slope(x[at]);
      x[at] = phi.value(x[at]);
    }
  });
}
