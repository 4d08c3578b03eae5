#pragma once

#include <vector>

#include "kernels/plane_level.hpp"
#include "kernels/plane_relu.hpp"
#include "kernels/position_pass.hpp"

namespace infinitile {

/// One row input against L columns, plane by plane: the fused path. R is the arithmetic of the planes.
template <class R, int L>
class PlanePass {
public:
  using Value = position_step::Value<R>;

  PlanePass(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table, bool with_ntk)
      : program_(program),
        plan_(plan),
        place_{table},
        with_ntk_(with_ntk),
        head_(program, table, PositionPass<L>::Of::pairs, with_ntk, plan.stages.back().sink),
        registers_(static_cast<std::size_t>(program.registers)),
        sum_h_(L),
        sum_t_(L) {
    for (std::size_t n = 0; n < plan.stages.size(); ++n) make_room(n);
    for (PositionStep const& s : program.steps)
      relus_.push_back(s.kind == PositionStep::Kind::activate
                           ? plane_step::as_ab_relu(program.activations[static_cast<std::size_t>(s.index)])
                           : std::nullopt);
  }

  /// Rows and columns as in PositionPass; the result is value(program.output) of head().
  void run(long row, long col) {
    own_ = false;
    place_.row = row;
    place_.col = col;
    for (std::size_t n = 0; n < plan_.stages.size(); ++n) run_stage(n);
    head_.place(row, col);
    finish();
  }
  PositionPass<L>& head() { return head_; }

