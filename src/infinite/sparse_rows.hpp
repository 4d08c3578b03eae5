#pragma once

#include <span>
#include <vector>

#include "kernels/position_map.hpp"
#include "net/position_rows.hpp"

namespace infinitile {

/// Throws Error without a place where a map with so many weights would fill the memory of a machine.
void expect_room(double weights);

/// The matrix over all positions that acts along each axis by its own. `sizes` are those of the input. This and map_of_axes throw as expect_room.
Rows kronecker(std::vector<Rows> const& axes, std::span<long const> sizes);

/// Taps as a map: picks where they will do.
PositionMap map_of(std::vector<Rows> const& taps, long in_positions, double scale);

/// The same of all combinations of one tap per axis, their mean.
PositionMap map_of_axes(std::vector<std::vector<Rows>> const& axes, std::span<long const> sizes);

}  // namespace infinitile
