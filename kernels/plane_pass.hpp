#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/index.hpp"
#include "kernels/plane_bundle.hpp"
#include "kernels/plane_layers.hpp"
#include "kernels/plane_level.hpp"
#include "kernels/plane_sink.hpp"
#include "kernels/position_pass.hpp"

namespace infinitile {

/// Row inputs against L columns, plane by plane: the fused path. R is the arithmetic of the planes.
template <class R, int L>
class PlanePass {
public:
  using Bundle = PlaneBundle<R, L>;
  using Value = position_step::Value<R>;

  /// The tangent kernel too?
  enum class With { nngp, ntk };

  PlanePass(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, With with)
      : program_(program),
        plan_(plan),
        sink_(program, plan),
        place_{table},
        with_ntk_(with == With::ntk),
        layers_(program),
        bundle_(program.registers, largest_plane(plan), with_ntk_) {
    for (std::size_t n = 0; n < plan.stages.size(); ++n) make_room(n);
  }

  /// Rows and columns as in PositionPass: rows `row`, ..., row + rows - 1, at most rows_at_once(), with inputs `col`, ....
  void start(long row, int rows, long col) {
    own_ = false;
    begin(row, rows, col);
    for (std::size_t n = 0; n < plan_.stages.size(); ++n) run_stage(n);
  }
  /// The layers behind the last planes for row number k of those; the result is value(program.output).
  PositionPass<L>& finish(int k) {
    if (!head_) head_.emplace(program_, place_.table, PositionPass<L>::Of::pairs, with_ntk_, plan_.head);
    place_.row = row0_ + k;
    head_->place(place_.row, place_.col);
    begin_head(k);
    head_->run_from(plan_.head);
    return *head_;
  }

  /// k and ntk of one input with itself behind the last sink, whose own roots need not be known.
  struct Own {
    double k = 0, ntk = 0;
  };
  Own run_own(long row) {
    int const lane = place_own(row);
    for (std::size_t n = 0; n < plan_.stages.size(); ++n) run_stage(n);
    return {sink_.variances(halves(lane)) - sink_.weight() * sum_h_[at(lane)], sink_.weight() * sum_t_[at(lane)]};
  }

  /// For a plan of plan_windows: the variances of one input behind the last pool, per position, whose roots are still 0 in the table.
  std::vector<double> run_windows(long row) {
    int const lane = place_own(row);
    std::size_t const last = plan_.stages.size() - 1;
    for (std::size_t n = 0; n < last; ++n) run_stage(n);
    typename Bundle::Plane const zero{row, {}, 1};
    bundle_.take(std::span(&zero, 1), plan_.stages[last].sizes);
    begin_from_level(last);
    int const reg = plan_.stages[last].reg;
    R const* const h = bundle_.value(reg).h;
    std::vector<double> variances;  // with roots of 0, h' = ½ (0 + 0) − k'
    bundle_.box(reg).for_each([&](int, int, long cell) { variances.push_back(-static_cast<double>(h[cell * L + lane])); });
    return variances;
  }

private:
  void begin(long row, int rows, long col) {
    row0_ = row;
    rows_ = rows;
    place_.row = row;
    place_.col = col;
    sum_h_.assign(at(rows * L), 0);
    sum_t_.assign(at(rows * L), 0);
  }
  /// Which of the columns is the row input itself.
  int place_own(long row) {
    own_ = true;
    auto const lane = static_cast<int>(row % L);
    begin(row, 1, row - lane);
    return lane;
  }

  PositionMap const& map_of(PositionStep const& s) const { return program_.maps[at(s.index)]; }

  void make_room(std::size_t n) {
    PlaneStage const& stage = plan_.stages[n];
    levels_.emplace_back();
    for (std::size_t s = stage.first; s < stage.sink; ++s) {
      if (program_.steps[s].kind != PositionStep::Kind::mix) continue;
      Windows const w = windows_of(map_of(program_.steps[s]));
      long const row = plane_step::rows_of_room(w) * w[2].output;
      if (room_.size() < at(row * L)) room_.resize(at(row * L));
    }
    if (n > 0) levels_[n].make_room(stage, map_of(program_.steps[plan_.stages[n - 1].sink]), with_ntk_);
  }

  // Of the plane at hand.
  Value value(int reg) { return bundle_.value(reg); }
  plane_step::Box& box(int reg) { return bundle_.box(reg); }
  template <class T>
  position_step::Sides<T> sides(int slot) const {
    return place_.sides<T>(slot);
  }
  /// Each position of an input with itself?
  bool is_own(int reg) { return own_ && box(reg).d == Triple{}; }

  // --- stages -----------------------------------------------------------------------------------------------------------

