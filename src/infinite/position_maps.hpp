#pragma once

#include <span>

#include "kernels/position_map.hpp"
#include "net/network.hpp"

namespace infinitile {

/// What each layer that is linear in space does to positions, as sparse matrices (neural_tangents rules, reference 2.4 to 2.6 and 2.11).
/// `sizes` are those of the spatial axes of the input, row-major.
PositionMap convolution_map(Convolution const& op, std::span<long const> sizes);
PositionMap transposed_map(ConvTranspose const& op, std::span<long const> sizes);
PositionMap pooling_map(AvgPool const& op, std::span<long const> sizes);
PositionMap pooling_map(SumPool const& op, std::span<long const> sizes);
PositionMap global_pooling_map(long positions, bool average);
PositionMap flatten_map(long positions);
PositionMap identity_map(long positions);
/// `out_sizes`: of the spatial axes of the result.
PositionMap resize_map(ImageResize const& op, std::span<long const> sizes, std::span<long const> out_sizes);
PositionMap index_map(Index const& op, std::span<long const> sizes);
PositionMap product_map(DotGeneral const& op, Node const& input);
/// A branch of a concatenation along a spatial axis: its place in the whole. `start`: of the branch on that axis.
PositionMap placement_map(std::span<long const> branch_sizes, std::span<long const> out_sizes, std::size_t axis, long start);

}  // namespace infinitile
