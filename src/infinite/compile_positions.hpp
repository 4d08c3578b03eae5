#pragma once

#include <concepts>

#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The infinite-width reading of a network whose layers act on positions, as steps for the general path (kernels/position_step.hpp).
/// Throws Error, naming the layer, for what this reading does not have, and for a network whose result still has positions.
PositionProgram compile_position_program(Network const& network);

/// The operations that a pair program does not have.
template <class Op>
concept ActsOnPositions = std::is_base_of_v<Convolution, Op> || std::is_same_v<Op, AvgPool> || std::is_same_v<Op, SumPool> || std::
    is_same_v<Op, GlobalAvgPool> || std::is_same_v<Op, GlobalSumPool> || std::is_same_v<Op, GlobalSelfAttention> || std::is_same_v<
        Op, ImageResize> || std::is_same_v<Op, Index> || std::is_same_v<Op, DotGeneral>;

/// Does any layer but flatten act on positions? Otherwise a network is a pair program (infinite/compile_pairs.hpp).
bool acts_on_positions(Network const& network);

}  // namespace infinitile
