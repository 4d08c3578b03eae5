#include "infinite/position_needs.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "infinite/position_maps.hpp"

namespace infinitile {

namespace {

constexpr long most_positions = 1L << 22;  // an image of 2,048 x 2,048; every layer has a table of that size, per tap

/// What a node must have of its input to give `wanted` itself.
Spread handed_on(Node const& node, std::optional<PositionMap> const& map, Spread wanted) {
  if (std::holds_alternative<GlobalSelfAttention>(node.op) || std::holds_alternative<Aggregate>(node.op)) return Spread::full;
  if (std::holds_alternative<ConvLocal>(node.op)) return Spread::diagonal;  // its positions are independent
  return map && !map->is_selection() ? Spread::full : wanted;
}

/// What a node asks of the variances of its input for its own sake.
std::optional<Spread> own_wish(Node const& node) {
  return std::visit(Overloaded{[](Activation const&) { return std::optional(Spread::diagonal); },
                               [](LayerNorm const&) { return std::optional(Spread::diagonal); },
                               [](GlobalSelfAttention const&) { return std::optional(Spread::full); },
                               [](auto const&) { return std::optional<Spread>(); }},
                    node.op);
}

void raise(std::optional<Spread>& to, std::optional<Spread> least) {
  if (least && (!to || *to == Spread::diagonal)) to = least;
}

std::optional<PositionMap> find_map(Network const& network, Node const& node) {
  Node const& input = network.node(node.inputs.front());
  std::span<long const> const sizes = input.sizes();
  using Map = std::optional<PositionMap>;
  try {
    return std::visit(
        Overloaded{[&](Conv const& op) -> Map { return convolution_map(op, sizes); },
                   [&](ConvLocal const& op) -> Map { return convolution_map(op, sizes); },
                   [&](ConvTranspose const& op) -> Map { return transposed_map(op, sizes); },
                   [&](AvgPool const& op) -> Map { return pooling_map(op, sizes); },
                   [&](SumPool const& op) -> Map { return pooling_map(op, sizes); },
                   [&](GlobalAvgPool const&) -> Map { return global_pooling_map(input.positions(), true); },
                   [&](GlobalSumPool const&) -> Map { return global_pooling_map(input.positions(), false); },
                   [&](Flatten const&) -> Map { return flatten_map(input.positions()); },
                   [&](ImageResize const& op) -> Map { return resize_map(op, sizes, node.sizes()); },
                   [&](Index const& op) -> Map { return index_map(op, sizes); },
                   [&](DotGeneral const& op) -> Map { return product_map(op, input); }, [](auto const&) -> Map { return std::nullopt; }},
        node.op);
  } catch (Error const& error) {
    throw Error(text(network.where(node), ": ", error.what()));
  }
}

}  // namespace

std::vector<std::optional<PositionMap>> find_maps(Network const& network) {
  std::vector<std::optional<PositionMap>> maps(static_cast<std::size_t>(network.size()));
  for (std::size_t n = 0; n < maps.size(); ++n) {
    Node const& node = network.node(static_cast<int>(n));
    if (node.inputs.empty() || !network.is_needed(static_cast<int>(n))) continue;
    if (node.positions() > most_positions)
      throw Error(text(network.where(node), ": it has ", node.positions(), " positions, and the infinite reading can hold ", most_positions,
                       " at most. Make the strides or the size smaller."));
    maps[n] = find_map(network, node);
  }
  return maps;
}

PositionNeeds find_needs(Network const& network, std::vector<std::optional<PositionMap>> const& maps) {
  auto const size = static_cast<std::size_t>(network.size());
  std::vector<std::optional<Spread>> pairs(size), variances(size);
  pairs[static_cast<std::size_t>(network.output())] = Spread::diagonal;
  for (std::size_t n = size; n-- > 0;) {
    if (!pairs[n]) continue;
    Node const& node = network.node(static_cast<int>(n));
    if (std::holds_alternative<GlobalSelfAttention>(node.op)) {  // gives all pairs, wanted or not
      pairs[n] = Spread::full;
      if (variances[n]) variances[n] = Spread::full;
    }
    for (int const input : node.inputs) {
      auto const i = static_cast<std::size_t>(input);
      raise(pairs[i], handed_on(node, maps[n], *pairs[n]));
      raise(variances[i], own_wish(node));
      if (variances[n]) raise(variances[i], handed_on(node, maps[n], *variances[n]));
    }
  }
  PositionNeeds needs;
  for (auto const& spread : pairs) needs.pairs.push_back(spread.value_or(Spread::diagonal));
  needs.variances = std::move(variances);
  return needs;
}

}  // namespace infinitile