  void run_stage(std::size_t n) {
    PlaneStage const& stage = plan_.stages[n];
    if (n + 1 < plan_.stages.size()) levels_[n + 1].clear();
    std::vector<typename Bundle::Plane> const planes = planes_of(n);
    for (std::size_t done = 0; done < planes.size();) {
      done += bundle_.take(std::span(planes).subspan(done), stage.sizes);
      run_bundle(n);
    }
    if (n + 1 < plan_.stages.size()) {
      PositionStep const& sink = program_.steps[stage.sink];
      levels_[n + 1].to_distances(map_of(sink), sides<double>(sink.before), sides<double>(sink.after));
    }
  }

  std::vector<typename Bundle::Plane> planes_of(std::size_t n) const {
    PlaneStage const& stage = plan_.stages[n];
    std::vector<typename Bundle::Plane> planes;
    for (int const d0 : stage.planes[0])
      for (int const d1 : stage.planes[1])
        for (int const d2 : stage.planes[2]) {
          Triple const d{d0 * stage.strides[0], d1 * stage.strides[1], d2 * stage.strides[2]};
          for (int k = 0; k < rows_ && times(n, d) > 0; ++k) planes.push_back({row0_ + k, d, times(n, d)});
        }
    return planes;
  }

  /// How often a plane counts. Before the last sink an input with itself has the same numbers in planes d and −d.
  double times(std::size_t n, Triple d) const {
    if (!own_ || n + 1 < plan_.stages.size() || d == Triple{}) return 1;
    return d > Triple{} ? 2 : 0;
  }

  template <class F>
  void for_each_plane(F f) {
    for (std::size_t m = 0; m < bundle_.size(); ++m) {
      bundle_.enter(m);
      place_.row = bundle_.plane().row;
      f();
    }
  }

  void run_bundle(std::size_t n) {
    PlaneStage const& stage = plan_.stages[n];
    if (n > 0)
      for_each_plane([&] {
        begin_from_level(n);
        if (is_own(stage.reg)) forget_distances(stage.reg);
      });
    for (std::size_t s = stage.first; s < stage.sink;) {
      for_each_plane([&] { layers_[s] ? run_layer(s, *layers_[s]) : run_step(stage, program_.steps[s]); });
      s += layers_[s] ? layers_[s]->steps : 1;
    }
    PositionStep const& sink = program_.steps[stage.sink];
    bool const pools = map_of(sink).shape == PositionMap::Shape::pool;
    for_each_plane([&] { pools ? levels_[n + 1].add(box(sink.source), value(sink.source)) : add_to_sums(sink); });
  }

  void run_step(PlaneStage const& stage, PositionStep const& step) {
    if (step.kind == PositionStep::Kind::load) box(step.target) = {stage.sizes, bundle_.plane().d};
    if (step.kind == PositionStep::Kind::copy) box(step.target) = box(step.source);
    if (step.kind == PositionStep::Kind::drop && is_own(step.target)) {
      drop_own(step);
    } else if (step.kind == PositionStep::Kind::activate && is_own(step.target)) {
      activate_own(step);
    } else {
      position_step::run_pointwise<L>(step, place_, box(step.target), value(step.target), step.source >= 0 ? value(step.source) : Value{});
    }
  }

  // --- layers -----------------------------------------------------------------------------------------------------------

  /// Activations of an input with itself are functions of one variance, and not of an angle, which two inputs without variance do not have.
  void run_layer(std::size_t s, typename PlaneLayers<R>::Layer const& layer) {
    PositionStep const& step = program_.steps[s];
    bool const windows = step.kind == PositionStep::Kind::mix, own = is_own(windows ? step.source : step.target);
    if (windows && own) {
      convolve(s, layer, layer.weights);
      if (layer.steps == 3) activate_own(program_.steps[s + 2]);
    } else if (own) {
      activate_own(step);
    } else {
      std::visit([&](auto const& rows) { windows ? convolve(s, layer, rows) : rectify(step, rows); }, layer.rows);
    }
  }

  template <class Rows>
  void convolve(std::size_t s, typename PlaneLayers<R>::Layer const& layer, Rows const& rows) {
    PositionStep const& mix = program_.steps[s];
    plane_step::Box& out = box(mix.target);
    for (std::size_t a = 0; a < 3; ++a) {
      out.sizes[a] = layer.windows[a].output;
      out.d[a] = box(mix.source).d[a] / layer.windows[a].stride;
    }
    plane_step::Source<R, L> const from{box(mix.source), value(mix.source), sides<R>(mix.before)};
    position_step::Sides<R> const roots = sides<R>(layer.steps == 1 ? mix.after : program_.steps[s + 1].after);
    plane_step::convolve(from, layer.windows, out, roots, value(mix.target), room_.data(), rows);
  }

  /// Dropout of a position with itself is one and the same: no distance arises, and the slope is that of the variance.
  void drop_own(PositionStep const& step) {
    Value const v = value(step.target);
    R const grown = static_cast<R>(1 / step.weight);
    box(step.target).for_each([&](int, int, long cell) {
      for (int l = 0; with_ntk_ && l < L; ++l) v.ntk[cell * L + l] *= grown;
    });
  }

