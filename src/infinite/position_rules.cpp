#include "infinite/position_rules.hpp"

#include <map>

#include "net/position_decay.hpp"

namespace infinitile {

NormGroups norm_groups(LayerNorm const& norm, std::span<long const> sizes) {
  NormGroups out;
  out.eps = norm.eps;
  std::map<std::vector<long>, int> numbers;
  std::vector<long> index(sizes.size(), 0);
  long positions = 1;
  for (long const size : sizes) positions *= size;
  for (long p = 0; p < positions; ++p) {
    long rest = p;
    for (std::size_t a = sizes.size(); a-- > 0; rest /= sizes[a]) index[a] = rest % sizes[a];
    std::vector<long> kept = index;
    for (int const axis : norm.axis)  // counted back from the channels, -1
      if (axis < -1) kept[sizes.size() - static_cast<std::size_t>(-axis - 1)] = 0;
    out.group.push_back(numbers.try_emplace(kept, static_cast<int>(numbers.size())).first->second);
  }
  return out;
}

bool has_kernel(GlobalSelfAttention const& op) {
  return op.linear_scaling || op.attention_mechanism == AttentionMechanism::identity;
}

AttentionRule attention_rule(GlobalSelfAttention const& op, Node const& input) {
  AttentionRule rule;
  rule.mechanism = static_cast<AttentionRule::Mechanism>(op.attention_mechanism);  // the same order
  rule.linear_scaling = op.linear_scaling;
  rule.logit = op.w_query_std * op.w_key_std;
  rule.output = op.w_out_std * op.w_value_std;
  rule.bias = op.b_std ? *op.b_std * *op.b_std : 0;
  rule.embed_values = op.val_pos_emb;
  rule.relation = embedding_covariance(op, input.sizes());
  double const own = static_cast<double>(input.channels()), extra = static_cast<double>(op.n_chan_pos_emb.value_or(input.channels()));
  double const variance = op.w_pos_emb_std * op.w_pos_emb_std;
  if (op.pos_emb_type == PositionalEmbedding::sum) rule.add = variance;
  if (op.pos_emb_type == PositionalEmbedding::concat) {
    rule.keep = own / (own + extra);
    rule.add = variance * extra / (own + extra);
  }
  return rule;
}

}  // namespace infinitile
