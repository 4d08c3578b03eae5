#pragma once

#include <vector>

#include "kernels/primitive.hpp"

// Functions that networks from elsewhere have and the network language has no need of. Bound by memory.

namespace infinitile::primitive {

/// y = f(x), entry by entry.
struct Pointwise {
  static constexpr bool needs_operands = true, needs_result = false;
  enum class Function {
    affine,     ///< a x + b
    power,      ///< x to the power a
    logarithm,  ///< natural
    clip,       ///< x within [a, b]; the slope at both ends is 1
    positive,   ///< 1 for x > 0, else 0; its slope counts as 0
    zero,       ///< 1 for x = 0, else 0; its slope counts as 0
  };
  Function f = Function::affine;
  double a = 1, b = 0;
};

/// y = x1 where x0 is not 0, else x2, entry by entry. What is not chosen plays no part, so it may be infinite or no number. There is no derivative
/// in x0.
struct Select {
  static constexpr bool needs_operands = true, needs_result = false;
};

/// y[o] = max over t of x[picks[o][t]], for each of `channels` of x (positions, channels); -1: nothing is there. Every window has at least one
/// position. The derivative goes to the first of several that are largest.
struct Largest {
  static constexpr bool needs_operands = true, needs_result = false;
  int channels = 1, taps = 1;
  std::vector<int> picks{};  ///< [out positions][taps]

  int out_positions() const { return static_cast<int>(picks.size()) / taps; }
};

INFINITILE_DECLARE_PRIMITIVE(Pointwise)
INFINITILE_DECLARE_PRIMITIVE(Select)
INFINITILE_DECLARE_PRIMITIVE(Largest)

}  // namespace infinitile::primitive
