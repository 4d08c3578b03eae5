#pragma once

#include <span>

#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// Positions that agree on all axes but those of the norm share a variance. `sizes` are those of the spatial axes, row-major.
NormGroups norm_groups(LayerNorm const& norm, std::span<long const> sizes);

/// Has the attention a kernel at infinite width? Without linear_scaling the logits stay random there, and IDENTITY alone has a closed form.
bool has_kernel(GlobalSelfAttention const& op);
/// Reference 2.9, for an input of that width.
AttentionRule attention_rule(GlobalSelfAttention const& op, Node const& input);

}  // namespace infinitile
