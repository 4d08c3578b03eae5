#include "kernels/position_tile.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "kernels/plane_pass.hpp"
#ifdef INFINITILE_CUDA
#include "kernels/cuda/plane_twin.hpp"
#include "kernels/cuda/summed_tile.hpp"
#endif

namespace infinitile {

namespace {

// What computes strips, one after the other: start(row, rows, col) for up to `rows_at_once` rows with the inputs of a vector, then finish(k) for
// each of the rows.

/// A strip of pairs by the general path.
class GeneralRunner {
public:
  static constexpr int lanes = 8;
  GeneralRunner(PositionProgram const& program, PositionTable const& table, bool with_ntk)
      : pass_(program, table, PositionPass<lanes>::Of::pairs, with_ntk) {}
  void start(long row, int, long col) {
    row_ = row;
    col_ = col;
  }
  PositionPass<lanes>& finish(int k) {
    pass_.place(row_ + k, col_);
    pass_.run_from(0);
    return pass_;
  }

private:
  PositionPass<lanes> pass_;
  long row_ = 0, col_ = 0;
};

/// The same plane by plane, in R.
template <class R>
class PlaneRunner {
public:
  static constexpr int lanes = sizeof(R) == 4 ? 16 : 8;
  PlaneRunner(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, bool with_ntk)
      : pass_(program, plan, table, with_ntk ? PlanePass<R, lanes>::With::ntk : PlanePass<R, lanes>::With::nngp) {}
  void start(long row, int rows, long col) { pass_.start(row, rows, col); }
  PositionPass<lanes>& finish(int k) { return pass_.finish(k); }

private:
  PlanePass<R, lanes> pass_;
};

/// A strip: rows of a tile against the inputs of a vector from column col on, of which the tile has those that are not below 0.
struct Strip {
  std::size_t task = 0;
  int row = 0, rows = 0, col = 0;
};

/// Columns of a row of the tile: all, or those below the diagonal.
template <class T>
int columns_of(TileTask<T> const& task, int row) {
  return task.row0 == task.col0 ? row : task.cols;
}

template <class T>
std::vector<Strip> strips_of(std::span<TileTask<T> const> tasks, int rows_at_once, int lanes) {
  std::vector<Strip> strips;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (int i = 0; i < tasks[t].rows; i += rows_at_once) {
      int const rows = std::min(rows_at_once, tasks[t].rows - i);
      int const ahead = static_cast<int>(tasks[t].col0 % lanes);  // lanes of the first strip before the tile
      for (int j = -ahead; j < columns_of(tasks[t], i + rows - 1); j += lanes) strips.push_back({t, i, rows, j});
    }
  return strips;
}

template <class T>
long write(TileTask<T> const& task, int i, int j, double nngp, double const* ntk) {
  long const place = static_cast<long>(i) * task.cols + j;
  constexpr double most = std::numeric_limits<T>::max();
  task.nngp[place] = static_cast<T>(nngp);
  long bad = nngp <= most && nngp >= -most ? 0 : 1;
  if (task.ntk != nullptr) {
    task.ntk[place] = static_cast<T>(*ntk);
    bad += *ntk <= most && *ntk >= -most ? 0 : 1;
  }
  return bad;
}

/// Row i of a tile, from column `col` on.
template <class T, class Pass>
long write_row(PositionProgram const& program, Pass& pass, TileTask<T> const& task, int i, int col, int lanes) {
  typename Pass::Value const v = pass.value(program.output);
  position_step::Sides<double> const roots = pass.sides(program.output_slot);
  double const r1 = roots.row_at(0);
  double const* const r2 = roots.col_at(0);
  long bad = 0;
  for (int l = std::max(0, -col); l < std::min(lanes, columns_of(task, i) - col); ++l) {
    double const nngp = position_step::covariance(r1, r2[l], v.h[l]);
    double const* const ntk = v.ntk == nullptr ? nullptr : v.ntk + l;
    bad += write(task, i, col + l, nngp, ntk);
    if (task.row0 == task.col0) write(task, col + l, i, nngp, ntk);
  }
  return bad;
}

/// All strips, shared out to the threads; make() makes what one thread works with.
template <class T, class Make>
long run_strips(PositionProgram const& program, std::span<TileTask<T> const> tasks, int rows_at_once, Make make) {
  using Runner = typename decltype(make())::element_type;
  std::vector<Strip> const strips = strips_of(tasks, rows_at_once, Runner::lanes);
  Kokkos::Experimental::UniqueToken<Kokkos::DefaultHostExecutionSpace> const token;
  std::vector<std::unique_ptr<Runner>> runners(static_cast<std::size_t>(token.size()));
  long bad = 0;
  using Policy = Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace, Kokkos::Schedule<Kokkos::Dynamic>>;
  Kokkos::parallel_reduce(
      "infinitile::position_tile", Policy(0, static_cast<long>(strips.size())),
      [&](long n, long& sum) {
        int const thread = token.acquire();
        auto& runner = runners[static_cast<std::size_t>(thread)];
        if (!runner) runner = make();
        Strip const& strip = strips[static_cast<std::size_t>(n)];
        TileTask<T> const& task = tasks[strip.task];
        runner->start(task.row0 + strip.row, strip.rows, task.col0 + strip.col);
        for (int k = 0; k < strip.rows; ++k) sum += write_row(program, runner->finish(k), task, strip.row + k, strip.col, Runner::lanes);
        token.release(thread);
      },
      bad);
  return bad;
}

#ifdef INFINITILE_CUDA
/// Tile by tile: planes on the GPU, the layers behind them here.
template <class R, class T>
long run_on_device(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, std::span<TileTask<T> const> tasks,
                   bool with_ntk) {
  using Kernel = plane_kernel::PlaneKernel<R>;
  Kernel& kernel = plane_kernel::PlaneTwin::of<R>(program, plan, table);
  long bad = 0;
  for (TileTask<T> const& task : tasks) {
    auto const sums = kernel.sum(plane_kernel::pairs_of(task), with_ntk ? Kernel::Wanted::nngp_and_ntk : Kernel::Wanted::nngp);
    plane_kernel::SummedTile const tile(program, plan, table, task, sums);
    bad += run_strips(program, std::span(&task, 1), 1, [&] { return std::make_unique<plane_kernel::SummedTile::Head>(tile, with_ntk); });
  }
  return bad;
}
#endif

/// Plane by plane in R, on a GPU where there is one that can.
template <class R, class T>
long run_planes(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, std::span<TileTask<T> const> tasks,
                bool with_ntk) {
#ifdef INFINITILE_CUDA
  if (plane_kernel::fits_plane_kernel(program, plan) && plane_kernel::PlaneTwin::is_here())
    return run_on_device<R>(program, plan, table, tasks, with_ntk);
#endif
  return run_strips(program, tasks, rows_at_once(program, plan),
                    [&] { return std::make_unique<PlaneRunner<R>>(program, plan, table, with_ntk); });
}

/// Rounding in float is relative to h, and keeps the digits of near duplicates through any number of layers; but a pool adds large and small
/// distances, so that an activation behind it would see their rounding as an angle.
bool allows_single(PositionProgram const& program, PlanePlan const& plan) {
  if (plan.stages.size() > 1) return false;
  auto const head = program.steps.begin() + static_cast<long>(plan.head);
  return PlaneSink(program, plan).flattens()
         || std::none_of(head, program.steps.end(), [](PositionStep const& s) { return s.kind == PositionStep::Kind::activate; });
}

}  // namespace

template <class T>
long compute_position_tiles(Exec const& exec, PositionProgram const& program, PositionTable const& table,
                            std::span<TileTask<T> const> tasks, PositionPath path) {
  static_cast<void>(exec);  // on the host, whatever Exec is; planes on a GPU need no Kokkos there
  if (tasks.empty()) return 0;
  bool const with_ntk = tasks.front().ntk != nullptr;
  for (TileTask<T> const& task : tasks) INFINITILE_EXPECT((task.ntk != nullptr) == with_ntk);
  std::optional<PlanePlan> const plan = path == PositionPath::fused ? plan_planes(program) : std::nullopt;
  bool const single = std::is_same_v<T, float> && plan && allows_single(program, *plan) && !table.roots_single.empty();
  long bad = 0;
  if (single) {
    bad = run_planes<float>(program, *plan, table, tasks, with_ntk);
  } else if (plan) {
    bad = run_planes<double>(program, *plan, table, tasks, with_ntk);
  } else {
    bad = run_strips(program, tasks, 1, [&] { return std::make_unique<GeneralRunner>(program, table, with_ntk); });
  }
  for (TileTask<T> const& task : tasks)
    for (int i = 0; task.row0 == task.col0 && i < task.rows; ++i) {
      auto const row = static_cast<std::size_t>(task.row0 + i);
      bad += write(task, i, i, table.nngp[row], &table.ntk[row]);
    }
  return bad;
}

template long compute_position_tiles(Exec const&, PositionProgram const&, PositionTable const&, std::span<TileTask<double> const>,
                                     PositionPath);
template long compute_position_tiles(Exec const&, PositionProgram const&, PositionTable const&, std::span<TileTask<float> const>,
                                     PositionPath);

}  // namespace infinitile
