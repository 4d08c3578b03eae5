#include "finite/parameters.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "kernels/linear_algebra.hpp"
#include "kernels/philox.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

/// One overload per operation that has weights; all others have none.
class Lister {
public:
  Lister(Network const& network, Node const& node) : network_(network), node_(node), before_(network.node(node.inputs.at(0))) {}

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
    if (!op.linear_scaling) add("w_query", {op.n_heads, joined, key});
    add("w_key", {op.n_heads, joined, key});
    add("w_value", {op.n_heads, op.val_pos_emb ? joined : before_.channels(), value});
    add("w_out", {value * op.n_heads, node_.channels()});
    if (op.b_std) add("b", {node_.channels()});
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

  void add(std::string_view name, std::vector<long> shape, double deviation = 1) {
    specs_.push_back({text(node_.path, "/", name), std::move(shape), deviation});
  }

  /// w of (copies.., taps.., in, out), and b of (copies.., out) where there is one.
  template <class Op>
  void add_weights(Op const& op, std::vector<long> copies, std::vector<long> const& taps) {
    bool const standard = op.parameterization == Parameterization::standard;
    double const fan_in = static_cast<double>(product_of(taps) * before_.channels());
    std::vector<long> bias = copies;
    bias.push_back(node_.channels());
    copies.insert(copies.end(), taps.begin(), taps.end());
    copies.insert(copies.end(), {before_.channels(), node_.channels()});
    add("w", std::move(copies), standard ? op.w_std / std::sqrt(fan_in / static_cast<double>(op.s[0])) : 1);
    if (op.b_std) add("b", std::move(bias), standard ? *op.b_std : 1);
  }

  Network const& network_;
  Node const& node_;
  Node const& before_;
  std::vector<ParameterSpec> specs_;
};

}  // namespace

long ParameterSpec::size() const {
  return product_of(shape);
}

std::vector<ParameterSpec> parameters_of(Network const& network, Node const& node) {
  if (node.inputs.empty()) return {};
  return std::visit(Lister(network, node), node.op);
}

std::vector<ParameterSpec> list_parameters(Network const& network) {
  std::vector<ParameterSpec> out;
  for (int n = 0; n < network.size(); ++n) {
    if (!network.is_needed(n)) continue;
    std::vector<ParameterSpec> const specs = parameters_of(network, network.node(n));
    out.insert(out.end(), specs.begin(), specs.end());
  }
  return out;
}

std::vector<double> draw_parameter(ParameterSpec const& spec, Draw draw) {
  RandomStream const numbers{draw.seed, checksum(spec.path, draw.sample)};
  std::vector<double> out(at(spec.size()));
  constexpr std::size_t chunk = 1 << 14;  // entries of one piece, an even number
  parallel_for_tiles(static_cast<int>((out.size() + chunk - 1) / chunk), [&](int piece) {
    std::size_t const begin = static_cast<std::size_t>(piece) * chunk, end = std::min(out.size(), begin + chunk);
    for (std::size_t i = begin; i < end; i += 2) {
      auto const [first, second] = numbers.normals(i / 2);
      out[i] = spec.deviation * first;
      if (i + 1 < end) out[i + 1] = spec.deviation * second;
    }
  });
  return out;
}

ParameterValues draw_parameters(std::span<ParameterSpec const> specs, Draw draw) {
  ParameterValues out;
  for (ParameterSpec const& spec : specs) out.push_back(draw_parameter(spec, draw));
  return out;
}

}  // namespace infinitile