  /// k and ntk of one input with itself behind the last sink, whose own roots need not be known; there is no dropout.
  struct Own {
    double k = 0, ntk = 0;
  };
  Own run_own(long row) {
    own_ = true;
    auto const lane = static_cast<int>(row % L);
    place_.row = row;
    place_.col = row - lane;
    for (std::size_t n = 0; n < plan_.stages.size(); ++n) run_stage(n);
    PositionStep const& sink = program_.steps[plan_.stages.back().sink];
    double const weight = sink_weight(sink), variances = sink_variances(sink, lane);
    return {variances - weight * sum_h_[at(lane)], weight * sum_t_[at(lane)]};
  }

private:
  /// A plane of some size.
  struct Register {
    LaneVector<R> h, ntk;
    plane_step::Box box;
  };
  static std::size_t at(long n) { return static_cast<std::size_t>(n); }
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
    if (n > 0) levels_[n].make_room(stage, with_ntk_);
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
    for (std::size_t s = stage.first; s < stage.sink; ++s) {
      PositionStep const& step = program_.steps[s];
      if (step.kind == PositionStep::Kind::mix) {
        s += convolve(s) - 1;
        continue;
      }
      if (step.kind == PositionStep::Kind::load) box(step.target) = {stage.sizes, d};
      if (step.kind == PositionStep::Kind::copy) box(step.target) = box(step.source);
      if (relus_[s]) {
        rectify(step, *relus_[s]);
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

  /// The window at step s, with the weights and the activation behind it where they follow; returns how many steps it did.
  std::size_t convolve(std::size_t s) {
    PositionStep const& mix = program_.steps[s];
    PositionMap const& map = map_of(mix);
    Windows const w = windows_of(map);
    plane_step::Box out;
    for (std::size_t a = 0; a < 3; ++a) {
      out.sizes[a] = w[a].output;
      out.d[a] = box(mix.source).d[a] / w[a].stride;
    }
    box(mix.target) = out;
    plane_step::Source<R, L> const from{box(mix.source), value(mix.source), sides<R>(mix.before)};
    auto const run = [&](auto const& layer, int slot) {
      plane_step::convolve(from, w, out, sides<R>(slot), value(mix.target), room_.data(), layer);
    };
    auto const follows = [&](std::size_t n, PositionStep::Kind kind) {
      return n < program_.steps.size() && program_.steps[n].kind == kind && program_.steps[n].target == mix.target;
    };
    if (!follows(s + 1, PositionStep::Kind::dense) || !plane_step::Weights<R>::fits(program_.steps[s + 1])) {
      run(plane_step::Weights<R>(map.scale), mix.after);
      return 1;
    }
    PositionStep const& dense = program_.steps[s + 1];
    plane_step::Weights<R> const weights(dense, map.scale);
    if (!follows(s + 2, PositionStep::Kind::activate) || !relus_[s + 2]) {
      run(weights, dense.after);
      return 2;
    }
    run(plane_step::WeightsAndRelu<R>(weights, *relus_[s + 2]), dense.after);
    return 3;
  }

  /// A ReLU alone, in place.
  void rectify(PositionStep const& step, plane_step::AbReluLayer const& relu) {
    plane_step::WeightsAndRelu<R> const layer(plane_step::Weights<R>(1), relu);
    plane_step::Box const& plane = box(step.target);
    Value const v = value(step.target);
    for (int z = 0; z < plane.extent(0); ++z)
      for (int y = 0; y < plane.extent(1); ++y) {
        long const cell = plane.cell(z, y, 0) * L;
        int const p = plane.position(z, y, 0);
        R *const h = v.h + cell, *const ntk = v.ntk == nullptr ? nullptr : v.ntk + cell;
        layer.template run<1, L>(plane_step::Row<R>{h, ntk, 0, h, ntk, plane.extent(2), sides<R>(step.before).from(p, p + plane.apart())});
      }
  }

  // --- between stages ---------------------------------------------------------------------------------------------------

  void begin_from_level(std::size_t n, Triple d) {
    Register& r = registers_[at(plan_.stages[n].reg)];
    r.box = {plan_.stages[n].sizes, d};
    levels_[n].copy_plane(r.box, {r.h.data(), with_ntk_ ? r.ntk.data() : nullptr});
  }

  void add_to_level(std::size_t n, PositionStep const& sink) {
    levels_[n + 1].add(map_of(sink), windows_of(map_of(sink)), box(sink.source), value(sink.source));
  }

  /// Flatten and global pools: h and ntk of all entries, in double.
  void add_to_sums(PositionStep const& sink, double times) {
    Value const v = value(sink.source);
    double h[L] = {}, t[L] = {};
    box(sink.source).for_each([&](int, int, long cell) {
      for (int l = 0; l < L; ++l) h[l] += static_cast<double>(v.h[cell * L + l]);
      for (int l = 0; with_ntk_ && l < L; ++l) t[l] += static_cast<double>(v.ntk[cell * L + l]);
    });
    for (int l = 0; l < L; ++l) sum_h_[at(l)] += times * h[l];
    for (int l = 0; l < L; ++l) sum_t_[at(l)] += times * t[l];
  }

  bool flattens(PositionStep const& sink) const { return map_of(sink).shape == PositionMap::Shape::equal; }
  /// k' = Σ ½ (q + q') weight − weight Σ h: what one entry of the last sink weighs, and the first of these sums for column l.
  double sink_weight(PositionStep const& sink) const {
    return flattens(sink) ? map_of(sink).scale : dual_math::square(map_of(sink).taps.front().weight.front());
  }
  double sink_variances(PositionStep const& sink, int l) const {
    position_step::Sides<double> const roots = sides<double>(sink.before);
    double sum = 0;
    for (int p = 0; p < sink.in_positions; ++p) sum += 0.5 * (dual_math::square(roots.row_at(p)) + dual_math::square(roots.col_at(p)[l]));
    return sink_weight(sink) * sum * (flattens(sink) ? 1 : sink.in_positions);
  }

  /// One position is left.
  void finish() {
    PositionStep const& sink = program_.steps[plan_.stages.back().sink];
    position_step::Value<double> const v = head_.value(sink.target);
    position_step::Sides<double> const roots = head_.sides(sink.after);
    double const weight = sink_weight(sink), r1 = roots.row_at(0);
    for (int l = 0; l < L; ++l) {
      // All positions with themselves: h' is the mean of h, exactly.
      double const half_both = 0.5 * (r1 * r1 + dual_math::square(roots.col_at(0)[l]));
      v.h[l] = weight * sum_h_[at(l)] + (flattens(sink) ? 0 : half_both - sink_variances(sink, l));
    }
    if (with_ntk_)
      for (int l = 0; l < L; ++l) v.ntk[l] = weight * sum_t_[at(l)];
    for (std::size_t n = plan_.head; n < program_.steps.size(); ++n) {
      head_.run(program_.steps[n]);
      head_.settle(program_.steps[n]);
    }
  }

  PositionProgram const& program_;
  PlanePlan const& plan_;
  PairPlace place_;
  bool with_ntk_;
  bool own_ = false;  ///< one input with itself
  PositionPass<L> head_;
  std::vector<Register> registers_;
  std::vector<PlaneLevel<R, L>> levels_;
  std::vector<std::optional<plane_step::AbReluLayer>> relus_;  ///< per step
  LaneVector<R> room_;
  std::vector<double> sum_h_, sum_t_;
};

}  // namespace infinitile
