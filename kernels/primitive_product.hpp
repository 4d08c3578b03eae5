#pragma once

#include "kernels/primitive.hpp"

namespace infinitile::primitive {

/// y(g) = scale x0(g) x1(g): m x k times k x n matrices, for g of `groups`; an operand that is not grouped is the same for all groups.
/// A dense layer has m = positions, attention a group per head, a convolution with weights of its own at each position a group for each.
/// 2 groups m k n flops per sample and direction; compute-bound where weights are shared and the batch is not small, otherwise bound by
/// reading the operand that is not shared.
struct MatrixProduct {
  static constexpr bool needs_operands = true, needs_result = false;
  int groups = 1;
  int m = 1, k = 1, n = 1;
  bool left_grouped = true, right_grouped = true;
  bool transpose_right = false;  ///< x1(g) is stored as n x k
  double scale = 1;
};

INFINITILE_DECLARE_PRIMITIVE(MatrixProduct)

}  // namespace infinitile::primitive
