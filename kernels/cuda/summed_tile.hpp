#pragma once

#include <span>
#include <vector>

#include "kernels/cuda/plane_arrays.hpp"
#include "kernels/kernel_tile.hpp"
#include "kernels/plane_sink.hpp"
#include "kernels/position_pass.hpp"

namespace infinitile::plane_kernel {

/// A tile whose planes are summed, the sums in the order of pairs_of(), and what its last layers need of the variances. For each thread that
/// runs them there is a head; both need the tile for as long as they are used.
class SummedTile {
public:
  template <class T>
  SummedTile(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, TileTask<T> const& task,
             std::span<PlaneSums const> sums)
      : program_(program),
        plan_(plan),
        table_(table),
        sink_(program, plan),
        row0_(task.row0),
        col0_(task.col0),
        cols_(task.cols),
        sums_(sums) {
    for (int i = 0; i < task.rows; ++i) rows_half_.push_back(half_variances(task.row0 + i));
    for (int j = 0; j < task.cols; ++j) cols_half_.push_back(half_variances(task.col0 + j));
  }

  /// The layers behind the last plane, for strips of a row against columns.
  class Head;

private:
  /// Σ ½ q of an input over its positions.
  double half_variances(long input) const {
    double sum = 0;
    for (int p = 0; p < sink_.step.in_positions; ++p) sum += 0.5 * dual_math::square(*root(sink_.step.before, p, input));
    return sum;
  }
  double const* root(int slot, int p, long input) const { return table_.roots[static_cast<std::size_t>(slot)].at(p, input); }

  bool is_diagonal() const { return row0_ == col0_; }
  /// The sums of (row, col); nothing where the tile does not have that pair.
  PlaneSums const* sums(int i, int j) const {
    if (j < 0 || j >= (is_diagonal() ? i : cols_)) return nullptr;
    return &sums_[static_cast<std::size_t>(is_diagonal() ? static_cast<long>(i) * (i - 1) / 2 + j : static_cast<long>(i) * cols_ + j)];
  }

  PositionProgram const& program_;
  PlanePlan const& plan_;
  PositionTable const& table_;
  PlaneSink sink_;
  long row0_, col0_;
  int cols_;
  std::span<PlaneSums const> sums_;
  std::vector<double> rows_half_, cols_half_;
};

class SummedTile::Head {
public:
  static constexpr int lanes = 8;

  Head(SummedTile const& tile, bool with_ntk)
      : tile_(tile), with_ntk_(with_ntk), pass_(tile.program_, tile.table_, PositionPass<lanes>::Of::pairs, with_ntk, tile.plan_.head) {}

  /// Input `row` + k with inputs `col`, ... as in PositionPass. Lanes that the tile does not have are two inputs far apart.
  void start(long row, int, long col) {
    row_ = row;
    col_ = col;
  }
  PositionPass<lanes>& finish(int k) {
    long const row = row_ + k, col = col_;
    pass_.place(row, col);
    auto const i = static_cast<int>(row - tile_.row0_), first = static_cast<int>(col - tile_.col0_);
    PositionPass<lanes>::Value const v = pass_.value(tile_.sink_.step.target);
    for (int l = 0; l < lanes; ++l) {
      PlaneSums const* const sums = tile_.sums(i, first + l);
      v.h[l] = sums == nullptr ? half_both(row, col, l) : distance(i, first + l, *sums, half_both(row, col, l));
      if (with_ntk_) v.ntk[l] = sums == nullptr ? 0 : tile_.sink_.weight() * sums->ntk;
    }
    pass_.run_from(tile_.plan_.head);
    return pass_;
  }

private:
  /// ½ (q + q') behind the last plane.
  double half_both(long row, long col, int lane) const {
    return 0.5
           * (dual_math::square(*tile_.root(tile_.sink_.step.after, 0, row))
              + dual_math::square(tile_.root(tile_.sink_.step.after, 0, col)[lane]));
  }
  double distance(int i, int j, PlaneSums const& sums, double half_both) const {
    return tile_.sink_.distance(sums.h, tile_.rows_half_[static_cast<std::size_t>(i)] + tile_.cols_half_[static_cast<std::size_t>(j)],
                                half_both);
  }

  SummedTile const& tile_;
  bool with_ntk_;
  PositionPass<lanes> pass_;
  long row_ = 0, col_ = 0;
};

}  // namespace infinitile::plane_kernel