  /// An activation of a position with itself: the slope is that of one variance, with every digit.
  void activate_own(PositionStep const& step) {
    Value const v = value(step.target);
    PreparedActivation const& activation = place_.table.activations[at(step.index)];
    position_step::Sides<double> const roots = sides<double>(step.before);
    box(step.target).for_each([&](int p, int, long cell) {
      auto const slope = static_cast<R>(activation.slope_variance(dual_math::square(roots.row_at(p))));
      std::fill_n(v.h + cell * L, L, R(0));
      for (int l = 0; with_ntk_ && l < L; ++l) v.ntk[cell * L + l] *= slope;
    });
  }

  /// A ReLU alone, in place.
  template <class Rows>
  void rectify(PositionStep const& step, Rows const& rows) {
    plane_step::Box const& plane = box(step.target);
    Value const v = value(step.target);
    for (int z = 0; z < plane.extent(0); ++z)
      for (int y = 0; y < plane.extent(1); ++y) {
        long const cell = plane.cell(z, y, 0) * L;
        int const p = plane.position(z, y, 0);
        R *const h = v.h + cell, *const ntk = v.ntk == nullptr ? nullptr : v.ntk + cell;
        plane_step::run_row<1, L>(rows,
                                  plane_step::Row<R>{h, ntk, 0, h, ntk, plane.extent(2), sides<R>(step.before).from(p, p + plane.apart())});
      }
  }

  // --- between stages ---------------------------------------------------------------------------------------------------

  void begin_from_level(std::size_t n) {
    int const reg = plan_.stages[n].reg;
    box(reg) = {plan_.stages[n].sizes, bundle_.plane().d};
    levels_[n].copy_plane(box(reg), value(reg));
  }

  /// An input is no distance away from itself, but behind a pool h is a difference, and a ReLU would take its rounding for an angle.
  void forget_distances(int reg) { std::fill_n(value(reg).h, box(reg).cells() * L, R(0)); }

  /// Flatten and global pools: h and ntk of all entries, in double.
  void add_to_sums(PositionStep const& sink) {
    Value const v = value(sink.source);
    long const first = (bundle_.plane().row - row0_) * L;
    add_all(box(sink.source), v.h, bundle_.plane().times, sum_h_.data() + first);
    if (with_ntk_) add_all(box(sink.source), v.ntk, bundle_.plane().times, sum_t_.data() + first);
  }

  static void add_all(plane_step::Box const& plane, R const* values, double times, double* sums) {
    constexpr int part = std::min(L, 8);  // one vector of AVX-512
    Lanes<double, part> sum[L / part] = {};
    plane.for_each([&](int, int, long cell) {
      for (int n = 0; n < L / part; ++n)
        sum[n] += __builtin_convertvector(load_lanes<part>(values + cell * L + n * part), Lanes<double, part>);
    });
    for (int n = 0; n < L / part; ++n) {
      double* const to = sums + n * part;
      store_lanes(load_lanes<part>(to) + times * sum[n], to);
    }
  }

  /// Σ ½ (q + q') over positions, of the row input and column l.
  double halves(int l) const {
    position_step::Sides<double> const roots = sides<double>(sink_.step.before);
    double sum = 0;
    for (int p = 0; p < sink_.step.in_positions; ++p)
      sum += 0.5 * (dual_math::square(roots.row_at(p)) + dual_math::square(roots.col_at(p)[l]));
    return sum;
  }

  /// One position is left.
  void begin_head(int k) {
    position_step::Value<double> const v = head_->value(sink_.step.target);
    position_step::Sides<double> const roots = head_->sides(sink_.step.after);
    double const r1 = roots.row_at(0);
    double const *const sum_h = sum_h_.data() + k * L, *const sum_t = sum_t_.data() + k * L;
    for (int l = 0; l < L; ++l) {
      double const half_both = 0.5 * (r1 * r1 + dual_math::square(roots.col_at(0)[l]));
      v.h[l] = sink_.distance(sum_h[l], sink_.flattens() ? 0 : halves(l), half_both);
    }
    if (with_ntk_)
      for (int l = 0; l < L; ++l) v.ntk[l] = sink_.weight() * sum_t[l];
  }

  PositionProgram const& program_;
  PlanePlan const& plan_;
  PlaneSink sink_;
  PairPlace place_;
  long row0_ = 0;
  int rows_ = 1;
  bool with_ntk_;
  bool own_ = false;                     ///< one input with itself
  std::optional<PositionPass<L>> head_;  ///< the steps behind the last sink
  PlaneLayers<R> layers_;
  Bundle bundle_;
  std::vector<PlaneLevel<R, L>> levels_;
  LaneVector<R> room_;
  LaneVector<double> sum_h_, sum_t_;  ///< of each row
};

}  // namespace infinitile
