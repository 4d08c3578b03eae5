#pragma once

#include <vector>

#include "finite/program_builder.hpp"

namespace infinitile {

/// Which nodes of a network have masked positions, when its inputs have masks.
struct MaskedNodes {
  std::vector<int> of;          ///< per node: its mask; -1 where the output does not need the node; empty: there are no masks
  std::vector<bool> concealed;  ///< per node: the layer can give something where its input has nothing, so its result is masked again
  std::vector<long> positions;  ///< of each mask

  bool none() const { return of.empty(); }
};

// What layers do beside masked positions, at which their inputs are 0. `there` (positions) is 1 where a position is there, and 0 where it is
// masked. Rules: neural_tangents, reference 2.16.

/// x (positions.., channels) with 0 at masked positions.
Tensor conceal(ProgramBuilder& builder, Tensor const& x, Tensor const& there);

/// The mean of x (positions, channels) over what is there; 0 where nothing is: (channels).
Tensor mean_of_there(ProgramBuilder& builder, Tensor const& x, Tensor const& there);

/// Layer norm of each group of x (groups, positions, channels), over what is there; `there` is (groups, positions).
Tensor normalize_there(ProgramBuilder& builder, Tensor const& x, Tensor const& there, double eps);

/// Logits (heads, queries, keys) before a softmax, after which masked keys have exactly nothing.
Tensor without_masked_keys(ProgramBuilder& builder, Tensor const& logits, Tensor const& there);

}  // namespace infinitile
