#pragma once

#include <vector>

#include "kernels/activation.hpp"
#include "kernels/primitive.hpp"

// Primitives whose results are functions of single entries. All are bound by memory: push and pull read what they carry once and write once.

namespace infinitile::primitive {

/// How an operand is read, line by line: entry i of line l is x[first[l] + step i]; without `first` it lies as the result does. A first of
/// -1: nothing is there, zeros.
struct Lines {
  std::vector<int> first{};
  int step = 1;

  bool plain() const { return first.empty(); }
};

/// y = left x0 + right x1.
struct Add {
  static constexpr bool needs_operands = false, needs_result = false;
  int lines = 1, width = 1;  ///< of the result
  double left = 1, right = 1;
  Lines read[2]{};
};

/// y = scale x0 x1.
struct Multiply {
  static constexpr bool needs_operands = true, needs_result = false;
  int lines = 1, width = 1;
  double scale = 1;
  Lines read[2]{};
};

/// y = scale x, x read in another order, in part, or more than once: transposes, slices, indices, repetitions, windows with zeros around.
struct Read {
  static constexpr bool needs_operands = false, needs_result = false;
  int lines = 1, width = 1;
  double scale = 1;
  Lines read[1]{};
};

/// y = f(x), entry by entry. In float the function is evaluated in double and rounded.
struct Activate {
  static constexpr bool needs_operands = true, needs_result = false;
  AnyActivation f;
};

INFINITILE_DECLARE_PRIMITIVE(Add)
INFINITILE_DECLARE_PRIMITIVE(Multiply)
INFINITILE_DECLARE_PRIMITIVE(Read)
INFINITILE_DECLARE_PRIMITIVE(Activate)

}  // namespace infinitile::primitive
