#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/index.hpp"
#include "kernels/plane_level.hpp"
#include "kernels/plane_relu.hpp"
#include "kernels/plane_sink.hpp"
#include "kernels/position_pass.hpp"

namespace infinitile {

/// One row input against L columns, plane by plane: the fused path. R is the arithmetic of the planes.
template <class R, int L>
class PlanePass {
public:
  using Value = position_step::Value<R>;

  /// The tangent kernel too?
  enum class With { nngp, ntk };

  PlanePass(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, With with)
      : program_(program),
        plan_(plan),
        sink_(program, plan),
        place_{table},
        angles_(known_angles(program)),
        with_ntk_(with == With::ntk),
        registers_(static_cast<std::size_t>(program.registers)),
        sum_h_(L),
        sum_t_(L) {
    for (std::size_t n = 0; n < plan.stages.size(); ++n) make_room(n);
    for (std::size_t n = 0; n < program.steps.size(); ++n) prepare(n);
  }

  /// Rows and columns as in PositionPass; the result is value(program.output) of head().
  void run(long row, long col) {
    own_ = false;
    place_.row = row;
    place_.col = col;
    for (std::size_t n = 0; n < plan_.stages.size(); ++n) run_stage(n);
    if (!head_) head_.emplace(program_, place_.table, PositionPass<L>::Of::pairs, with_ntk_, plan_.head);
    head_->place(row, col);
    finish();
  }
  PositionPass<L>& head() { return *head_; }

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
    begin_from_level(last, {});
    Register const& r = registers_[at(plan_.stages[last].reg)];
    std::vector<double> variances;  // with roots of 0, h' = ½ (0 + 0) − k'
    r.box.for_each([&](int, int, long cell) { variances.push_back(-static_cast<double>(r.h[at(cell * L + lane)])); });
    return variances;
  }

private:
  /// Which of the columns is the row input itself.
  int place_own(long row) {
    own_ = true;
    auto const lane = static_cast<int>(row % L);
    place_.row = row;
    place_.col = row - lane;
    return lane;
  }

  /// A plane of some size.
  struct Register {
    LaneVector<R> h, ntk;
    plane_step::Box box;
  };
  PositionMap const& map_of(PositionStep const& s) const { return program_.maps[at(s.index)]; }

  void make_room(std::size_t n) {
    PlaneStage const& stage = plan_.stages[n];
    levels_.emplace_back();
    long most = plane_step::Box{stage.sizes, {}}.cells();
    for (std::size_t s = stage.first; s < stage.sink; ++s) {
      PositionStep const& step = program_.steps[s];
      if (step.kind != PositionStep::Kind::mix) continue;
      Windows const w = windows_of(map_of(step));
      most = std::max(most, plane_step::Box{{w[0].output, w[1].output, w[2].output}, {}}.cells());
      long const row = plane_step::rows_of_room(w) * w[2].output;
      if (room_.size() < at(row * L)) room_.resize(at(row * L));
    }
    for (Register& r : registers_) {
      if (r.h.size() >= at(most * L)) continue;
      r.h.resize(at(most * L));
      if (with_ntk_) r.ntk.resize(at(most * L));
    }
    if (n > 0) levels_[n].make_room(stage, map_of(program_.steps[plan_.stages[n - 1].sink]), with_ntk_);
  }

  Value value(int reg) {
    Register& r = registers_[at(reg)];
    return {r.h.data(), with_ntk_ ? r.ntk.data() : nullptr};
  }
  plane_step::Box& box(int reg) { return registers_[at(reg)].box; }
  template <class T>
  position_step::Sides<T> sides(int slot) const {
    return place_.sides<T>(slot);
  }

  // --- stages -----------------------------------------------------------------------------------------------------------

  void run_stage(std::size_t n) {
    PlaneStage const& stage = plan_.stages[n];
    if (n + 1 < plan_.stages.size()) {
      levels_[n + 1].clear();
    } else {
      std::fill(sum_h_.begin(), sum_h_.end(), 0.0);
      std::fill(sum_t_.begin(), sum_t_.end(), 0.0);
    }
    for (int const d0 : stage.planes[0])
      for (int const d1 : stage.planes[1])
        for (int const d2 : stage.planes[2])
          if (Triple const d{d0 * stage.strides[0], d1 * stage.strides[1], d2 * stage.strides[2]}; times(n, d) > 0) run_plane(n, d);
    if (n + 1 < plan_.stages.size()) {
      PositionStep const& sink = program_.steps[stage.sink];
      levels_[n + 1].to_distances(map_of(sink), sides<double>(sink.before), sides<double>(sink.after));
    }
  }

