#include "finite/write_attention.hpp"

#include <cmath>
#include <string_view>

#include "base/error.hpp"
#include "finite/write_masked.hpp"

namespace infinitile {

namespace {

/// x joined with the positions' embeddings, of which there are as many as positions.
Tensor embed(ProgramBuilder& builder, GlobalSelfAttention const& op, Tensor const& x, Tensor const& embedding, Tensor const* there) {
  Tensor flat = embedding.reshaped({x.axis(0), embedding.axis(-1)});
  if (there != nullptr) flat = conceal(builder, flat, *there);
  if (op.pos_emb_type == PositionalEmbedding::sum) return builder.add(x, flat, 1, op.w_pos_emb_std);
  return builder.join({x, builder.scale(flat, op.w_pos_emb_std)}, -1);
}

AnyActivation mechanism_of(AttentionMechanism mechanism) {
  return make_activation(mechanism == AttentionMechanism::abs ? "abs" : "relu", {});
}

}  // namespace

Tensor write_attention(ProgramBuilder& builder, GlobalSelfAttention const& op, Tensor const& x, std::vector<Tensor> const& weights,
                       Tensor const* there) {
  auto next = weights.begin();
  Tensor const w_query = *next;
  if (!op.linear_scaling) ++next;  // tied: the keys' weights
  Tensor const w_key = *next++, w_value = *next++, w_out = *next++;
  auto const bias = op.b_std ? next++ : weights.end();
  Tensor const embedded = op.pos_emb_type == PositionalEmbedding::none ? x : embed(builder, op, x, *next, there);
  Tensor const& valued = op.val_pos_emb ? embedded : x;

  // (heads, positions, channels) each.
  Tensor const query = builder.product(embedded, w_query), key = builder.product(embedded, w_key), value = builder.product(valued, w_value);
  auto const width = static_cast<double>(w_key.axis(-1)), channels = static_cast<double>(embedded.axis(1));
  double const logit = op.w_query_std * op.w_key_std / (channels * (op.linear_scaling ? width : std::sqrt(width)));
  Tensor attention = builder.product(query, key, logit, ProgramBuilder::Right::transposed);
  if (op.attention_mechanism == AttentionMechanism::softmax)
    attention = builder.softmax(there == nullptr ? attention : without_masked_keys(builder, attention, *there));
  else if (op.attention_mechanism != AttentionMechanism::identity)
    attention = builder.activate(attention, mechanism_of(op.attention_mechanism));
  Tensor const heads =
      builder.permute(builder.product(attention, value), {1, 2, 0});  // row v · heads + h of w_out takes channel v of head h

  double const out = op.w_out_std * op.w_value_std / std::sqrt(static_cast<double>(w_out.axis(0) * w_value.axis(1)));
  Tensor const y = builder.dense(heads.reshaped({x.axis(0), w_out.axis(0)}), w_out, out);
  return bias == weights.end() ? y : builder.add(y, *bias, 1, *op.b_std);
}

}  // namespace infinitile
