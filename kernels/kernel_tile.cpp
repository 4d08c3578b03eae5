#include "kernels/kernel_tile.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <cblas.h>

#include "base/error.hpp"

namespace infinitile {

namespace {

/// Closer than this to parallel (gap 0) or antiparallel (gap 2) the rounding of the matrix product shows in the angle θ = √(2 gap): δθ =
/// δgap / θ is 1e-16 / 3e-3 in float64 and 3e-7 / 0.1 in float32.
template <class T>
constexpr double near_an_end = sizeof(T) == 8 ? 1e-5 : 5e-3;

/// Columns of one strip: on the host a loop over them becomes vector code and the registers stay in L1; on a GPU a strip is one entry, and
/// one thread.
constexpr int strip_width = Kokkos::SpaceAccessibility<Kokkos::HostSpace, Exec::memory_space>::accessible ? 128 : 1;

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

/// The correlations of one tile for one input of the network.
template <class T>
struct Correlations {
  T* values = nullptr;
  int stride = 0;
};

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

/// ½ |u − sign v|² of two unit rows is 1 minus their correlation, or 1 plus it. Eight partial sums, so that the loop is vector code.
INFINITILE_FN double half_squared_distance(double const* u, double const* v, double sign, long width) {
  constexpr int lanes = 8;
  double sums[lanes] = {};
  long k = 0;
  for (; k + lanes <= width; k += lanes)
    for (int l = 0; l < lanes; ++l) sums[l] += (u[k + l] - sign * v[k + l]) * (u[k + l] - sign * v[k + l]);
  for (; k < width; ++k) sums[0] += (u[k] - sign * v[k]) * (u[k] - sign * v[k]);
  return 0.5 * (((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

/// The pass over one tile: what a launch captures, and what one strip of columns of one row does.
template <class T>
struct Pass {
  static constexpr int most_inputs = 4;

  TileTask<T> task;
  Correlations<T> correlations[most_inputs];
  double const* unit[most_inputs];
  long unit_width[most_inputs];
  Step const* steps;
  int step_count;
  double const* roots;
  long rows;  ///< of the whole table: the distance between two of its lines
  PreparedActivation const* activations;
  double const* const* features;
  double const* diagonal_nngp;
  double const* diagonal_ntk;
  int output_roots;

  struct Registers {
    double gap[PairProgram::most_registers][strip_width];
    double ntk[PairProgram::most_registers][strip_width];
    double slope[strip_width];
  };

  KOKKOS_INLINE_FUNCTION bool diagonal() const { return task.row0 == task.col0; }
  KOKKOS_INLINE_FUNCTION step::Roots roots_at(int line, long row, long col) const {
    return {roots[line * rows + row], roots + line * rows + col};
  }

  KOKKOS_INLINE_FUNCTION void load(int input, int i, int j0, int count, double* gap) const {
    T const* const from = correlations[input].values + static_cast<long>(i) * correlations[input].stride + j0;
    int near = 0;
    for (int j = 0; j < count; ++j) {
      double const g = 1 - static_cast<double>(from[j]);
      gap[j] = g < 2 ? g : 2;
      near += (gap[j] < near_an_end<T> || gap[j] > 2 - near_an_end<T>) ? 1 : 0;
    }
    if (near == 0) return;
    long const width = unit_width[input];
    double const* const u = unit[input] + (task.row0 + i) * width;
    for (int j = 0; j < count; ++j) {
      double const* const v = unit[input] + (task.col0 + j0 + j) * width;
      if (gap[j] < near_an_end<T>) {
        gap[j] = half_squared_distance(u, v, 1, width);
      } else if (gap[j] > 2 - near_an_end<T>) {
        gap[j] = 2 - half_squared_distance(u, v, -1, width);
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void activate(Step const& s, long row, long col, int count, double* gap, double* ntk, double* slope) const {
    step::Roots const before = roots_at(s.before, row, col), after = roots_at(s.after, row, col);
    double const* const features_of_layer = features[s.index];
    RowSide const row_side{before.row, after.row, features_of_layer + row, rows};
    ColSide const col_side{before.col, after.col, features_of_layer + col, rows};
    activations[s.index].carry(row_side, col_side, count, gap, slope);
    if (ntk != nullptr)
      for (int j = 0; j < count; ++j) ntk[j] *= slope[j];
  }

  /// Runs every step on columns j0, ..., j0 + count - 1 of row i.
  KOKKOS_INLINE_FUNCTION void run(int i, int j0, int count, Registers& r) const {
    long const row = task.row0 + i, col = task.col0 + j0;
    bool const with_ntk = task.ntk != nullptr;
    for (int n = 0; n < step_count; ++n) {
      Step const& s = steps[n];
      double* const gap = r.gap[s.target];
      double* const ntk = with_ntk ? r.ntk[s.target] : nullptr;
      switch (s.kind) {
        case Step::Kind::load:
          load(s.index, i, j0, count, gap);
          if (with_ntk)
            for (int j = 0; j < count; ++j) ntk[j] = 0;
          break;
        case Step::Kind::copy:
          for (int j = 0; j < count; ++j) gap[j] = r.gap[s.source][j];
          if (with_ntk)
            for (int j = 0; j < count; ++j) ntk[j] = r.ntk[s.source][j];
          break;
        case Step::Kind::dense:
          step::dense(s, roots_at(s.before, row, col), roots_at(s.after, row, col), count, gap, ntk);
          break;
        case Step::Kind::activate:
          activate(s, row, col, count, gap, ntk, r.slope);
          break;
        case Step::Kind::normalize:
          if (with_ntk) step::normalize(roots_at(s.other, row, col), count, ntk);
          break;
        case Step::Kind::drop:
          step::drop(s.weight, count, gap);
          break;
        case Step::Kind::add:
          step::add(s, roots_at(s.before, row, col), roots_at(s.other, row, col), roots_at(s.after, row, col), count, gap, ntk,
                    r.gap[s.source], r.ntk[s.source]);
          break;
        case Step::Kind::multiply:
          step::multiply(roots_at(s.before, row, col), roots_at(s.other, row, col), count, gap, ntk, r.gap[s.source], r.ntk[s.source]);
          break;
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void write(int i, int j, double nngp, double ntk) const {
    long const place = static_cast<long>(i) * task.cols + j;
    task.nngp[place] = static_cast<T>(nngp);
    if (task.ntk != nullptr) task.ntk[place] = static_cast<T>(ntk);
  }

  /// One strip of one row; returns how many entries came out infinite or not a number.
  KOKKOS_INLINE_FUNCTION long operator()(int i, int j0) const {
    int const columns = diagonal() ? i : task.cols;  // below the diagonal
    int const count = columns - j0 < strip_width ? columns - j0 : strip_width;
    bool const with_ntk = task.ntk != nullptr;
    long bad = 0;
    if (count > 0) {
      Registers r;
      run(i, j0, count, r);
      step::Roots const root = roots_at(output_roots, task.row0 + i, task.col0 + j0);
      T* const nngp = task.nngp + static_cast<long>(i) * task.cols + j0;
      constexpr double most = std::numeric_limits<T>::max();
      for (int j = 0; j < count; ++j) {
        double const k = root.row * root.col[j] * (1 - r.gap[0][j]);
        nngp[j] = static_cast<T>(k);
        bad += (k <= most && k >= -most) ? 0 : 1;
      }
      if (with_ntk) {
        T* const ntk = task.ntk + static_cast<long>(i) * task.cols + j0;
        for (int j = 0; j < count; ++j) {
          ntk[j] = static_cast<T>(r.ntk[0][j]);
          bad += (r.ntk[0][j] <= most && r.ntk[0][j] >= -most) ? 0 : 1;
        }
      }
    }
    if (diagonal()) finish_diagonal(i, j0, count);
    return bad;
  }

  /// The mirrored entries, and the diagonal from the row table.
  KOKKOS_INLINE_FUNCTION void finish_diagonal(int i, int j0, int count) const {
    for (int j = j0; j < j0 + count; ++j) {
      long const here = static_cast<long>(i) * task.cols + j;
      write(j, i, task.nngp[here], task.ntk != nullptr ? task.ntk[here] : 0);
    }
    if (j0 <= i && i < j0 + strip_width) write(i, i, diagonal_nngp[task.row0 + i], diagonal_ntk[task.row0 + i]);
  }
};

template <class T>
long run_pass(Exec const& exec, Pass<T> const& pass) {
  int const strips = (pass.task.cols + strip_width - 1) / strip_width;
  long bad = 0;
  using Policy = Kokkos::RangePolicy<Exec, Kokkos::Schedule<Kokkos::Dynamic>>;
  Kokkos::parallel_reduce(
      "infinitile::kernel_tile", Policy(exec, 0, pass.task.rows * strips),
      KOKKOS_LAMBDA(int work, long& sum) { sum += pass(work / strips, work % strips * strip_width); }, bad);
  return bad;
}

}  // namespace

template <class T>
long compute_tiles(Exec const& exec, PairProgram const& program, RowTable const& rows, std::span<TileTask<T> const> tasks) {
  INFINITILE_EXPECT(program.inputs <= Pass<T>::most_inputs && program.registers <= PairProgram::most_registers);
  auto const inputs = static_cast<std::size_t>(program.inputs);
  // The correlations of the first input go where the NNGP will be; further inputs have arrays of their own.
  std::vector<std::vector<Correlations<T>>> correlations(inputs);
  std::vector<std::vector<T>> more;
  for (std::size_t input = 0; input < inputs; ++input)
    for (TileTask<T> const& task : tasks) {
      T* values = task.nngp;
      if (input > 0) values = more.emplace_back(static_cast<std::size_t>(task.rows) * static_cast<std::size_t>(task.cols)).data();
      correlations[input].push_back({values, task.cols});
    }
  multiply_unit_rows(rows, tasks, correlations);

  std::vector<double const*> features;
  for (auto const& matrix : rows.features) features.push_back(matrix.data());
  long bad = 0;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    Pass<T> pass{};
    pass.task = tasks[t];
    for (std::size_t input = 0; input < inputs; ++input) {
      pass.correlations[input] = correlations[input][t];
      pass.unit[input] = rows.unit[input].data();
      pass.unit_width[input] = static_cast<long>(rows.unit[input].extent(1));
    }
    pass.steps = program.steps.data();
    pass.step_count = static_cast<int>(program.steps.size());
    pass.roots = rows.roots.data();
    pass.rows = rows.rows;
    pass.activations = rows.activations.data();
    pass.features = features.data();
    pass.diagonal_nngp = rows.nngp.data();
    pass.diagonal_ntk = rows.ntk.data();
    pass.output_roots = program.output_roots;
    bad += run_pass(exec, pass);
  }
  return bad;
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
