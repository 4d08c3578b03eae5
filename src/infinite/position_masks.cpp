#include "infinite/position_masks.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "infinite/position_maps.hpp"
#include "net/positions.hpp"

namespace infinitile {

namespace {

/// A rule being written, output position by output position.
class RuleWriter {
public:
  void add(int mask, int position) { rule_.source.push_back({mask, position}); }
  void end_position() { rule_.first.push_back(static_cast<int>(rule_.source.size())); }
  MaskRule take() && { return std::move(rule_); }

private:
  MaskRule rule_{-1, false, {0}, {}};
};

MaskRule input_rule(Input const& input, Node const& node) {
  return {input.index, false, std::vector<int>(at(node.positions()) + 1, 0), {}};
}

/// The position in the middle of each window; of the two in the middle of an even one, the first.
MaskRule centre_rule(int mask, std::span<long const> sizes, std::vector<long> const& window, std::vector<long> const& strides,
                     Padding padding) {
  std::vector<long> centres{0};
  for (WindowAxis const& axis : window_axes(sizes, window, strides, padding)) {
    std::vector<long> next;
    for (long const outer : centres)
      for (long o = 0; o < axis.output; ++o) next.push_back(outer * axis.input + axis.stride * o + (axis.size - 1) / 2 - axis.low);
    centres = std::move(next);
  }
  RuleWriter out;
  for (long const centre : centres) {
    out.add(mask, static_cast<int>(centre));
    out.end_position();
  }
  return std::move(out).take();
}

/// Every position that the map reads with a weight.
MaskRule source_rule(int mask, PositionMap const& map) {
  RuleWriter out;
  for (int o = 0; o < map.out_positions; ++o) {
    for (int tap = 0; map.is_selection() && tap < map.tap_count; ++tap)
      if (int const from = map.picks[at(tap * map.out_positions + o)]; from >= 0) out.add(mask, from);
    for (PositionTap const& tap : map.taps)
      for (int e = tap.first[at(o)]; e < tap.first[at(o) + 1]; ++e)
        if (tap.weight[at(e)] != 0) out.add(mask, tap.in[at(e)]);
    out.end_position();
  }
  return std::move(out).take();
}

MaskRule all_of(MaskRule rule) {
  rule.all = true;
  return rule;
}

/// Entry by entry, of all branches.
MaskRule branch_rule(std::vector<int> const& masks, long positions) {
  RuleWriter out;
  for (int p = 0; p < positions; ++p) {
    for (int const mask : masks) out.add(mask, p);
    out.end_position();
  }
  return std::move(out).take();
}

/// Branches side by side along a spatial axis.
MaskRule joined_rule(Network const& network, Node const& node, std::vector<int> const& masks, std::size_t axis) {
  std::vector<MaskRule> parts;
  long start = 0;
  for (std::size_t b = 0; b < masks.size(); ++b) {
    std::span<long const> const sizes = network.node(node.inputs[b]).sizes();
    parts.push_back(source_rule(masks[b], placement_map(sizes, node.sizes(), axis, start)));
    start += sizes[axis];
  }
  RuleWriter out;
  for (int p = 0; p < node.positions(); ++p) {
    for (MaskRule const& part : parts)
      for (int s = part.first[at(p)]; s < part.first[at(p) + 1]; ++s) out.add(part.source[at(s)].mask, part.source[at(s)].position);
    out.end_position();
  }
  return std::move(out).take();
}

/// The mask that the rule only copies, as convolutions of stride 1 do: tables have a number for each position and mask.
std::optional<int> same_as(MaskRule const& rule, std::vector<MaskRule> const& earlier) {
  if (rule.source.empty()) return std::nullopt;
  int const mask = rule.source.front().mask;
  if (rule.positions() != earlier[at(mask)].positions()) return std::nullopt;
  for (int p = 0; p < rule.positions(); ++p) {
    auto const first = rule.source.begin() + rule.first[at(p)], last = rule.source.begin() + rule.first[at(p) + 1];
    auto const is_itself = [&](MaskRule::Source const& from) { return from.mask == mask && from.position == p; };
    if (first == last || !std::all_of(first, last, is_itself)) return std::nullopt;
  }
  return mask;
}

}  // namespace

PositionMasks find_masks(Network const& network, std::vector<std::optional<PositionMap>> const& maps) {
  PositionMasks out;
  out.of.resize(maps.size(), -1);
  for (std::size_t n = 0; n < maps.size(); ++n) {
    if (!network.is_needed(static_cast<int>(n))) continue;
    Node const& node = network.node(static_cast<int>(n));
    std::vector<int> before;
    for (int const input : node.inputs) before.push_back(out.of[at(input)]);
    auto const sizes = [&] { return network.node(node.inputs.front()).sizes(); };
    using Maybe = std::optional<MaskRule>;
    Maybe rule = std::visit(
        Overloaded{[&](Input const& op) -> Maybe { return input_rule(op, node); },
                   [&](Conv const& op) -> Maybe { return centre_rule(before[0], sizes(), op.filter_shape, op.strides, op.padding); },
                   [&](ConvLocal const& op) -> Maybe { return centre_rule(before[0], sizes(), op.filter_shape, op.strides, op.padding); },
                   [&](AvgPool const& op) -> Maybe { return centre_rule(before[0], sizes(), op.window_shape, op.strides, op.padding); },
                   [&](SumPool const& op) -> Maybe { return centre_rule(before[0], sizes(), op.window_shape, op.strides, op.padding); },
                   [&](ConvTranspose const&) -> Maybe { return all_of(source_rule(before[0], *maps[n])); },
                   [&](Concat const& op) -> Maybe {
                     if (op.axis == -1) return branch_rule(before, node.positions());
                     return joined_rule(network, node, before, node.shape.size() - at(-op.axis));
                   },
                   [&](auto const&) -> Maybe {
                     if (before.size() > 1) return branch_rule(before, node.positions());
                     return maps[n] ? Maybe(source_rule(before[0], *maps[n])) : Maybe();
                   }},
        node.op);
    out.of[n] = !rule ? before[0] : same_as(*rule, out.rules).value_or(static_cast<int>(out.rules.size()));
    if (out.of[n] == std::ssize(out.rules)) out.rules.push_back(*std::move(rule));
  }
  return out;
}

bool fills_masked_positions(Op const& op) {
  return std::visit(
      []<class Operation>(Operation const&) {
        return has_weights<Operation> || is_one_of<Operation, Activation, Aggregate, AvgPool, SumPool, ImageResize>;
      },
      op);
}

}  // namespace infinitile
