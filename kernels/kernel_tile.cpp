#include "kernels/kernel_tile.hpp"

#include <algorithm>
#include <vector>

#include <cblas.h>

#include "base/error.hpp"
#include "kernels/tile_pass.hpp"

namespace infinitile {

namespace {

/// Rows of one matrix product. Fixed, so that the bits do not depend on the number of threads.
constexpr int panel_rows = 512;
constexpr int diagonal_panel_rows = 128;  ///< on the diagonal only the lower half is multiplied

void product(int m, int n, long k, double const* a, double const* b, double* c, int ldc) {
  int const depth = static_cast<int>(k);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, depth, 1, a, depth, b, depth, 0, c, ldc);
}

void product(int m, int n, long k, float const* a, float const* b, float* c, int ldc) {
  int const depth = static_cast<int>(k);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, depth, 1, a, depth, b, depth, 0, c, ldc);
}

RowTable::Matrix const& unit_rows(RowTable const& rows, int input, double /*precision*/) {
  return rows.unit[static_cast<std::size_t>(input)];
}
RowTable::SingleMatrix const& unit_rows(RowTable const& rows, int input, float /*precision*/) {
  return rows.unit_single[static_cast<std::size_t>(input)];
}

/// Correlations of all tasks by matrix products, spread over the host's threads.
template <class T>
void multiply_unit_rows(RowTable const& rows, std::span<TileTask<T> const> tasks, std::vector<std::vector<Correlations<T>>> const& into) {
  struct Panel {
    std::size_t task;
    int input, first, count, width;
  };
  std::vector<Panel> panels;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    bool const diagonal = tasks[t].row0 == tasks[t].col0;
    int const step = diagonal ? diagonal_panel_rows : panel_rows;
    for (int input = 0; input < static_cast<int>(into.size()); ++input)
      for (int first = 0; first < tasks[t].rows; first += step) {
        int const count = std::min(step, tasks[t].rows - first);
        panels.push_back({t, input, first, count, diagonal ? first + count : tasks[t].cols});
      }
  }
  using Host = Kokkos::DefaultHostExecutionSpace;
  using Policy = Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>>;
  Kokkos::parallel_for("infinitile::multiply_unit_rows", Policy(0, static_cast<int>(panels.size())), [&](int p) {
    Panel const& panel = panels[static_cast<std::size_t>(p)];
    TileTask<T> const& task = tasks[panel.task];
    auto const& unit = unit_rows(rows, panel.input, T{});
    Correlations<T> const& c = into[static_cast<std::size_t>(panel.input)][panel.task];
    long const width = unit.extent(1);
    product(panel.count, panel.width, width, unit.data() + (task.row0 + panel.first) * width, unit.data() + task.col0 * width,
            c.values + static_cast<long>(panel.first) * c.stride, c.stride);
  });
}

template <class T, class R>
long run_pass(Exec const& exec, TilePass<T, R> const& pass) {
  int const strips = (pass.task.cols + strip_width - 1) / strip_width;
  long bad = 0;
  using Policy = Kokkos::RangePolicy<Exec, Kokkos::Schedule<Kokkos::Dynamic>>;
  Kokkos::parallel_reduce(
      "infinitile::kernel_tile", Policy(exec, 0, pass.task.rows * strips),
      KOKKOS_LAMBDA(int work, long& sum) { sum += pass(work / strips, work % strips * strip_width); }, bad);
  return bad;
}

template <class Layer>
Layer const* layers_of(RowTable const& rows) {
  if constexpr (std::is_same_v<Layer, LayerView>)
    return rows.views.data();
  else
    return rows.activations.data();
}

/// The passes over all tasks, layers in R.
template <class T, class R>
long run_layers(Exec const& exec, PairProgram const& program, RowTable const& rows, std::span<TileTask<T> const> tasks,
                std::vector<std::vector<Correlations<T>>> const& correlations, R const* roots) {
  LaunchVector<Step> const steps(program.steps.begin(), program.steps.end());
  LaunchVector<double const*> features;
  for (auto const& matrix : rows.features) features.push_back(matrix.data());
  long bad = 0;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    TilePass<T, R> pass{};
    pass.task = tasks[t];
    for (std::size_t input = 0; input < correlations.size(); ++input) {
      pass.correlations[input] = correlations[input][t];
      pass.unit[input] = rows.unit[input].data();
      pass.unit_width[input] = static_cast<long>(rows.unit[input].extent(1));
    }
    pass.steps = steps.data();
    pass.step_count = static_cast<int>(steps.size());
    pass.roots = rows.roots.data();
    pass.roots_in_registers = roots;
    pass.rows = rows.rows;
    pass.layers = layers_of<LayerInPass>(rows);
    pass.features = features.data();
    pass.diagonal_nngp = rows.nngp.data();
    pass.diagonal_ntk = rows.ntk.data();
    pass.output_roots = program.output_roots;
    bad += run_pass(exec, pass);
  }
  return bad;
}

}  // namespace

template <class T>
long compute_tiles(Exec const& exec, PairProgram const& program, RowTable const& rows, std::span<TileTask<T> const> tasks) {
  INFINITILE_EXPECT(program.inputs <= most_inputs && program.registers <= PairProgram::most_registers);
  auto const inputs = static_cast<std::size_t>(program.inputs);
  // The correlations of the first input go where the NNGP will be; further inputs have arrays of their own.
  std::vector<std::vector<Correlations<T>>> correlations(inputs);
  std::vector<LaunchVector<T>> more;
  for (std::size_t input = 0; input < inputs; ++input)
    for (TileTask<T> const& task : tasks) {
      T* values = task.nngp;
      if (input > 0) values = more.emplace_back(static_cast<std::size_t>(task.rows) * static_cast<std::size_t>(task.cols)).data();
      correlations[input].push_back({values, task.cols});
    }
  multiply_unit_rows(rows, tasks, correlations);

  if constexpr (std::is_same_v<T, float>)
    if (rows.roots_single.size() > 0) return run_layers<T, float>(exec, program, rows, tasks, correlations, rows.roots_single.data());
  return run_layers<T, double>(exec, program, rows, tasks, correlations, rows.roots.data());
}

template <class T>
void correlate_tiles(RowTable const& rows, std::span<TileTask<T> const> tasks) {
  std::vector<Correlations<T>> into;
  for (TileTask<T> const& task : tasks) into.push_back({task.nngp, task.cols});
  multiply_unit_rows(rows, tasks, {into});
}

template void correlate_tiles(RowTable const&, std::span<TileTask<double> const>);
template void correlate_tiles(RowTable const&, std::span<TileTask<float> const>);
template long compute_tiles(Exec const&, PairProgram const&, RowTable const&, std::span<TileTask<double> const>);
template long compute_tiles(Exec const&, PairProgram const&, RowTable const&, std::span<TileTask<float> const>);

}  // namespace infinitile
