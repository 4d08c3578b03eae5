#pragma once

#include <concepts>
#include <span>

#include "kernels/graphs.hpp"
#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// Do inputs have masked positions?
enum class Masks { none, given };

/// The infinite-width reading of a network whose layers act on positions, as steps for the general path (kernels/position_step.hpp).
/// Throws Error, naming the layer, for what this reading does not have, and for a network whose result still has positions. `graphs`, as
/// aggregate layers read them, tell plans how many edges there are.
PositionProgram compile_position_program(Network const& network, Masks masks = Masks::none, std::span<Graphs const> graphs = {});

/// The operations that a pair program does not have.
template <class Op>
concept ActsOnPositions = std::is_base_of_v<Convolution, Op> || std::is_same_v<Op, AvgPool> || std::is_same_v<Op, SumPool> || std::
    is_same_v<Op, GlobalAvgPool> || std::is_same_v<Op, GlobalSumPool> || std::is_same_v<Op, GlobalSelfAttention> || std::is_same_v<
        Op, ImageResize> || std::is_same_v<Op, Index> || std::is_same_v<Op, DotGeneral> || std::is_same_v<Op, Aggregate>;

/// Does any layer but flatten act on positions? Otherwise a network is a pair program (infinite/compile_pairs.hpp).
bool acts_on_positions(Network const& network);

}  // namespace infinitile
