#pragma once

#include <span>
#include <vector>

#include "finite/program_builder.hpp"
#include "kernels/position_map.hpp"
#include "net/positions.hpp"

// What layers do to positions, for the finite reading: most of them along one axis after the other.

namespace infinitile {

/// The windows of conv and conv_local, and those of conv_transpose, of all axes together; positions row-major, taps row-major.
WindowPicks window_picks(std::span<WindowAxis const> axes);
WindowPicks transposed_picks(std::span<WindowAxis const> axes);

/// A pool along one axis.
enum class Pool { sum, average, average_inside };  ///< average_inside: over the positions that are there
PositionTap pool_matrix(WindowAxis const& axis, Pool pool);
/// A resize along one axis.
PositionTap resize_matrix(long in, long out, ImageResize const& op);
/// What relates the embeddings of positions: a factor of their covariance, which makes them of independent ones (reference 1.4).
PositionTap embedding_matrix(GlobalSelfAttention const& op, std::span<long const> sizes);
/// All positions of a product with a constant.
PositionTap product_matrix(DotGeneral const& op, Node const& input);

}  // namespace infinitile
