#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec.hpp"
#include "kernels/pair_program.hpp"
#include "kernels/row_table.hpp"

namespace infinitile {

/// Raised with every change that may alter a bit of a tile of an infinite network, so that a run begun with other arithmetic is not continued
/// with this one.
inline constexpr std::uint64_t tile_arithmetic = 5;

/// One tile to compute: rows row0, ... and columns col0, ... of the row table. Results are row-major, `cols` apart. A tile on the diagonal
/// (row0 == col0) is symmetric to the bit and has its diagonal from the row table, exactly.
template <class T>
struct TileTask {
  long row0 = 0;
  long col0 = 0;
  int rows = 0;
  int cols = 0;
  T* nngp = nullptr;  ///< always written
  T* ntk = nullptr;   ///< null: NNGP only, and no NTK work is done
};

/// Computes tiles: one matrix product of unit rows, then one pass over the entries that runs all layers in registers and L1.
///
/// Bound    2 d + (layers) flops per entry: the product takes 2 d flops at the rate of dgemm, the pass about 5 cycles per entry and ReLU
///          layer on AVX-512, 2 in float (kernels/arc_cosine.hpp), so with d = 784 and 3 layers the product is 75 to 80 % of the time.
///          Bytes: 8 + 8 per entry and kernel, once.
/// Digits   gap = 1 − ρ of the inputs comes from the product; near parallel and antiparallel pairs from the difference or sum of the two
///          unit rows, in float64, so that near duplicates lose nothing. With T = float the layers run in float too, where its range
///          allows: gaps keep their relative accuracy.
/// Returns  how many entries came out infinite or not a number; a result file must not get those.
/// Order    the arithmetic of a tile has a fixed shape: the same bits for any number of threads and ranks.
template <class T>
long compute_tiles(Exec const& exec, PairProgram const& program, RowTable const& rows, std::span<TileTask<T> const> tasks);

/// The matrix products of compute_tiles alone, into each task's nngp (the lower half on the diagonal): what `bench` compares with.
template <class T>
void correlate_tiles(RowTable const& rows, std::span<TileTask<T> const> tasks);

}  // namespace infinitile
