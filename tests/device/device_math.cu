// The mathematics of pairs compiled for a GPU by nvcc alone: no Kokkos, no MPI. It only has to compile; what it computes is tested on the
// host.
#include "kernels/layer_view.hpp"
#include "kernels/pair_step.hpp"

using namespace infinitile;

/// Every layer, one pair per thread, in double and in float.
template <class R>
__global__ void carry_pairs(LayerView const* layer, RowSide const* row, ColSide const* col, R* gap, R* slope) {
  int const at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  layer->carry(row[at], col[at], 1, gap + at, slope + at);
}
template __global__ void carry_pairs(LayerView const*, RowSide const*, ColSide const*, double*, double*);
template __global__ void carry_pairs(LayerView const*, RowSide const*, ColSide const*, float*, float*);

/// The steps between activations.
template <class R>
__global__ void step_pairs(Step step, step::Roots<R> before, step::Roots<R> other, step::Roots<R> after, R* gap, R* ntk) {
  switch (step.kind) {
    case Step::Kind::dense:
      return step::dense(step, before, after, 1, gap, ntk);
    case Step::Kind::normalize:
      return step::normalize(other, 1, ntk);
    case Step::Kind::drop:
      return step::drop(static_cast<R>(step.weight), 1, gap);
    case Step::Kind::add:
      return step::add(step, before, other, after, 1, gap, ntk, gap + 1, ntk + 1);
    default:
      return step::multiply(before, other, 1, gap, ntk, gap + 1, ntk + 1);
  }
}
template __global__ void step_pairs(Step, step::Roots<double>, step::Roots<double>, step::Roots<double>, double*, double*);
template __global__ void step_pairs(Step, step::Roots<float>, step::Roots<float>, step::Roots<float>, float*, float*);

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
