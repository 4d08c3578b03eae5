#pragma once

#include <string>
#include <vector>

#include "kernels/activation.hpp"
#include "kernels/pair_step.hpp"

namespace infinitile {

/// An infinitely wide network as what it does to pairs of inputs: steps on numbered registers, each a gap and an ntk (see pair_step.hpp).
/// The infinite reading of a network (src/infinite) writes it; rows (row_table.hpp) and tiles (kernel_tile.hpp) run it.
struct PairProgram {
  /// More registers than this would not stay in L1. A network needs one, and one more for each branching layer it is inside of.
  static constexpr int most_registers = 24;

  std::vector<Step> steps;
  std::vector<AnyActivation> activations;  ///< Step::index of an activate step
  std::vector<double> layer_norm_eps;      ///< Step::index of a normalize step
  int inputs = 1;
  int registers = 1;
  int root_rows = 1;  ///< rows of the table of roots
  int output_roots = 0;
  std::vector<std::string> where;  ///< per step: the layer that it belongs to, as messages name it; may be empty
  // The result is in register 0.
};

}  // namespace infinitile
