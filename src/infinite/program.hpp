#pragma once

#include <string>
#include <variant>
#include <vector>

#include "infinite/compile_positions.hpp"
#include "kernels/pair_program.hpp"
#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The infinite-width reading of a network: steps on pairs of inputs where no layer acts on positions, steps on pairs of positions
/// otherwise.
using InfiniteProgram = std::variant<PairProgram, PositionProgram>;

/// Throws Error, naming the layer, for what this reading does not have. Masked positions of inputs are 0, which is all that masks are where
/// no layer acts on positions. `graphs`, as aggregate layers read them, tell plans how many edges there are.
InfiniteProgram compile_infinite(Network const& network, Masks masks = Masks::none, std::span<Graphs const> graphs = {});

/// What a program costs. Flops of NNGP and NTK together.
struct InfiniteCost {
  double pair_flops = 0;    ///< per pair of inputs
  double pair_numbers = 0;  ///< float64 numbers that one pair needs while it is computed
  double row_numbers = 0;   ///< numbers kept per input
  int stages = 0;           ///< plane by plane, in so many stages between pools; 0: layer by layer
};
InfiniteCost cost_of(InfiniteProgram const& program);

/// What the infinite reading keeps of each node, for `infinitile inspect`: "yes", with the entries per pair of inputs where there are
/// positions: the diagonal, or all pairs of them.
std::vector<std::string> infinite_support(Network const& network);

}  // namespace infinitile
