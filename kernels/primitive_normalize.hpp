#pragma once

#include "kernels/primitive.hpp"

// Primitives along lines of `width` numbers. Their Jacobians are symmetric, so push and pull are one function. Bound by memory.

namespace infinitile::primitive {

/// y = (x − mean) / √(variance + eps) in each line.
/// Derivative  J v = (v − mean(v) − y mean(y v)) / √(variance + eps).
struct Normalize {
  static constexpr bool needs_operands = true, needs_result = true;
  int lines = 1, width = 1;
  double eps = 0;
};

/// y = exp(x) / Σ exp(x) in each line.
/// Derivative  J v = y (v − Σ y v).
struct Softmax {
  static constexpr bool needs_operands = false, needs_result = true;
  int lines = 1, width = 1;
};

INFINITILE_DECLARE_PRIMITIVE(Normalize)
INFINITILE_DECLARE_PRIMITIVE(Softmax)

}  // namespace infinitile::primitive
