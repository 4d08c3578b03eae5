#include "kernels/position_table.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "kernels/position_fill.hpp"

namespace infinitile {

namespace {

using Kind = PositionStep::Kind;

/// The masks of the network's inputs, carried on from layer to layer.
void find_masks(PositionProgram const& program, std::vector<InputRows> const& inputs, PositionTable& table) {
  for (MaskRule const& rule : program.masks) {
    InputLines<double> there(rule.positions(), table.rows);
    std::vector<unsigned char> const* const masked = rule.input < 0 ? nullptr : &inputs[at(rule.input)].masked;
    for (int p = 0; p < rule.positions(); ++p)
      for (long i = 0; i < table.rows; ++i) {
        auto const is_there = [&](MaskRule::Source const& from) { return *table.there[at(from.mask)].at(from.position, i) > 0; };
        auto const first = rule.source.begin() + rule.first[at(p)], last = rule.source.begin() + rule.first[at(p) + 1];
        bool here = rule.all ? std::all_of(first, last, is_there) : std::any_of(first, last, is_there);
        if (masked != nullptr) here = masked->empty() || (*masked)[at(i * rule.positions() + p)] == 0;
        *there.at(p, i) = here ? 1 : 0;
      }
    there.repeat_last();
    table.there.push_back(std::move(there));
  }
}

/// Rows of inputs become columns, so that neighbouring inputs are lanes.
void turn_inputs(PositionProgram const& program, std::vector<InputRows> inputs, PositionTable& table) {
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    InputRows const input = std::move(inputs[n]);
    long positions = 1;
    for (int const size : program.input_sizes[n]) positions *= size;
    INFINITILE_EXPECT(input.width > 0 && input.width % positions == 0);
    INFINITILE_EXPECT(static_cast<long>(input.values.size()) / input.width == table.rows);
    table.channels.push_back(static_cast<int>(input.width / positions));
    InputLines<double>& turned = table.inputs.emplace_back(input.width, table.rows);
    for (long i = 0; i < table.rows; ++i)
      for (long k = 0; k < input.width; ++k) *turned.at(k, i) = input.values[at(i * input.width + k)];
    turned.repeat_last();
  }
}

/// Would planes in float stay inside its range, and what they lose stay small? A layer norm multiplies the rounding of entries without
/// variance, which is as large as that of others, by 1 / √eps.
bool fits_single(PositionProgram const& program, PositionTable const& table) {
  constexpr double most = 1e6, most_stretch = 1e3;
  auto const fits = [](double root) { return root == 0 || (root > 1 / most && root < most); };
  for (auto const& slot : table.roots)
    if (!std::ranges::all_of(slot.all(), fits)) return false;
  for (PositionStep const& s : program.steps) {
    if (s.kind != Kind::normalize) continue;
    double const stretch = std::ranges::max(table.roots[at(s.other)].all()) * std::ranges::max(table.roots[at(s.before)].all());
    if (stretch > most_stretch) return false;
  }
  return std::ranges::all_of(table.ntk, [](double t) { return std::abs(t) < most_single_root * most_single_root; });
}

}  // namespace

PositionTable tabulate_positions(PositionProgram const& program, std::vector<InputRows> inputs, Precision precision,
                                 std::vector<Graphs> graphs, PositionPath path) {
  PositionTable table;
  INFINITILE_EXPECT(inputs.size() == program.input_sizes.size() && graphs.size() == program.edges.size());
  table.graphs = std::move(graphs);
  table.rows = static_cast<long>(inputs.front().values.size()) / inputs.front().width;
  for (Graphs const& each : table.graphs) INFINITILE_EXPECT(each.rows() == table.rows);
  find_masks(program, inputs, table);
  turn_inputs(program, std::move(inputs), table);
  for (int const positions : program.slots) table.roots.emplace_back(positions, table.rows);
  table.features.resize(program.activations.size());
  table.attention.resize(program.attentions.size());
  table.nngp.resize(at(table.rows));
  table.ntk.resize(at(table.rows));
  if (auto const plan = path == PositionPath::fused ? plan_planes(program) : std::nullopt) {
    fill_by_planes(program, *plan, table);
  } else {
    fill_by_layers(program, table);
  }
  for (long i = 0; i < table.rows; ++i)
    if (!std::isfinite(table.ntk[at(i)]))
      throw NumericalAnswer(text("the NTK of row ", i,
                                 " with itself (train rows first, counted from 0) leaves the range of the numbers. Scale the ",
                                 "inputs (data.scale) or the weights (w_std) down."));
  if (precision == Precision::float32 && fits_single(program, table))
    for (auto const& slot : table.roots) table.roots_single.emplace_back(slot);
  return table;
}

}  // namespace infinitile
