#pragma once

#include "plan/tile_grid.hpp"

namespace infinitile {

/// Which rank owns a tile: block-cyclic over a process grid of rows x cols ranks, rank = row * cols + col.
/// The cycle is reflected (0 1 2 2 1 0 0 1 2 ...): of a lower triangle, plain cycling gives the first ranks more than the last.
class Distribution {
public:
  /// The grid nearest to a square with rows <= cols.
  explicit Distribution(int ranks);
  Distribution(int rows, int cols);

  int ranks() const { return rows_ * cols_; }
  int rows() const { return rows_; }
  int cols() const { return cols_; }
  int row_of(int rank) const { return rank / cols_; }
  int col_of(int rank) const { return rank % cols_; }

  int process_row(int tile_row) const { return reflected(tile_row, rows_); }
  int process_col(int tile_col) const { return reflected(tile_col, cols_); }
  int owner(TileIndex t) const { return process_row(t.row) * cols_ + process_col(t.col); }

private:
  static int reflected(int i, int n) { return i / n % 2 == 0 ? i % n : n - 1 - i % n; }

  int rows_;
  int cols_;
};

}  // namespace infinitile