  /// How often a plane counts. Before the last sink an input with itself has the same numbers in planes d and −d.
  double times(std::size_t n, Triple d) const {
    if (!own_ || n + 1 < plan_.stages.size() || d == Triple{}) return 1;
    return d > Triple{} ? 2 : 0;
  }

  void run_plane(std::size_t n, Triple d) {
    PlaneStage const& stage = plan_.stages[n];
    if (n > 0) begin_from_level(n, d);
    if (n > 0 && own_ && d == Triple{}) forget_distances(n);
    for (std::size_t s = stage.first; s < stage.sink; ++s) {
      PositionStep const& step = program_.steps[s];
      if (step.kind == PositionStep::Kind::mix) {
        s += convolve(s) - 1;
        continue;
      }
      if (step.kind == PositionStep::Kind::load) box(step.target) = {stage.sizes, d};
      if (step.kind == PositionStep::Kind::copy) box(step.target) = box(step.source);
      if (own_ && step.kind == PositionStep::Kind::drop && box(step.target).d == Triple{}) {
        drop_own(step);
      } else if (own_ && step.kind == PositionStep::Kind::activate && !layers_[s] && box(step.target).d == Triple{}) {
        activate_own(step);
      } else if (layers_[s]) {
        layers_[s]->visit([&](auto const& rows) { rectify(step, rows); });
      } else {
        position_step::run_pointwise<L>(step, place_, box(step.target), value(step.target),
                                        step.source >= 0 ? value(step.source) : Value{});
      }
    }
    PositionStep const& sink = program_.steps[stage.sink];
    if (map_of(sink).shape == PositionMap::Shape::pool) {
      add_to_level(n, sink);
    } else {
      add_to_sums(sink, times(n, d));
    }
  }

  // --- convolutions -----------------------------------------------------------------------------------------------------

  /// A window, with the weights and the ReLU behind it where they follow; or a ReLU alone.
  struct Layer {
    Windows windows{};
    std::size_t steps = 1;  ///< how many it does
    plane_step::Weights<R> weights{1};
    std::variant<std::monostate, plane_step::WeightsAndRelu<R, Angles::any>, plane_step::WeightsAndRelu<R, Angles::acute>> relu;

    /// f(what runs over the rows): weights with a ReLU, or weights.
    template <class F>
    void visit(F f) const {
      std::visit(
          [&]<class T>(T const& with) {
            if constexpr (std::is_same_v<T, std::monostate>)
              f(weights);
            else
              f(with);
          },
          relu);
    }
    void rectify(plane_step::AbReluLayer const& with, Angles angles) {
      if (angles == Angles::any)
        relu.template emplace<1>(weights, with);
      else
        relu.template emplace<2>(weights, with);
    }
  };

  void prepare(std::size_t n) {
    layers_.emplace_back();
    PositionStep const& s = program_.steps[n];
    if (s.kind == PositionStep::Kind::activate) {
      if (auto const relu = plane_step::as_ab_relu(program_.activations[at(s.index)])) layers_.back().emplace().rectify(*relu, angles_[n]);
    }
    if (s.kind != PositionStep::Kind::mix || map_of(s).shape != PositionMap::Shape::window) return;
    Layer& layer = layers_.back().emplace();
    layer.windows = windows_of(map_of(s));
    layer.weights = plane_step::Weights<R>(map_of(s).scale);
    auto const follows = [&](std::size_t next, PositionStep::Kind kind) {
      return next < program_.steps.size() && program_.steps[next].kind == kind && program_.steps[next].target == s.target;
    };
    if (!follows(n + 1, PositionStep::Kind::dense) || !plane_step::Weights<R>::fits(program_.steps[n + 1])) return;
    layer.weights = plane_step::Weights<R>(program_.steps[n + 1], map_of(s).scale);
    layer.steps = 2;
    if (!follows(n + 2, PositionStep::Kind::activate)) return;
    auto const relu = plane_step::as_ab_relu(program_.activations[at(program_.steps[n + 2].index)]);
    if (!relu) return;
    layer.rectify(*relu, angles_[n + 2]);
    layer.steps = 3;
  }

