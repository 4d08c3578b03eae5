#include "finite/parameters.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

/// How the entries of an array are drawn.
struct Way {
  ParameterSpec::Entries entries = ParameterSpec::Entries::gaussian;
  WeightLayout layout{};
};

/// One overload per operation that has weights; all others have none.
class Lister {
public:
  Lister(Network const& network, Node const& node, Init init)
      : network_(network), node_(node), before_(network.node(node.inputs.at(0))), init_(init) {}

  std::vector<ParameterSpec> operator()(Dense const& op) {
    need("out_dim", op.out_dim);
    add_weights(op, {}, {});
    return std::move(specs_);
  }
  std::vector<ParameterSpec> operator()(Conv const& op) {
    need("out_chan", op.out_chan);
    add_weights(op, {}, op.filter_shape);
    return std::move(specs_);
  }
  std::vector<ParameterSpec> operator()(ConvTranspose const& op) {
    need("out_chan", op.out_chan);
    expect_filled(op);
    add_weights(op, {}, op.filter_shape);
    return std::move(specs_);
  }
  std::vector<ParameterSpec> operator()(ConvLocal const& op) {
    need("out_chan", op.out_chan);
    add_weights(op, {node_.sizes().begin(), node_.sizes().end()}, op.filter_shape);
    return std::move(specs_);
  }

  std::vector<ParameterSpec> operator()(GlobalSelfAttention const& op) {
    need("n_chan_out", op.n_chan_out);
    long const key = need("n_chan_key", op.n_chan_key), value = need("n_chan_val", op.n_chan_val);
    bool const embedded = op.pos_emb_type != PositionalEmbedding::none;
    long const embedding = op.n_chan_pos_emb.value_or(before_.channels());
    long const joined = before_.channels() + (op.pos_emb_type == PositionalEmbedding::concat ? embedding : 0);
    long const valued = op.val_pos_emb ? joined : before_.channels();
    if (!op.linear_scaling) add("w_query", {op.n_heads, joined, key}, 1, weights({op.n_heads, 1, joined, 1, key}));
    add("w_key", {op.n_heads, joined, key}, 1, weights({op.n_heads, 1, joined, 1, key}));
    add("w_value", {op.n_heads, valued, value}, 1, weights({op.n_heads, 1, valued, 1, value}));
    add("w_out", {value * op.n_heads, node_.channels()}, 1, weights({1, 1, value * op.n_heads, 1, node_.channels()}));
    if (op.b_std) add("b", {node_.channels()}, 1, bias());
    if (!embedded) return std::move(specs_);
    std::vector<long> shape(before_.sizes().begin(), before_.sizes().end());
    shape.push_back(embedding);
    add("pos_emb", std::move(shape));
    return std::move(specs_);
  }

  template <class Operation>
  std::vector<ParameterSpec> operator()(Operation const&) {
    static_assert(!has_weights<Operation>);
    return {};
  }

private:
  long need(std::string_view key, std::optional<long> width) const {
    if (!width) throw Error(text(network_.where(node_), ": ", key, " is missing; a finite network needs all its widths. Set ", key, "."));
    return *width;
  }

  Way weights(WeightLayout const& layout) const {
    using enum ParameterSpec::Entries;
    if (init_ == Init::suo) return {orthogonal, layout};
    return {init_ == Init::lecun ? truncated : gaussian, {}};
  }
  Way bias() const { return {init_ == Init::gaussian ? ParameterSpec::Entries::gaussian : ParameterSpec::Entries::zero, {}}; }

  void add(std::string_view name, std::vector<long> shape, double deviation = 1, Way const& way = {}) {
    specs_.push_back({text(node_.path, "/", name), std::move(shape), deviation, way.entries, way.layout});
  }

  /// w of (copies.., taps.., in, out), and b of (copies.., out) where there is one.
  template <class Op>
  void add_weights(Op const& op, std::vector<long> copies, std::vector<long> const& taps) {
    expect_middle(taps);
    bool const standard = op.parameterization == Parameterization::standard;
    double const fan_in = static_cast<double>(product_of(taps) * before_.channels());
    WeightLayout const layout{product_of(copies), product_of(taps), before_.channels(), 1, node_.channels()};
    std::vector<long> bias_shape = copies;
    bias_shape.push_back(node_.channels());
    copies.insert(copies.end(), taps.begin(), taps.end());
    copies.insert(copies.end(), {before_.channels(), node_.channels()});
    add("w", std::move(copies), standard ? op.w_std / std::sqrt(fan_in / static_cast<double>(op.s[0])) : 1, weights(layout));
    if (op.b_std) add("b", std::move(bias_shape), standard ? *op.b_std : 1, bias());
  }

  void expect_middle(std::vector<long> const& taps) const {
    if (init_ == Init::suo && std::ranges::any_of(taps, [](long extent) { return extent % 2 == 0; }))
      throw Error(text(network_.where(node_), ": filter_shape [", join(texts(taps), ", ", ", "),
                       "] has an even extent, and suo puts all weights in the",
                       " middle of a filter. Make all extents odd, or choose another parameters.init."));
  }
  /// Each output has to get something from the middle of the filter.
  void expect_filled(ConvTranspose const& op) const {
    bool const wide = std::ranges::any_of(op.filter_shape, [](long extent) { return extent > 1; });
    if (init_ == Init::suo && (!op.strides.empty() || (wide && op.padding == Padding::valid)))
      throw Error(text(network_.where(node_), ": with ", op.strides.empty() ? "padding VALID" : "strides",
                       " the middle of a filter, where suo puts all weights, leaves output positions at 0. ",
                       op.strides.empty() ? "Set padding to SAME" : "Put an image_resize before a convolution",
                       ", or choose another parameters.init."));
  }
  static std::vector<std::string> texts(std::vector<long> const& numbers) {
    std::vector<std::string> out;
    for (long const number : numbers) out.push_back(text(number));
    return out;
  }

  Network const& network_;
  Node const& node_;
  Node const& before_;
  Init init_;
  std::vector<ParameterSpec> specs_;
};

}  // namespace

long ParameterSpec::size() const {
  return product_of(shape);
}

std::vector<ParameterSpec> parameters_of(Network const& network, Node const& node, Init init) {
  if (node.inputs.empty()) return {};
  return std::visit(Lister(network, node, init), node.op);
}

std::vector<ParameterSpec> list_parameters(Network const& network, Init init) {
  std::vector<ParameterSpec> out;
  for (int n = 0; n < network.size(); ++n) {
    if (!network.is_needed(n)) continue;
    std::vector<ParameterSpec> const specs = parameters_of(network, network.node(n), init);
    out.insert(out.end(), specs.begin(), specs.end());
  }
  return out;
}

}  // namespace infinitile
