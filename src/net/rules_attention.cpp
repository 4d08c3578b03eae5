// Rules of attention and its position embeddings.
#include <cmath>

#include "base/text.hpp"
#include "net/parameters.hpp"
#include "net/position_decay.hpp"
#include "net/rule_set.hpp"

namespace infinitile {

void Rules::complete_embedding(GlobalSelfAttention& op, Node const& before) const {
  GlobalSelfAttention const standard;
  if (op.pos_emb_type == PositionalEmbedding::sum && op.n_chan_pos_emb && (!before.width_known || *op.n_chan_pos_emb != before.channels()))
    fail(text("n_chan_pos_emb is ", *op.n_chan_pos_emb, "; with pos_emb_type SUM embeddings are added to ", in_words(before),
              ", and their width is that of it, ", before.width_known ? text(before.channels()) : "which is not known",
              ". Leave n_chan_pos_emb out, or set pos_emb_type: CONCAT."));
  if (op.pos_emb_type == PositionalEmbedding::concat && !before.width_known)
    fail(text("the width of ", in_words(before),
              " is not known; pos_emb_type CONCAT weighs it against the width of the embeddings."
              " Give a width (out_dim, out_chan) to the layer that sets it."));
  complete_decay(op, before);
  if (op.pos_emb_type == PositionalEmbedding::sum) op.n_chan_pos_emb = standard.n_chan_pos_emb;
  if (op.pos_emb_type != PositionalEmbedding::none) return;
  op.n_chan_pos_emb = standard.n_chan_pos_emb;
  op.w_pos_emb_std = standard.w_pos_emb_std;
  op.val_pos_emb = standard.val_pos_emb;
}

void Rules::complete_decay(GlobalSelfAttention& op, Node const& before) const {
  std::optional<PositionDecay>& decay = op.pos_emb_decay_fn;
  if (decay) {
    if (op.pos_emb_type == PositionalEmbedding::none)
      fail("pos_emb_decay_fn is given with pos_emb_type NONE, which has no embeddings. Set pos_emb_type: SUM or CONCAT.");
    while (decay->values.size() > 1 && decay->values.back() == 0) decay->values.pop_back();
    if (decay->values == std::vector<double>{1}) decay.reset();  // each position alone, as without it
  }
  if (!decay) {
    op.pos_emb_p_norm = GlobalSelfAttention{}.pos_emb_p_norm;
    return;
  }
  bool const listed = decay->kind == PositionDecay::Kind::values;
  if (listed && op.pos_emb_p_norm != std::floor(op.pos_emb_p_norm))
    fail(text("pos_emb_decay_fn is a list of values at the distances 0, 1, 2, ... and pos_emb_p_norm is ", op.pos_emb_p_norm,
              "; then distances are no integers. Write an integer there, or exp or power here."));
  if (before.positions() > most_decay_positions)
    fail(text("its input, ", in_words(before), ", has ", before.positions(), " positions; pos_emb_decay_fn can have ", most_decay_positions,
              " at most. Leave it out, or put a layer with strides before."));
  // exp(−s) is a covariance up to p_norm 2, and a power is a mean of such.
  if (!listed && op.pos_emb_p_norm <= 2) return;
  if (!is_covariance(embedding_covariance(op, before.sizes()), before.positions()))
    fail(text("pos_emb_decay_fn with pos_emb_p_norm ", op.pos_emb_p_norm, " is no covariance of the ", before.positions(), " positions of ",
              in_words(before),
              ": it is not positive semi-definite. Let it fall faster, or take exp or power with pos_emb_p_norm up to 2."));
}

void Rules::operator()(GlobalSelfAttention& op) const {
  Node const& before = take_only_input();
  if (before.shape.size() < 2)
    fail(text("its input, ", in_words(before), ", has the shape ", shape_in_words(before),
              "; attention needs positions to attend to, a shape such as (positions, channels). Put it before the layer that drops them."));
  complete_embedding(op, before);
  // The sum of all its parameters stays within a long.
  for (auto const& [key, width] : {std::pair("n_chan_key", op.n_chan_key), std::pair("n_chan_val", op.n_chan_val)})
    if (width.value_or(1) > largest_size / 8 / op.n_heads)
      fail(text("n_heads is ", op.n_heads, " and ", key, " ", width.value_or(1), "; their product can be at most ", largest_size / 8, "."));
  if (op.n_chan_pos_emb.value_or(1) > largest_size / 8)
    fail(text("n_chan_pos_emb is ", *op.n_chan_pos_emb, "; at most ", largest_size / 8, " can be handled."));
  set_width("n_chan_out", op.n_chan_out, Parameterization::ntk, {1, 1});
}

}  // namespace infinitile
