#pragma once

#include <vector>

#include "kernels/graphs.hpp"
#include "kernels/position_program.hpp"
#include "kernels/row_table.hpp"

namespace infinitile {

/// What every input (train rows, then test rows) knows before any pair is looked at: for each position, the roots of its variances at every
/// layer, and what activations and attention need of it. Computed once, the same on every rank.
///
/// Arrays are [position][stride] with one column per input, so that neighbouring inputs are lanes of a vector; stride is rows and one
/// strip more, copies of the last input.
struct PositionTable {
  static constexpr int most_lanes = 16;  ///< of a strip

  long rows = 0;
  long stride = 0;
  std::vector<int> channels;                     ///< per input of the network
  std::vector<std::vector<double>> inputs;       ///< [position · channels + channel][stride]
  std::vector<std::vector<double>> roots;        ///< per slot: [position][stride]
  std::vector<std::vector<float>> roots_single;  ///< the same, for planes in float; empty where they would leave its range
  std::vector<PreparedActivation> activations;   ///< for the variances that occur
  std::vector<std::vector<double>> features;     ///< per activation: [feature][position][stride]
  std::vector<std::vector<double>> attention;    ///< per rule with linear scaling: [position · positions + other][stride]
  std::vector<std::vector<double>> there;        ///< per mask: [position][stride], 1, or 0 where it is masked
  std::vector<Graphs> graphs;                    ///< as the program numbers them
  std::vector<double> nngp;                      ///< the diagonal of the kernels, exactly
  std::vector<double> ntk;

  template <class R>
  R const* roots_in(int slot) const {
    if constexpr (std::is_same_v<R, float>)
      return roots_single[static_cast<std::size_t>(slot)].data();
    else
      return roots[static_cast<std::size_t>(slot)].data();
  }
};

/// Runs the program for every input with itself: variances layer by layer over all inputs, then the diagonal of the kernels input by input.
/// Inputs are row-major (rows, positions, channels), masked positions 0; `graphs` as many as the program reads. Throws NumericalAnswer when a variance leaves the range of the numbers.
/// Cost: rows x one pair without vector lanes; memory: what variances need of every input at a time (their diagonal, where no layer mixes
/// positions before the last activation).
PositionTable tabulate_positions(PositionProgram const& program, std::vector<InputRows> inputs, Precision precision,
                                 std::vector<Graphs> graphs = {});

}  // namespace infinitile
