#include "infinite/program.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "infinite/compile_pairs.hpp"
#include "infinite/compile_positions.hpp"
#include "infinite/position_needs.hpp"
#include "infinite/position_rules.hpp"
#include "infinite/step_places.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_step.hpp"

namespace infinitile {

namespace {

double entries_in(Spread spread, int positions) {
  return static_cast<double>(position_step::PairsOfPositions{spread, positions}.count());
}

/// About 10 flops for a dense layer, 60 for an activation in closed form.
double flops_of(Step const& step) {
  return step.kind == Step::Kind::activate ? 60 : 10;
}

double weights_of(PositionMap const& map) {
  double weights = 0;
  for (PositionTap const& tap : map.taps) weights += static_cast<double>(tap.weight.size());
  return weights;
}

/// The same per pair of positions; 2 additions per tap of a convolution, 8 flops per number that attention weighs.
double flops_of(PositionProgram const& program, PositionStep const& step) {
  double const entries = entries_in(step.pairs.out, step.out_positions);
  if (step.kind == PositionStep::Kind::activate) return 60 * entries;
  if (step.kind == PositionStep::Kind::attend) return 8 * entries * step.in_positions;
  if (step.kind == PositionStep::Kind::aggregate) return 8 * program.edges[static_cast<std::size_t>(step.index)] * step.in_positions;
  if (step.kind != PositionStep::Kind::mix) return 10 * entries;
  PositionMap const& map = program.maps[static_cast<std::size_t>(step.index)];
  if (map.is_selection()) return 2 * entries * map.tap_count;
  return 4 * weights_of(map) * (step.in_positions + step.out_positions);
}

/// Plane by plane: the layers of a stage on its planes alone, and a pool that adds each entry to all pairs of windows that it is in.
double flops_of(PositionProgram const& program, PlanePlan const& plan) {
  double flops = 0;
  auto const add = [&](std::size_t first, std::size_t end, double share) {
    for (std::size_t n = first; n < end; ++n) flops += share * flops_of(program, program.steps[n]);
  };
  for (PlaneStage const& stage : plan.stages) {
    PositionStep const& sink = program.steps[stage.sink];
    PositionMap const& map = program.maps[static_cast<std::size_t>(sink.index)];
    double const entries = entries_of(stage.planes, stage.end_sizes);
    add(stage.first, stage.sink, entries / entries_in(sink.pairs.in, sink.in_positions));
    double const windows = map.is_selection() ? 1 : weights_of(map) / sink.in_positions;
    flops += 4 * entries * windows * windows;
  }
  add(plan.head, program.steps.size(), 1);
  return flops;
}

InfiniteCost cost_of(PairProgram const& program) {
  InfiniteCost cost;
  for (Step const& step : program.steps) cost.pair_flops += flops_of(step);
  cost.row_numbers = program.root_rows + 2;
  for (AnyActivation const& activation : program.activations) cost.row_numbers += expected_features(activation);
  return cost;
}

InfiniteCost cost_of(PositionProgram const& program) {
  InfiniteCost cost;
  std::vector<double> pairs(static_cast<std::size_t>(program.registers), 0), own(pairs.size(), 0);
  for (PositionStep const& step : program.steps) {
    auto const target = static_cast<std::size_t>(step.target);
    pairs[target] = std::max(pairs[target], entries_in(step.pairs.out, step.out_positions));
    own[target] = std::max(own[target], entries_in(step.variances.out, step.out_positions));
    if (step.kind == PositionStep::Kind::activate)
      cost.row_numbers +=
          static_cast<double>(step.out_positions) * expected_features(program.activations[static_cast<std::size_t>(step.index)]);
    if (step.kind == PositionStep::Kind::attend) cost.row_numbers += entries_in(Spread::full, step.in_positions);
  }
  if (auto const plan = plan_planes(program)) {
    cost.stages = static_cast<int>(plan->stages.size());
    cost.pair_flops = flops_of(program, *plan);
    cost.pair_numbers = 2 * cells_of(program, *plan);
  } else {
    for (PositionStep const& step : program.steps) cost.pair_flops += flops_of(program, step);
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
  expect_infinite_width(network);
  auto const with_places = [&](auto program) {
    program.where = step_places(network, program);
    return program;
  };
  if (acts_on_positions(network)) return with_places(compile_position_program(network, masks, graphs));
  return with_places(compile_pair_program(network));
}

InfiniteCost cost_of(InfiniteProgram const& program) {
  return std::visit([](auto const& p) { return cost_of(p); }, program);
}

std::vector<std::string> infinite_support(Network const& network) {
  std::vector<std::string> out;
  for (int n = 0; n < network.size(); ++n)
    out.emplace_back(!network.is_needed(n) ? "not computed" : network.node(n).only_finite.empty() ? "yes" : "no");
  if (!acts_on_positions(network)) return out;
  PositionNeeds const needs = find_needs(network, find_maps(network));
  for (std::size_t n = 0; n < out.size(); ++n) {
    long const positions = network.node(static_cast<int>(n)).positions();
    if (positions == 1 || out[n] != "yes") continue;
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
