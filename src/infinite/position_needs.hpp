#pragma once

#include <optional>
#include <vector>

#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// What of each node's covariance between positions has to be kept, decided backwards and per node: flatten asks for the diagonal alone,
/// what mixes positions (pooling, attention, ...) asks for all pairs before it, and the other layers hand on what is asked of them.
struct PositionNeeds {
  std::vector<Spread> pairs;                     ///< per node, for pairs of inputs
  std::vector<std::optional<Spread>> variances;  ///< for an input with itself, as far as an activation, layer norm or attention will ask
};

/// Per node what it does to positions; nothing where it leaves them alone.
std::vector<std::optional<PositionMap>> find_maps(Network const& network);

PositionNeeds find_needs(Network const& network, std::vector<std::optional<PositionMap>> const& maps);

}  // namespace infinitile
