#include "kernels/position_fill.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.hpp"
#include "base/index.hpp"
#include "kernels/step_errors.hpp"

namespace infinitile {

namespace position_fill {

namespace {

using Kind = PositionStep::Kind;
using Pass = OwnRun::Pass;

std::size_t number(PositionProgram const& program, PositionStep const& step) {
  return at(&step - program.steps.data());
}

void prepare_activation(PositionProgram const& program, PositionTable& table, PositionStep const& s) {
  InputLines<double> const& roots = table.roots[at(s.before)];
  auto const [least, most] = std::ranges::minmax_element(roots.all());
  INFINITILE_EXPECT(at(s.index) == table.activations.size());  // activations are numbered in the order of the steps
  table.activations.push_back(
      prepare_step_activation(program.where, number(program, s), program.activations[at(s.index)], *least * *least, *most * *most));
  PreparedActivation const& activation = table.activations.back();
  if (activation.features() == 0) return;
  InputLines<double>& known = table.features[at(s.index)] = InputLines<double>(activation.features() * s.out_positions, table.rows);
  long const per_feature = InputLines<double>::width * s.out_positions;
  Kokkos::parallel_for("infinitile::position_features", Kokkos::RangePolicy<Host>(0, table.rows), [&](long i) {
    for (int p = 0; p < s.out_positions; ++p) activation.features(dual_math::square(*roots.at(p, i)), known.at(p, i), per_feature);
  });
  known.repeat_last();
}

/// The kernels of one input with itself, with every digit: at equal positions the distance is 0 and slopes are those of one variance.
void run_diagonal(PositionProgram const& program, PositionTable& table, Pass& pass, long i, std::size_t first) {
  OwnRun own(program, table);
  std::vector<double> before;
  for (std::size_t n = first; n < program.steps.size(); ++n) {
    PositionStep const& s = program.steps[n];
    double* const ntk = pass.value(s.target).ntk;
    long const apart = OwnRun::apart(s, pass);
    bool const exact = s.kind == Kind::activate || s.kind == Kind::drop;
    before.clear();
    for (int p = 0; exact && p < s.out_positions; ++p) before.push_back(ntk[p * apart]);
    own.step(s, pass, i, s.late);
    for (int p = 0; exact && p < s.out_positions; ++p) {
      double const root = *table.roots[at(s.before)].at(p, i);
      ntk[p * apart] = before[at(p)] * (s.kind == Kind::drop ? 1 / s.weight : table.activations[at(s.index)].slope_variance(root * root));
    }
  }
  double const root = *table.roots[at(program.output_slot)].at(0, i);
  table.nngp[at(i)] = root * root;
  table.ntk[at(i)] = pass.value(program.output).ntk[0];
}

}  // namespace

void prepare_step(PositionProgram const& program, PositionTable& table, PositionStep const& s) {
  if (s.kind == Kind::activate) prepare_activation(program, table, s);
  if (s.kind == Kind::attend && program.attentions[at(s.index)].linear_scaling)
    table.attention[at(s.index)] = InputLines<double>(static_cast<long>(s.in_positions) * s.in_positions, table.rows);
}

void require_finite(PositionProgram const& program, PositionTable const& table, PositionStep const& s) {
  for (int p = 0; p < program.slots[at(s.after)]; ++p)
    for (long i = 0; i < table.rows; ++i)
      if (!std::isfinite(*table.roots[at(s.after)].at(p, i))) refuse_overflow(program.where, number(program, s), "the variance", i);
}

void find_variances(PositionProgram const& program, PositionTable& table, std::size_t first) {
  OwnRun own(program, table);
  std::vector<std::unique_ptr<Pass>> passes;
  for (long i = 0; i < table.rows; ++i) passes.push_back(std::make_unique<Pass>(program, table, Pass::Of::variances, false, first));
  for (std::size_t n = first; n < program.steps.size(); ++n) {
    PositionStep const& s = program.steps[n];
    prepare_step(program, table, s);
    if (s.late) continue;
    Kokkos::parallel_for("infinitile::position_variances", Dynamic(0, table.rows), [&](long i) { own.step(s, *passes[at(i)], i, true); });
    require_finite(program, table, s);
  }
}

void find_diagonal(PositionProgram const& program, PositionTable& table, std::size_t first, std::vector<double> const& ntk) {
  Kokkos::parallel_for("infinitile::position_diagonal", Dynamic(0, table.rows), [&](long i) {
    Pass pass(program, table, Pass::Of::pairs, true, first);
    if (first > 0) pass.value(program.steps[first - 1].target).ntk[0] = ntk[at(i)];
    run_diagonal(program, table, pass, i, first);
  });
  for (std::size_t n = first; n < program.steps.size(); ++n)
    if (program.steps[n].late) require_finite(program, table, program.steps[n]);
}

}  // namespace position_fill

void fill_by_layers(PositionProgram const& program, PositionTable& table) {
  position_fill::find_variances(program, table, 0);
  position_fill::find_diagonal(program, table, 0, {});
}

}  // namespace infinitile
