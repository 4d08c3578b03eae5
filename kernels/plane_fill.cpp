#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "kernels/plane_pass.hpp"
#include "kernels/position_fill.hpp"

namespace infinitile {

namespace {

/// f(pass, input) for every input; each thread makes its pass when it needs it.
template <class F>
void for_each_input(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, PlanePass<double, 8>::With with,
                    F f) {
  using Planes = PlanePass<double, 8>;
  Kokkos::Experimental::UniqueToken<position_fill::Host> const token;
  std::vector<std::unique_ptr<Planes>> passes(at(token.size()));
  Kokkos::parallel_for("infinitile::plane_rows", position_fill::Dynamic(0, table.rows), [&](long i) {
    int const thread = token.acquire();
    auto& pass = passes[at(thread)];
    if (!pass) pass = std::make_unique<Planes>(program, plan, table, with);
    f(*pass, i);
    token.release(thread);
  });
}

/// Behind the pool that ends a stage.
void find_pool_variances(PositionProgram const& program, PlanePlan const& plan, std::size_t stage, PositionTable& table) {
  PositionStep const& sink = program.steps[plan.stages[stage].sink];
  PlanePlan const windows = plan_windows(program, plan, stage);
  for_each_input(program, windows, table, PlanePass<double, 8>::With::nngp, [&](PlanePass<double, 8>& pass, long i) {
    std::vector<double> const variances = pass.run_windows(i);
    for (int p = 0; p < sink.out_positions; ++p) *table.roots[at(sink.after)].at(p, i) = std::sqrt(std::max(variances[at(p)], 0.0));
  });
}

/// Behind the last sink; returns the tangent kernels there.
std::vector<double> find_last(PositionProgram const& program, PlanePlan const& plan, PositionTable& table) {
  PositionStep const& sink = program.steps[plan.stages.back().sink];
  std::vector<double> ntk(at(table.rows));
  for_each_input(program, plan, table, PlanePass<double, 8>::With::ntk, [&](PlanePass<double, 8>& pass, long i) {
    auto const own = pass.run_own(i);
    *table.roots[at(sink.after)].at(0, i) = std::sqrt(std::max(own.k, 0.0));
    ntk[at(i)] = own.ntk;
  });
  return ntk;
}

/// Planes form fourth powers of roots (kernels/plane_relu.hpp). Those of the largest have to be numbers; beside them small ones do not matter.
void require_range(PositionProgram const& program, PositionTable const& table, PositionStep const& s) {
  constexpr double most = 1e70;
  double const largest = std::ranges::max(table.roots[at(s.after)].all());
  if (largest == 0 || (largest > 1 / most && largest < most)) return;
  throw NumericalAnswer(
      text("the largest variance in step ", &s - program.steps.data(), " of the network is ", largest * largest,
           ", and convolutions compute with 1e-140 to 1e140. Bring the inputs (data.scale) or the weights (w_std) closer to 1."));
}

}  // namespace

void fill_by_planes(PositionProgram const& program, PlanePlan const& plan, PositionTable& table) {
  OwnRun own(program, table);
  std::vector<double> ntk;
  std::size_t stage = 0;
  for (std::size_t n = 0; n < plan.head; ++n) {
    PositionStep const& s = program.steps[n];
    position_fill::prepare_step(program, table, s);
    if (n != plan.stages[stage].sink) {
      Kokkos::parallel_for("infinitile::position_variances", Kokkos::RangePolicy<position_fill::Host>(0, table.rows),
                           [&](long i) { own.find_variances(s, i); });
    } else if (stage + 1 < plan.stages.size()) {
      find_pool_variances(program, plan, stage++, table);
    } else {
      ntk = find_last(program, plan, table);
    }
    own.repeat_last(s, table.rows - 1);
    position_fill::require_finite(program, table, s);
    require_range(program, table, s);
  }
  position_fill::find_variances(program, table, plan.head);
  position_fill::find_diagonal(program, table, plan.head, ntk);
}

}  // namespace infinitile
