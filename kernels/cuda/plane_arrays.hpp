#pragma once

#include <vector>

// What the planes of a position program are to a GPU: plain numbers in plain arrays, without Kokkos, so that nvcc and a host compiler read the
// same header.

namespace infinitile::plane_kernel {

/// The largest image: its planes fit shared memory many times over, and its strips of columns a small block.
inline constexpr int most_side = 32;

/// One layer of a plane: a window of stride 1 or nothing, weights, and an activation of ReLU's family or nothing. The numbers are those of
/// plane_step::Weights and plane_step::WeightsAndRelu (kernels/plane_relu.hpp).
template <class R>
struct PlaneLayer {
  int taps = 1;                   ///< 3: a window of 3 x 3; 1: each position alone
  int before = 0, after = 0;      ///< roots in front of the window, for its border, and behind the weights
  int bends = 0;                  ///< 1: an activation follows the weights
  R a = 1, trained = 0, one = 0;  ///< k' = a Σ k + b², ntk' = trained k' + one + a Σ ntk
  R level = 0, product = 0;       ///< E[φ²] / q, and the product of the two slopes
  R turn = 0;                     ///< (slope − slope)² / 2 over level
  R bend = 0;                     ///< level turn / π, what multiplies the polynomials of the angle
};

/// All that a launch reads beside the pairs. Numbers of an input lie together, positions next to each other, so that threads with neighbouring
/// positions read neighbouring numbers.
template <class R>
struct PlaneArrays {
  int height = 1, width = 1, channels = 1;
  int planes = 1;  ///< height · width; or 1, the plane of each position with itself
  int slots = 0;
  std::vector<PlaneLayer<R>> layers;
  std::vector<R> inputs;  ///< [input][channel][position]
  std::vector<R> roots;   ///< [input][slot][position]
};

/// One input with another.
struct PlanePair {
  int row = 0, col = 0;
};

/// h and ntk of all entries of a pair behind the last layer.
struct PlaneSums {
  double h = 0, ntk = 0;
};

}  // namespace infinitile::plane_kernel
