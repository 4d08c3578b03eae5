#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "net/op_parameters.hpp"

// The operations that mix or move positions (pixels, tokens): net/ops.hpp has the others and says how they are written.
// Parameters and defaults: neural_tangents, reference 1.3 and 1.4.

namespace infinitile {

/// What conv, conv_transpose and conv_local have in common. Positions are (first, ..., last) as in the input; one entry per spatial axis.
/// Without strides they are 1; in a Network strides that are all 1 are left out.
struct Convolution {
  std::optional<long> out_chan{};
  std::vector<long> filter_shape{0};  ///< has to be given
  std::vector<long> strides{};
  Padding padding = Padding::valid;
  double w_std = 1;
  std::optional<double> b_std{};
  Parameterization parameterization = Parameterization::ntk;
  std::array<long, 2> s{1, 1};
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("out_chan", self.out_chan, Domain::positive);
    visit("filter_shape", self.filter_shape, Domain::positive);
    visit("strides", self.strides, Domain::positive);
    visit("padding", self.padding, Domain::any);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("parameterization", self.parameterization, Domain::any);
    visit("s", self.s, Domain::positive);
    visit("dimension_numbers", FixedLayout{}, Domain::any);
  }
};

struct Conv : Convolution {
  static constexpr std::string_view name = "conv";
};
struct ConvTranspose : Convolution {
  static constexpr std::string_view name = "conv_transpose";
};
/// Every output position has weights of its own.
struct ConvLocal : Convolution {
  static constexpr std::string_view name = "conv_local";
};

struct AvgPool {
  static constexpr std::string_view name = "avg_pool";
  std::vector<long> window_shape{0};  ///< has to be given
  std::vector<long> strides{};
  Padding padding = Padding::valid;
  bool normalize_edges = false;  ///< with SAME: divide by the positions that are there; in a Network true with SAME alone
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("window_shape", self.window_shape, Domain::positive);
    visit("strides", self.strides, Domain::positive);
    visit("padding", self.padding, Domain::any);
    visit("normalize_edges", self.normalize_edges, Domain::any);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

struct SumPool {
  static constexpr std::string_view name = "sum_pool";
  std::vector<long> window_shape{0};
  std::vector<long> strides{};
  Padding padding = Padding::valid;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("window_shape", self.window_shape, Domain::positive);
    visit("strides", self.strides, Domain::positive);
    visit("padding", self.padding, Domain::any);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

struct GlobalAvgPool {
  static constexpr std::string_view name = "global_avg_pool";
  template <class Self, class Visit>
  static void for_each_parameter(Self&, Visit&& visit) {
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

struct GlobalSumPool {
  static constexpr std::string_view name = "global_sum_pool";
  template <class Self, class Visit>
  static void for_each_parameter(Self&, Visit&& visit) {
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// Attention over all positions. Reference 2.9. In a Network parameters of embeddings that are not there are at their defaults.
struct GlobalSelfAttention {
  static constexpr std::string_view name = "global_self_attention";
  std::optional<long> n_chan_out{}, n_chan_key{}, n_chan_val{};
  long n_heads = 1;
  bool linear_scaling = true;  ///< logits / d_key with tied key and query weights; false: / √d_key
  double w_key_std = 1, w_value_std = 1, w_query_std = 1, w_out_std = 1;
  std::optional<double> b_std{};
  AttentionMechanism attention_mechanism = AttentionMechanism::softmax;
  PositionalEmbedding pos_emb_type = PositionalEmbedding::none;
  double pos_emb_p_norm = 2;
  std::optional<PositionDecay> pos_emb_decay_fn{};  ///< none: embeddings of different positions are independent
  std::optional<long> n_chan_pos_emb{};
  double w_pos_emb_std = 1;
  bool val_pos_emb = false;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("n_chan_out", self.n_chan_out, Domain::positive);
    visit("n_chan_key", self.n_chan_key, Domain::positive);
    visit("n_chan_val", self.n_chan_val, Domain::positive);
    visit("n_heads", self.n_heads, Domain::positive);
    visit("linear_scaling", self.linear_scaling, Domain::any);
    visit("w_key_std", self.w_key_std, Domain::not_negative);
    visit("w_value_std", self.w_value_std, Domain::not_negative);
    visit("w_query_std", self.w_query_std, Domain::not_negative);
    visit("w_out_std", self.w_out_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("attention_mechanism", self.attention_mechanism, Domain::any);
    visit("pos_emb_type", self.pos_emb_type, Domain::any);
    visit("pos_emb_p_norm", self.pos_emb_p_norm, Domain::positive);
    visit("pos_emb_decay_fn", self.pos_emb_decay_fn, Domain::any);
    visit("n_chan_pos_emb", self.n_chan_pos_emb, Domain::positive);
    visit("w_pos_emb_std", self.w_pos_emb_std, Domain::not_negative);
    visit("val_pos_emb", self.val_pos_emb, Domain::any);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// Messages along the edges of a graph that each input brings along (data.train.pattern), whose vertices are the positions on these axes.
/// They count the batch as axis 0, none being all; in a Network they are counted back from the channels, -1, and all are none.
struct Aggregate {
  static constexpr std::string_view name = "aggregate";
  std::vector<long> aggregate_axis{};
  Aggregation implementation = Aggregation::dense;  ///< how the graph is written: a matrix, or a list of edges
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("aggregate_axis", self.aggregate_axis, Domain::any);
    visit("implementation", self.implementation, Domain::any);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// shape counts the batch as its first entry; -1 keeps an axis. In a Network batch and channels are -1 and the others are given; method is
/// nearest or linear.
struct ImageResize {
  static constexpr std::string_view name = "image_resize";
  std::vector<long> shape{};             ///< has to be given
  std::optional<ResizeMethod> method{};  ///< has to be given
  bool antialias = true;                 ///< in a Network false only where an axis shrinks and the method is linear
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("shape", self.shape, Domain::given);
    visit("method", self.method, Domain::given);
    visit("antialias", self.antialias, Domain::any);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// idx is what stands between numpy's brackets, all axes in their written order. In a Network it is ':' for the batch, then one item per
/// spatial axis, in one spelling.
struct Index {
  static constexpr std::string_view name = "index";
  std::vector<IndexItem> idx{};  ///< has to be given
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("idx", self.idx, Domain::given);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// The product with a constant array on one side; neither: the identity. In a Network the constant is on the right where that
/// makes no difference, and axes are contracted in the order of the left ones.
struct DotGeneral {
  static constexpr std::string_view name = "dot_general";
  std::optional<ConstantArray> lhs{}, rhs{};
  ProductAxes dimension_numbers{};
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("lhs", self.lhs, Domain::any);
    visit("rhs", self.rhs, Domain::any);
    visit("dimension_numbers", self.dimension_numbers, Domain::any);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

}  // namespace infinitile
