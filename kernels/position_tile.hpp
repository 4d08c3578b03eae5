#pragma once

#include <span>

#include "kernels/kernel_tile.hpp"
#include "kernels/position_table.hpp"

namespace infinitile {

/// Computes tiles of a network with positions.
///
/// Bound    fused: kernels/plane_step.hpp. General: 4 loads from L2 per tap of a convolution, entry and kernel, entries being positions²,
///          or positions where only equal positions matter (flatten without pooling before it).
/// Memory   per thread, 8 pairs in float64 or 16 in float32. Fused: h and ntk of one plane per register and of all planes behind a pool,
///          whatever the depth. General: of all entries, per register.
/// Digits   float64; planes in float where tiles are float32 and no activation comes behind a pool.
/// Returns  how many entries came out infinite or not a number. The same bits for any number of threads and ranks.
template <class T>
long compute_position_tiles(Exec const& exec, PositionProgram const& program, PositionTable const& table,
                            std::span<TileTask<T> const> tasks, PositionPath path = PositionPath::fused);

}  // namespace infinitile
