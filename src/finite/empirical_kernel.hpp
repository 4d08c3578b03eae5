#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "finite/evaluation.hpp"
#include "finite/kernel_axes.hpp"
#include "finite/ntk_ways.hpp"

namespace infinitile {

/// As tile_arithmetic (kernels/kernel_tile.hpp), for tiles of finite networks: of what runs them, their kernels, and random parameters.
inline constexpr std::uint64_t finite_arithmetic = 5;

/// Kernels of one finite network, block by block.
/// Memory beside the evaluations of both sides: cotangents on their way back, of so many outputs at once that those of the largest value have
/// numbers_at_once numbers (all outputs that are kept in pairs go together), and the Jacobian of the weights in hand in slices of an eighth of
/// that. Of a parameter that is used several times the cotangents of all uses are held until the last one is met, twice where it goes by its
/// structure, or its whole Jacobian where it does not.
template <class T>
class EmpiricalKernel {
public:
  EmpiricalKernel(FiniteProgram program, ParameterValues const& values, KernelAxes const& axes, NtkMethod method,
                  long numbers_at_once = 1L << 26);
  EmpiricalKernel(EmpiricalKernel&&) = default;  ///< no copies: uses_ points into the program, which a move leaves where it is

  /// Values of a pair are kept.. numbers of the layout's kept shape, row-major.
  KernelLayout const& layout() const { return layout_; }

  enum class Get { nngp, nngp_and_ntk };
  struct Block {
    std::vector<T> nngp, ntk;  ///< [rows][cols][kept], each; no ntk where it was not asked for
  };
  /// One batch per input of the network.
  using Inputs = std::span<Batch<T const> const>;
  Block between(Inputs rows, Inputs cols, Get get = Get::nngp_and_ntk) const;
  /// A batch with itself: each network is run once, and the block is symmetric to the last bit.
  Block within(Inputs samples, Get get = Get::nngp_and_ntk) const;

  /// The network at some samples, once for any number of blocks, whose bits are those of the blocks above. Kernel and samples have to live as
  /// long as it does.
  Evaluation<T> evaluate(Inputs samples, Get get = Get::nngp_and_ntk) const;
  /// `col_samples`: those that cols was evaluated at.
  Block between(Evaluation<T> const& rows, Evaluation<T> const& cols, Inputs col_samples, Get get = Get::nngp_and_ntk) const;
  Block within(Evaluation<T> const& side, Inputs samples, Get get = Get::nngp_and_ntk) const;

  /// Σ over cols and outputs of ntk(rows, cols) v, for v (copies, cols, outputs), without the kernel: one cotangent back, one tangent forth.
  Numbers<T> multiply(Inputs rows, Inputs cols, Batch<T const> v) const;

private:
  using Sides = BlockSize::Sides;
  Block compute(Evaluation<T> const& left, Evaluation<T> const& right, Inputs cols, Sides sides, Get get) const;

  void add_products_of_outputs(Evaluation<T> const& left, Evaluation<T> const& right, TermSum<T> sum) const;
  void add_outputs_in_turn(Evaluation<T> const& left, Evaluation<T> const& right, std::span<TermWay const> ways, Sides sides,
                           TermSum<T> sum) const;
  /// Without a right way the sides are the same.
  void add_uses(Backward<T>& left_way, std::optional<Backward<T>>& right_way, std::span<TermWay const> ways, TermSum<T> sum) const;
  void add_columns(Evaluation<T> const& left, Inputs cols, TermSum<T> sum) const;
  std::vector<T> place(TermSum<T> sum, Sides sides) const;
  Numbers<T> seeds(int rows, int first, int count) const;

  KeptMemory kept_;  ///< from block to block
  FiniteProgram program_;
  ParameterArrays<T> parameters_;
  KernelLayout layout_;
  NtkMethod method_;
  long numbers_at_once_;
  std::vector<std::vector<UsePlace>> uses_;  ///< of each parameter
};

}  // namespace infinitile
