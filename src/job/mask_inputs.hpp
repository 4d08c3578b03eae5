#pragma once

#include <vector>

#include "finite/write_masked.hpp"
#include "infinite/infinite_kernel.hpp"
#include "kernels/position_program.hpp"
#include "net/network.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// Masks of a network's inputs as its finite reading takes them: by the rules of infinite width, so that both readings mask the same positions.
struct MaskInputs {
  std::vector<MaskRule> rules;
  MaskedNodes nodes;

  /// For each mask of the nodes a row of every sample, train before test: 1 where a position is there, else 0.
  std::vector<InputRows> rows(Data const& data) const;
  /// The same for masks [rows][positions] of the network's inputs, 1 where one is masked; empty: nothing of that input is.
  std::vector<InputRows> rows(std::vector<std::vector<unsigned char>> const& masked, long count) const;
};

/// Throws Error, naming the layer, for more positions than masks are followed through.
MaskInputs find_mask_inputs(Network const& network);

}  // namespace infinitile
