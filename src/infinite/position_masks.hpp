#pragma once

#include <optional>
#include <vector>

#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// Which positions are there behind each node, when inputs have masks. Nodes that leave a mask as it is share its rule. Rules of
/// neural_tangents, reference 2.16: a convolution or pool takes the mask at the centre of each window, sums, products and all that mixes
/// positions by weights mask what has masked sources alone, and conv_transpose what has any.
struct PositionMasks {
  std::vector<MaskRule> rules;
  std::vector<int> of;  ///< per node: which rule; -1 where the output does not need the node
};

/// `maps`: per node what it does to positions (find_maps).
PositionMasks find_masks(Network const& network, std::vector<std::optional<PositionMap>> const& maps);

/// Can the layer give something where its input has nothing: by a bias, an activation with φ(0) ≠ 0, or positions around? Then masks are laid
/// over its result.
bool fills_masked_positions(Op const& op);

}  // namespace infinitile
