#pragma once

#include <vector>

#include "kernels/position_map.hpp"
#include "kernels/primitive.hpp"

// Primitives that move or mix whole runs of numbers; bound by memory.

namespace infinitile::primitive {

/// y[a, o, b] = Σ_i M[o, i] x[a, i, b] with M sparse: pools, resizing, products with constants, reductions along an axis.
struct Mix {
  static constexpr bool needs_operands = false, needs_result = false;
  int outer = 1, in = 1, inner = 1;
  PositionTap matrix{};

  int out() const { return static_cast<int>(matrix.first.size()) - 1; }
};

/// Its operands behind each other along an axis: of operand i the runs of widths[i] numbers.
struct Join {
  static constexpr bool needs_operands = false, needs_result = false;
  int outer = 1;
  std::vector<int> widths{};
};

INFINITILE_DECLARE_PRIMITIVE(Mix)
INFINITILE_DECLARE_PRIMITIVE(Join)

}  // namespace infinitile::primitive
