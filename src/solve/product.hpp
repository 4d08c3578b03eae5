#pragma once

#include <functional>

#include "solve/process_grid.hpp"
#include "solve/tile_matrix.hpp"

namespace infinitile {

/// c ← c + alpha x yᵀ, for the tiles that c has. x and y have the same tile columns; c has the rows of x and, as columns, the rows of y.
/// 2 r s n flops for r rows and s columns of c, half of it where c is lower; panels of one tile column of x and y travel, as in the
/// factorization.
void add_product(ProcessGrid const& grid, double alpha, TileMatrix const& x, TileMatrix const& y, TileMatrix& c);

/// Fills a tile that this rank owns, (row, col) with col ≤ row; diagonal tiles whole. Called by one thread.
using LoadTile = std::function<void(TileIndex, Matrix)>;

/// b k for a symmetric matrix k whose lower tiles come from `load`, each twice and none kept. 2 r n² flops for r rows of b; memory besides
/// the result: a tile row and a tile column of k, and their panels.
TileMatrix times_symmetric(ProcessGrid const& grid, TileMatrix const& b, LoadTile const& load);

}  // namespace infinitile
