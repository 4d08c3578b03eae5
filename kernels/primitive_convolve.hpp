#pragma once

#include <vector>

#include "kernels/primitive.hpp"

namespace infinitile::primitive {

/// y[o] = scale Σ_t x[picks[o][t]] w[t]: the operands are x (in positions, in) and w (taps, in / groups, out); channels of group g see the
/// in / groups inputs of group g alone. Correlations with any strides, padding and dilation, and their transposes, differ in picks only.
/// 2 out_positions taps (in / groups) out flops per sample and direction, compute-bound: the numbers under a panel of windows are laid side
/// by side, a panel small enough for the cache, and go through one matrix product. A transposed convolution of stride s multiplies s times
/// (per axis) more than it had to, by zeros.
struct Convolve {
  static constexpr bool needs_operands = true, needs_result = false;
  int in_positions = 1, out_positions = 1;
  int taps = 1;
  int in = 1, out = 1;  ///< channels
  int groups = 1;
  double scale = 1;
  std::vector<int> picks{};  ///< [out_positions][taps]: the position that is read, or -1
};

INFINITILE_DECLARE_PRIMITIVE(Convolve)

/// The numbers of a sample under all windows, (out positions, groups · taps · in / groups).
template <class T>
void gather_windows(Convolve const& p, T const* x, T* windows);

}  // namespace infinitile::primitive
