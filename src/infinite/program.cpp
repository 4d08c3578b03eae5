#include "infinite/program.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "infinite/compile_pairs.hpp"
#include "infinite/compile_positions.hpp"
#include "infinite/position_needs.hpp"
#include "infinite/position_rules.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_step.hpp"

namespace infinitile {

namespace {

double entries_of(Spread spread, int positions) {
  return static_cast<double>(position_step::PairsOfPositions{spread, positions}.count());
}

/// About 10 flops for a dense layer, 60 for an activation in closed form.
double flops_of(Step const& step) {
  return step.kind == Step::Kind::activate ? 60 : 10;
}

/// The same per pair of positions; 2 additions per tap of a convolution, 8 flops per number that attention weighs.
double flops_of(PositionProgram const& program, PositionStep const& step) {
  double const entries = entries_of(step.pairs.out, step.out_positions);
  if (step.kind == PositionStep::Kind::activate) return 60 * entries;
  if (step.kind == PositionStep::Kind::attend) return 8 * entries * step.in_positions;
  if (step.kind == PositionStep::Kind::aggregate) return 8 * program.edges[static_cast<std::size_t>(step.index)] * step.in_positions;
  if (step.kind != PositionStep::Kind::mix) return 10 * entries;
  PositionMap const& map = program.maps[static_cast<std::size_t>(step.index)];
  if (map.is_selection()) return 2 * entries * map.tap_count;
  double weights = 0;
  for (PositionTap const& tap : map.taps) weights += static_cast<double>(tap.weight.size());
  return 4 * weights * (step.in_positions + step.out_positions);
}

InfiniteCost cost_of(PairProgram const& program) {
  InfiniteCost cost;
  for (Step const& step : program.steps) cost.pair_flops += flops_of(step);
  cost.row_numbers = program.root_rows + 2;
  return cost;
}

InfiniteCost cost_of(PositionProgram const& program) {
  InfiniteCost cost;
  std::vector<double> pairs(static_cast<std::size_t>(program.registers), 0), own(pairs.size(), 0);
  for (PositionStep const& step : program.steps) {
    cost.pair_flops += flops_of(program, step);
    auto const target = static_cast<std::size_t>(step.target);
    pairs[target] = std::max(pairs[target], entries_of(step.pairs.out, step.out_positions));
    own[target] = std::max(own[target], entries_of(step.variances.out, step.out_positions));
    if (step.kind == PositionStep::Kind::attend) cost.row_numbers += entries_of(Spread::full, step.in_positions);
  }
  if (auto const plan = plan_planes(program)) {
    cost.stages = static_cast<int>(plan->stages.size());
    cost.pair_numbers = 2 * cells_of(program, *plan);
  } else {
    cost.pair_flops *= 4;  // layer by layer all numbers go through L2, at a quarter of the rate of registers
    for (double const entries : pairs) cost.pair_numbers += 2 * entries;
    for (double const entries : own) cost.row_numbers += entries;
  }
  for (int const positions : program.slots) cost.row_numbers += positions;
  for (MaskRule const& mask : program.masks) cost.row_numbers += mask.positions();
  for (double const edges : program.edges) cost.row_numbers += 1.5 * edges;
  return cost;
}

}  // namespace

InfiniteProgram compile_infinite(Network const& network, Masks masks, std::span<Graphs const> graphs) {
  if (acts_on_positions(network)) return compile_position_program(network, masks, graphs);
  return compile_pair_program(network);
}

InfiniteCost cost_of(InfiniteProgram const& program) {
  return std::visit([](auto const& p) { return cost_of(p); }, program);
}

std::vector<std::string> infinite_support(Network const& network) {
  std::vector<std::string> out;
  for (int n = 0; n < network.size(); ++n) out.emplace_back(network.is_needed(n) ? "yes" : "not computed");
  if (!acts_on_positions(network)) return out;
  PositionNeeds const needs = find_needs(network, find_maps(network));
  for (std::size_t n = 0; n < out.size(); ++n) {
    long const positions = network.node(static_cast<int>(n)).positions();
    if (positions == 1 || !network.is_needed(static_cast<int>(n))) continue;
    auto const* const attention = std::get_if<GlobalSelfAttention>(&network.node(static_cast<int>(n)).op);
    if (attention != nullptr && !has_kernel(*attention)) {
      out[n] = "no";
      continue;
    }
    out[n] =
        needs.pairs[n] == Spread::diagonal ? text("yes, ", positions, " positions") : text("yes, all ", positions, "² pairs of positions");
  }
  return out;
}

}  // namespace infinitile
