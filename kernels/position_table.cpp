#include "kernels/position_table.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/plane_pass.hpp"
#include "kernels/position_own.hpp"

namespace infinitile {

namespace {

using Host = Kokkos::DefaultHostExecutionSpace;
using Kind = PositionStep::Kind;
using Pass = OwnRun::Pass;

std::size_t at(long i) {
  return static_cast<std::size_t>(i);
}

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

using Dynamic = Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>>;

void require_finite(PositionProgram const& program, PositionTable const& table, PositionStep const& s) {
  for (int p = 0; p < program.slots[at(s.after)]; ++p)
    for (long i = 0; i < table.rows; ++i)
      if (!std::isfinite(*table.roots[at(s.after)].at(p, i)))
        throw NumericalAnswer(
            text("the variance of row ", i, " (train rows first, counted from 0) leaves the range of the numbers in step ",
                 &s - program.steps.data(), " of the network. Scale the inputs (data.scale) or the weights (w_std) down."));
}

void prepare_activation(PositionProgram const& program, PositionTable& table, PositionStep const& s) {
  InputLines<double> const& roots = table.roots[at(s.before)];
  auto const [least, most] = std::ranges::minmax_element(roots.all());
  INFINITILE_EXPECT(at(s.index) == table.activations.size());  // activations are numbered in the order of the steps
  table.activations.push_back(prepare(program.activations[at(s.index)], *least * *least, *most * *most));
  PreparedActivation const& activation = table.activations.back();
  if (activation.features() == 0) return;
  InputLines<double>& known = table.features[at(s.index)] = InputLines<double>(activation.features() * s.out_positions, table.rows);
  long const per_feature = InputLines<double>::width * s.out_positions;
  Kokkos::parallel_for("infinitile::position_features", Kokkos::RangePolicy<Host>(0, table.rows), [&](long i) {
    for (int p = 0; p < s.out_positions; ++p) activation.features(dual_math::square(*roots.at(p, i)), known.at(p, i), per_feature);
  });
  known.repeat_last();
}

/// The variances of all inputs, layer by layer, since activations without a closed form are prepared for the variances that occur. Late steps
/// from `known` on are left to find_diagonal.
void find_variances(PositionProgram const& program, PositionTable& table, std::size_t known) {
  OwnRun own(program, table);
  std::vector<std::unique_ptr<Pass>> passes;
  for (long i = 0; i < table.rows; ++i) passes.push_back(std::make_unique<Pass>(program, table, Pass::Of::variances, false));
  for (PositionStep const& s : program.steps) {
    if (s.kind == Kind::activate) prepare_activation(program, table, s);
    if (s.kind == Kind::attend && program.attentions[at(s.index)].linear_scaling)
      table.attention[at(s.index)] = InputLines<double>(static_cast<long>(s.in_positions) * s.in_positions, table.rows);
    if (s.late && at(&s - program.steps.data()) >= known) continue;
    Kokkos::parallel_for("infinitile::position_variances", Dynamic(0, table.rows), [&](long i) { own.step(s, *passes[at(i)], i, true); });
    require_finite(program, table, s);
  }
}

/// The kernels of one input with itself, with every digit: at equal positions the distance is 0 and slopes are those of one variance. Steps
/// from `first` on; the roots of late ones from `known` on are still to be found.
void run_diagonal(PositionProgram const& program, PositionTable& table, Pass& pass, long i, std::size_t first, std::size_t known) {
  OwnRun own(program, table);
  std::vector<double> before;
  for (std::size_t n = first; n < program.steps.size(); ++n) {
    PositionStep const& s = program.steps[n];
    double* const ntk = pass.value(s.target).ntk;
    long const apart = OwnRun::apart(s, pass);
    bool const exact = s.kind == Kind::activate || s.kind == Kind::drop;
    before.clear();
    for (int p = 0; exact && p < s.out_positions; ++p) before.push_back(ntk[p * apart]);
    own.step(s, pass, i, s.late && n >= known);
    for (int p = 0; exact && p < s.out_positions; ++p) {
      double const root = *table.roots[at(s.before)].at(p, i);
      ntk[p * apart] = before[at(p)] * (s.kind == Kind::drop ? 1 / s.weight : table.activations[at(s.index)].slope_variance(root * root));
    }
  }
  double const root = *table.roots[at(program.output_slot)].at(0, i);
  table.nngp[at(i)] = root * root;
  table.ntk[at(i)] = pass.value(program.output).ntk[0];
}

/// The same plane by plane.
void find_diagonal(PositionProgram const& program, PlanePlan const& plan, PositionTable& table, PlanePass<double, 8>& planes, long i) {
  std::size_t const sink_number = plan.stages.back().sink;
  PositionStep const& sink = program.steps[sink_number];
  auto const own = planes.run_own(i);
  *table.roots[at(sink.after)].at(0, i) = std::sqrt(std::max(own.k, 0.0));
  Pass head(program, table, Pass::Of::pairs, true, sink_number);
  head.value(sink.target).h[0] = 0;
  head.value(sink.target).ntk[0] = own.ntk;
  OwnRun(program, table).repeat_last(sink, i);
  run_diagonal(program, table, head, i, plan.head, plan.head);
}

/// Can planes find the diagonal? Not where an input with itself has rules of its own, nor where a pool before the last sink leaves variances
/// that nobody but the diagonal asks for.
std::optional<PlanePlan> plan_diagonal(PositionProgram const& program) {
  std::optional<PlanePlan> plan = plan_planes(program);
  if (!plan || std::ranges::any_of(program.steps, [](PositionStep const& s) { return s.kind == Kind::drop; })) return std::nullopt;
  for (PlaneStage const& stage : plan->stages)
    if (stage.sink != plan->stages.back().sink && program.steps[stage.sink].late) return std::nullopt;
  return plan;
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
                                 std::vector<Graphs> graphs) {
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
  std::optional<PlanePlan> const plan = plan_diagonal(program);
  // Where planes do the diagonal, the roots before the last sink need no pairs of positions.
  std::size_t const known = plan ? plan->stages.back().sink : 0;
  find_variances(program, table, known);
  table.nngp.resize(at(table.rows));
  table.ntk.resize(at(table.rows));
  Kokkos::Experimental::UniqueToken<Host> const token;
  std::vector<std::unique_ptr<PlanePass<double, 8>>> planes(at(token.size()));
  Kokkos::parallel_for("infinitile::position_diagonal", Dynamic(0, table.rows), [&](long i) {
    if (!plan) {
      Pass pass(program, table, Pass::Of::pairs, true);
      run_diagonal(program, table, pass, i, 0, 0);
      return;
    }
    int const thread = token.acquire();
    auto& own = planes[at(thread)];
    if (!own) own = std::make_unique<PlanePass<double, 8>>(program, *plan, table, true);
    find_diagonal(program, *plan, table, *own, i);
    token.release(thread);
  });
  for (PositionStep const& s : program.steps)
    if (s.late) require_finite(program, table, s);
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
