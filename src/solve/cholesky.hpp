#pragma once

#include <optional>
#include <span>

#include "solve/process_grid.hpp"
#include "solve/tile_matrix.hpp"

namespace infinitile {

/// Where a factorization stopped: the row of the whole matrix, its pivot, and the diagonal entry the pivot was left from.
struct Breakdown {
  long row = 0;
  double pivot = 0;
  double diagonal = 0;
};

/// A pivot at or below this part of its diagonal entry is taken for a rounding error of zero: the rounding of n subtractions.
double pivot_tolerance(long n);

/// In place: the lower tiles of a become its Cholesky factor L (a = L Lᵀ), and each appended matrix X, whose tile columns are those of a,
/// becomes X L⁻ᵀ: a forward substitution that costs no extra pass. For X = K_ZX and X = yᵀ this gives the posterior without a back
/// substitution:
///   W = K_ZX L⁻ᵀ, w = yᵀ L⁻ᵀ:   mean = W wᵀ,   covariance = K_ZZ − W Wᵀ,   yᵀ a⁻¹ y = w wᵀ,   log det a = 2 Σ log l_ii.
/// Nothing, or the breakdown, the same on every rank; the matrices mean nothing then.
///
/// Right-looking: the owner factors tile (k, k) and sends it down its process column, whose ranks solve for the tiles below; these go along
/// the process rows, then down the process columns, and every tile to the right of column k is updated by one gemm. Column k + 1 is updated
/// and factored first, and travels while the rest of the update runs. Each tile is updated in the order of k by one thread, so bits do not
/// depend on ranks or threads.
///
/// Flops   n³/3 + r n² for r appended rows, bound by gemm for sides from about 256 on.
/// Bytes   sent by each rank of a p x q grid: 8 (n²/2 + r n) / p along rows, 4 n² / q down columns.
/// Memory  in place; besides, per rank, the panels of the last steps: at most (n + r) / p x w doubles if q > 1 and n / q x w if p > 1,
///         with w = max(512, side) + 2 side, since updates by panels narrower than 512 wait for each other.
std::optional<Breakdown> cholesky(ProcessGrid const& grid, TileMatrix& a, std::span<TileMatrix* const> appended, double tolerance);

/// Each X becomes X L⁻¹, L the factor that cholesky left. With X = W this is B = K_ZX a⁻¹.
/// Right-looking from the last column to the first; row k - 1 of L travels down the process columns while row k is at work.
/// r n² flops. Memory: panels of r / p x side and 2 side x n / q doubles.
void solve_back(ProcessGrid const& grid, TileMatrix const& l, std::span<TileMatrix* const> rows);

}  // namespace infinitile
