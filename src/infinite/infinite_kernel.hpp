#pragma once

#include <vector>

#include "infinite/program.hpp"
#include "kernels/kernel_tile.hpp"
#include "kernels/position_table.hpp"
#include "plan/tile_grid.hpp"

namespace infinitile {

/// The tiles of one network on one data set: program and rows, made once, and the grid that cuts the rows.
class InfiniteKernel {
public:
  /// `inputs`: for each input of the network its train rows followed by its test rows.
  /// `graphs`: as aggregate layers read them (infinite/graph_patterns.hpp).
  InfiniteKernel(TileGrid grid, InfiniteProgram program, std::vector<InputRows> inputs, Precision precision,
                 std::vector<Graphs> graphs = {});

  TileGrid const& grid() const { return grid_; }

  /// A tile of kernel values, row by row, height x width. `ntk` is empty when only the NNGP is wanted.
  template <class T>
  struct Values {
    TileIndex tile;
    LaunchVector<T> nngp;
    LaunchVector<T> ntk;
  };
  enum class Get { nngp, nngp_and_ntk };

  /// Computes the tiles side by side on the threads of this rank, into `values`, whose memory is used again. T is the precision given at
  /// the start. Throws NumericalAnswer, naming the tile, when a kernel value is infinite or not a number.
  template <class T>
  void compute(Exec const& exec, std::vector<TileIndex> const& tiles, Get get, std::vector<Values<T>>& values) const;

  /// The exact diagonal of a run of rows: variances and tangent kernels of inputs with themselves.
  std::vector<double> nngp_diagonal(Block block) const;
  std::vector<double> ntk_diagonal(Block block) const;

private:
  /// What every row knows, for the kind of program.
  using Table = std::variant<RowTable, PositionTable>;

  /// The place in the table of a tile's first row.
  long offset(int tile) const;
  template <class Numbers>
  std::vector<double> part_of(Numbers const& diagonal, Block block) const;

  TileGrid grid_;
  InfiniteProgram program_;
  Table table_;
};

}  // namespace infinitile
