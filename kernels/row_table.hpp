#pragma once

#include <span>
#include <vector>

#include "base/precision.hpp"
#include "kernels/exec.hpp"
#include "kernels/layer_view.hpp"
#include "kernels/pair_program.hpp"

namespace infinitile {

/// All inputs of one input layer: rows x width, row-major, divided by their norms in place when the table is made.
struct InputRows {
  long width = 0;
  std::vector<double> values;
  std::vector<unsigned char> masked{};  ///< rows x positions, not 0 where a position is padding; empty: none is. Read by position programs
};

/// What every row (train rows, then test rows) knows before any pair is looked at. Computed once, the same on every rank.
struct RowTable {
  using Matrix = Kokkos::View<double**, Kokkos::LayoutRight, Memory>;
  using SingleMatrix = Kokkos::View<float**, Kokkos::LayoutRight, Memory>;

  long rows = 0;
  std::vector<std::vector<double>> storage;     ///< what `unit` looks at
  std::vector<Matrix> unit;                     ///< per input: rows / |row|, zero rows stay zero
  std::vector<SingleMatrix> unit_single;        ///< the same, for float32 tiles; empty otherwise
  Matrix roots;                                 ///< [program.root_rows][rows]: √variance, and factors of layer norms
  SingleMatrix roots_single;                    ///< the same, for layers in float; empty where they would leave its range
  std::vector<PreparedActivation> activations;  ///< per activation of the program, for the variances that occur
  std::vector<Matrix> features;                 ///< per activation: [features][rows]
  LaunchVector<LayerView> views;                ///< the activations as launches on a GPU see them; empty on the host
  std::vector<LaunchVector<double>> tables;     ///< what `views` look at
  LaunchVector<double> nngp;                    ///< the diagonal of the kernels, exactly
  LaunchVector<double> ntk;
};

/// Tiles of float32 run their layers in float where all roots are 0 or between 1 / most_single_root and most_single_root and the tangent
/// kernels stay below its square: fourth powers of roots are formed on the way. In double otherwise.
constexpr double most_single_root = 1e8;

/// Runs the program along the diagonal (gap 0). Takes the inputs over and turns them into unit rows where they are.
/// Cost: rows x (2 width + layers) flops and one pass over the data; a general activation adds its features (kernels/expansion.hpp).
RowTable tabulate_rows(PairProgram const& program, std::vector<InputRows> inputs, Precision precision);

}  // namespace infinitile
