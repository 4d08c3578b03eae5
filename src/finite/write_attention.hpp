#pragma once

#include <vector>

#include "finite/program_builder.hpp"
#include "net/ops_spatial.hpp"

namespace infinitile {

/// Attention over all positions of x (positions, channels), out of products and softmaxes. `weights` are those of parameters_of, in its
/// order; `there`: which positions are, null where all of them are, and masked ones are not looked at. Source: neural_tangents, reference 2.9;
/// scales count the channels that the weights really see, embeddings included (golden data).
Tensor write_attention(ProgramBuilder& builder, GlobalSelfAttention const& op, Tensor const& x, std::vector<Tensor> const& weights,
                       Tensor const* there = nullptr);

}  // namespace infinitile
