#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/graphs.hpp"
#include "kernels/lanes.hpp"
#include "kernels/position_program.hpp"
#include "kernels/row_table.hpp"

namespace infinitile {

namespace plane_kernel {
class PlaneTwin;
}

/// The same `lines` numbers of every input. Inputs come in blocks of `width`, the lanes of a vector; a line of a block is one vector, its
/// lines follow each other, and what lies behind the last input repeats it.
template <class T>
class InputLines {
public:
  static constexpr long width = 16;

  InputLines() = default;
  InputLines(long lines, long inputs)
      : lines_(lines), inputs_(inputs), values_(static_cast<std::size_t>((inputs + width - 1) / width * lines * width)) {}
  /// The same in other numbers.
  template <class Other>
  explicit InputLines(InputLines<Other> const& other)
      : lines_(other.lines()), inputs_(other.inputs()), values_(other.all().begin(), other.all().end()) {}

  long lines() const { return lines_; }
  long inputs() const { return inputs_; }
  std::span<T const> all() const { return values_; }

  /// Followed by the inputs behind it up to the end of its block, and `width` further on by the next line.
  T* at(long line, long input) { return values_.data() + place(line, input); }
  T const* at(long line, long input) const { return values_.data() + place(line, input); }

  void repeat_last() {
    for (long line = 0; line < lines_; ++line)
      std::fill(at(line, inputs_ - 1) + 1, at(line, inputs_ - 1) + 1 + (width - 1 - (inputs_ - 1) % width), *at(line, inputs_ - 1));
  }

private:
  long place(long line, long input) const { return (input / width * lines_ + line) * width + input % width; }

  long lines_ = 0, inputs_ = 0;
  LaneVector<T> values_;
};

/// By planes wherever the program allows (kernels/plane_plan.hpp); or layer by layer even so, the general path, which can do every network.
enum class PositionPath { fused, general };

/// What every input (train rows, then test rows) knows before any pair is looked at: for each position, the roots of its variances at every
/// layer, and what activations and attention need of it. Computed once, the same on every rank.
struct PositionTable {
  long rows = 0;
  std::vector<int> channels;                    ///< per input of the network
  std::vector<InputLines<double>> inputs;       ///< line: position · channels + channel
  std::vector<InputLines<double>> roots;        ///< per slot; line: position
  std::vector<InputLines<float>> roots_single;  ///< the same, for planes in float; empty where they would leave its range
  std::vector<PreparedActivation> activations;  ///< for the variances that occur
  std::vector<InputLines<double>> features;     ///< per activation; line: feature · positions + position
  std::vector<InputLines<double>> attention;    ///< per rule with linear scaling; line: position · positions + other
  std::vector<InputLines<double>> there;        ///< per mask; line: position; 1, or 0 where it is masked
  std::vector<Graphs> graphs;                   ///< as the program numbers them
  std::vector<double> nngp;                     ///< the diagonal of the kernels, exactly
  std::vector<double> ntk;
  mutable std::shared_ptr<plane_kernel::PlaneTwin> twin;  ///< the table on a GPU (kernels/cuda/plane_twin.hpp), once a tile asked for it

  template <class R>
  InputLines<R> const& roots_in(int slot) const {
    if constexpr (std::is_same_v<R, float>)
      return roots_single[static_cast<std::size_t>(slot)];
    else
      return roots[static_cast<std::size_t>(slot)];
  }
};

/// Runs the program for every input with itself: variances layer by layer over all inputs, then the diagonal of the kernels input by input.
/// Inputs are row-major (rows, positions, channels), masked positions 0; `graphs` as many as the program reads. Throws
/// NumericalAnswer when a variance leaves the range of the numbers.
/// Cost and memory: kernels/position_fill.hpp.
PositionTable tabulate_positions(PositionProgram const& program, std::vector<InputRows> inputs, Precision precision,
                                 std::vector<Graphs> graphs = {}, PositionPath path = PositionPath::fused);

}  // namespace infinitile
