#pragma once

#include <map>
#include <memory>
#include <vector>

#include "kernels/linear_algebra.hpp"
#include "plan/distribution.hpp"
#include "plan/tile_grid.hpp"

namespace infinitile {

/// Consecutive tile rows, or tile columns, of a grid: tile `first` has sizes[0] rows, and so on.
struct TileAxis {
  int first = 0;
  std::vector<int> sizes;

  int end() const { return first + static_cast<int>(sizes.size()); }
  int size(int tile) const { return sizes[static_cast<std::size_t>(tile - first)]; }
  bool has(int tile) const { return tile >= first && tile < end(); }

  static TileAxis train(TileGrid const& grid);
  static TileAxis test(TileGrid const& grid);
};

/// The tiles this rank holds of a distributed matrix: row-major doubles, zero at first, one allocation per tile. Indices are those of the
/// TileGrid, so a tile lies where the Distribution puts it and is not moved between being computed and being factored.
class TileMatrix {
public:
  enum class Shape { lower, rectangle };  ///< lower: only tiles with col ≤ row

  TileMatrix(Distribution const& distribution, int rank, TileAxis rows, TileAxis cols, Shape shape);
  /// One block of the kernel matrix.
  TileMatrix(Distribution const& distribution, int rank, TileGrid const& grid, Block block);

  TileAxis const& rows() const { return rows_; }
  TileAxis const& cols() const { return cols_; }
  /// The tiles of this rank, column by column.
  std::vector<TileIndex> const& mine() const { return mine_; }
  bool owns(TileIndex t) const { return tiles_.contains(t); }

  /// A tile of this rank; another one is a mistake of the program.
  Matrix at(TileIndex t);
  ConstMatrix at(TileIndex t) const;

private:
  TileAxis rows_;
  TileAxis cols_;
  std::vector<TileIndex> mine_;
  std::map<TileIndex, std::unique_ptr<double[]>> tiles_;
};

/// The size of the largest entry of this rank's tiles; infinity if one of them is not finite.
double largest_entry(TileMatrix const& matrix);

}  // namespace infinitile
