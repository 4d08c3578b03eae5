#pragma once

#include <limits>

#include "kernels/kernel_tile.hpp"

// The pass of compute_tiles over the entries of one tile. T is what tiles hold, R the arithmetic of the layers: double, or float where
// RowTable::roots_single says that it will do.

namespace infinitile {

/// Closer than this to parallel (gap 0) or antiparallel (gap 2) the rounding of the matrix product shows in the angle θ = √(2 gap): δθ =
/// δgap / θ is 1e-16 / 3e-3 in float64 and 3e-7 / 0.1 in float32.
template <class T>
inline constexpr double near_an_end = sizeof(T) == 8 ? 1e-5 : 5e-3;

/// Columns of one strip: on the host a loop over them becomes vector code and the registers stay in L1.
inline constexpr int strip_width = on_host ? 128 : 1;

/// A layer as launches see it.
using LayerInPass = std::conditional_t<on_host, PreparedActivation, LayerView>;

inline constexpr int most_inputs = 4;  ///< of one network

/// The correlations of one tile for one input of the network.
template <class T>
struct Correlations {
  T* values = nullptr;
  int stride = 0;
};

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
template <class T, class R>
struct TilePass {
  TileTask<T> task;
  Correlations<T> correlations[most_inputs];
  double const* unit[most_inputs];
  long unit_width[most_inputs];
  Step const* steps;
  int step_count;
  double const* roots;
  R const* roots_in_registers;  ///< the same numbers as roots
  long rows;                    ///< of the whole table: the distance between two of its lines
  LayerInPass const* layers;
  double const* const* features;
  double const* diagonal_nngp;
  double const* diagonal_ntk;
  int output_roots;

  struct Registers {
    R gap[PairProgram::most_registers][strip_width];
    R ntk[PairProgram::most_registers][strip_width];
    R slope[strip_width];
  };

  KOKKOS_INLINE_FUNCTION bool diagonal() const { return task.row0 == task.col0; }
  KOKKOS_INLINE_FUNCTION step::Roots<R> roots_at(int line, long row, long col) const {
    return {roots_in_registers[line * rows + row], roots_in_registers + line * rows + col};
  }

  KOKKOS_INLINE_FUNCTION void load(int input, int i, int j0, int count, R* gap) const {
    T const* const from = correlations[input].values + static_cast<long>(i) * correlations[input].stride + j0;
    int near = 0;
    for (int j = 0; j < count; ++j) {
      R const g = 1 - static_cast<R>(from[j]);
      gap[j] = g < 2 ? g : 2;
      near += (gap[j] < near_an_end<T> || gap[j] > 2 - near_an_end<T>) ? 1 : 0;
    }
    if (near == 0) return;
    long const width = unit_width[input];
    double const* const u = unit[input] + (task.row0 + i) * width;
    for (int j = 0; j < count; ++j) {
      double const* const v = unit[input] + (task.col0 + j0 + j) * width;
      if (gap[j] < near_an_end<T>) {
        gap[j] = static_cast<R>(half_squared_distance(u, v, 1, width));
      } else if (gap[j] > 2 - near_an_end<T>) {
        gap[j] = static_cast<R>(2 - half_squared_distance(u, v, -1, width));
      }
    }
  }

  KOKKOS_INLINE_FUNCTION void activate(Step const& s, long row, long col, int count, R* gap, R* ntk, R* slope) const {
    double const *const before = roots + s.before * rows, *const after = roots + s.after * rows, *const known = features[s.index];
    RowSide const row_side{before[row], after[row], known + row, rows};
    ColSide const col_side{before + col, after + col, known + col, rows};
    layers[s.index].carry(row_side, col_side, count, gap, slope);
    if (ntk != nullptr)
      for (int j = 0; j < count; ++j) ntk[j] *= slope[j];
  }

  /// Runs every step on columns j0, ..., j0 + count - 1 of row i.
  KOKKOS_INLINE_FUNCTION void run(int i, int j0, int count, Registers& r) const {
    long const row = task.row0 + i, col = task.col0 + j0;
    bool const with_ntk = task.ntk != nullptr;
    for (int n = 0; n < step_count; ++n) {
      Step const& s = steps[n];
      R* const gap = r.gap[s.target];
      R* const ntk = with_ntk ? r.ntk[s.target] : nullptr;
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
          step::drop(static_cast<R>(s.weight), count, gap);
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

  KOKKOS_INLINE_FUNCTION void write(int i, int j, T nngp, T ntk) const {
    long const place = static_cast<long>(i) * task.cols + j;
    task.nngp[place] = nngp;
    if (task.ntk != nullptr) task.ntk[place] = ntk;
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
      step::Roots<R> const root = roots_at(output_roots, task.row0 + i, task.col0 + j0);
      T* const nngp = task.nngp + static_cast<long>(i) * task.cols + j0;
      constexpr R most = std::numeric_limits<T>::max();
      for (int j = 0; j < count; ++j) {
        R const k = root.row * root.col[j] * (1 - r.gap[0][j]);
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
    if (j0 <= i && i < j0 + strip_width)
      write(i, i, static_cast<T>(diagonal_nngp[task.row0 + i]), static_cast<T>(diagonal_ntk[task.row0 + i]));
  }
};

}  // namespace infinitile