  /// The window at step s and what follows it; returns how many steps it did.
  std::size_t convolve(std::size_t s) {
    PositionStep const& mix = program_.steps[s];
    Layer const& layer = *layers_[s];
    Windows const& w = layer.windows;
    plane_step::Box out;
    for (std::size_t a = 0; a < 3; ++a) {
      out.sizes[a] = w[a].output;
      out.d[a] = box(mix.source).d[a] / w[a].stride;
    }
    box(mix.target) = out;
    plane_step::Source<R, L> const from{box(mix.source), value(mix.source), sides<R>(mix.before)};
    position_step::Sides<R> const roots = sides<R>(layer.steps == 1 ? mix.after : program_.steps[s + 1].after);
    layer.visit([&](auto const& rows) { plane_step::convolve(from, w, out, roots, value(mix.target), room_.data(), rows); });
    return layer.steps;
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
  void rectify(PositionStep const& step, Rows const& layer) {
    plane_step::Box const& plane = box(step.target);
    Value const v = value(step.target);
    for (int z = 0; z < plane.extent(0); ++z)
      for (int y = 0; y < plane.extent(1); ++y) {
        long const cell = plane.cell(z, y, 0) * L;
        int const p = plane.position(z, y, 0);
        R *const h = v.h + cell, *const ntk = v.ntk == nullptr ? nullptr : v.ntk + cell;
        plane_step::run_row<1, L>(layer,
                                  plane_step::Row<R>{h, ntk, 0, h, ntk, plane.extent(2), sides<R>(step.before).from(p, p + plane.apart())});
      }
  }

  // --- between stages ---------------------------------------------------------------------------------------------------

  void begin_from_level(std::size_t n, Triple d) {
    Register& r = registers_[at(plan_.stages[n].reg)];
    r.box = {plan_.stages[n].sizes, d};
    levels_[n].copy_plane(r.box, {r.h.data(), with_ntk_ ? r.ntk.data() : nullptr});
  }

  /// An input is no distance away from itself, but behind a pool h is a difference, and a ReLU would take its rounding for an angle.
  void forget_distances(std::size_t n) {
    Register& r = registers_[at(plan_.stages[n].reg)];
    std::fill(r.h.begin(), r.h.begin() + r.box.cells() * L, R(0));
  }

  void add_to_level(std::size_t n, PositionStep const& sink) { levels_[n + 1].add(box(sink.source), value(sink.source)); }

  /// Flatten and global pools: h and ntk of all entries, in double.
  void add_to_sums(PositionStep const& sink, double times) {
    Value const v = value(sink.source);
    add_all(box(sink.source), v.h, times, sum_h_);
    if (with_ntk_) add_all(box(sink.source), v.ntk, times, sum_t_);
  }

  static void add_all(plane_step::Box const& plane, R const* values, double times, LaneVector<double>& sums) {
    constexpr int part = std::min(L, 8);  // one vector of AVX-512
    Lanes<double, part> sum[L / part] = {};
    plane.for_each([&](int, int, long cell) {
      for (int n = 0; n < L / part; ++n)
        sum[n] += __builtin_convertvector(load_lanes<part>(values + cell * L + n * part), Lanes<double, part>);
    });
    for (int n = 0; n < L / part; ++n) {
      double* const to = sums.data() + n * part;
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
  void finish() {
    position_step::Value<double> const v = head_->value(sink_.step.target);
    position_step::Sides<double> const roots = head_->sides(sink_.step.after);
    double const r1 = roots.row_at(0);
    for (int l = 0; l < L; ++l) {
      double const half_both = 0.5 * (r1 * r1 + dual_math::square(roots.col_at(0)[l]));
      v.h[l] = sink_.distance(sum_h_[at(l)], sink_.flattens() ? 0 : halves(l), half_both);
    }
    if (with_ntk_)
      for (int l = 0; l < L; ++l) v.ntk[l] = sink_.weight() * sum_t_[at(l)];
    head_->run_from(plan_.head);
  }

  PositionProgram const& program_;
  PlanePlan const& plan_;
  PlaneSink sink_;
  PairPlace place_;
  std::vector<Angles> angles_;  ///< per step
  bool with_ntk_;
  bool own_ = false;                     ///< one input with itself
  std::optional<PositionPass<L>> head_;  ///< the steps behind the last sink
  std::vector<Register> registers_;
  std::vector<PlaneLevel<R, L>> levels_;
  std::vector<std::optional<Layer>> layers_;  ///< per step; of those that have a form of their own
  LaneVector<R> room_;
  LaneVector<double> sum_h_, sum_t_;
};

}  // namespace infinitile
