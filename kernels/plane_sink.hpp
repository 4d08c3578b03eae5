#pragma once

#include "kernels/activation_base.hpp"
#include "kernels/plane_plan.hpp"

namespace infinitile {

/// What takes the last planes in and leaves one position: flatten, which adds equal positions, or a global pool, which adds all pairs.
struct PlaneSink {
  PositionStep const& step;
  PositionMap const& map;

  PlaneSink(PositionProgram const& program, PlanePlan const& plan)
      : step(program.steps[plan.stages.back().sink]), map(program.maps[static_cast<std::size_t>(step.index)]) {}

  bool flattens() const { return map.shape == PositionMap::Shape::equal; }
  /// Of one entry.
  double weight() const { return flattens() ? map.scale : dual_math::square(map.taps.front().weight.front()); }

  /// k' = Σ weight ½ (q + q') − weight Σ h over the entries: the first sum, from `halves`, Σ ½ (q_p + q'_p) over positions.
  double variances(double halves) const { return weight() * halves * (flattens() ? 1 : step.in_positions); }
  /// h' from Σ h and ½ (q + q') behind the sink. All positions with themselves: the mean of h, exactly.
  double distance(double sum, double halves, double half_both) const {
    return weight() * sum + (flattens() ? 0 : half_both - variances(halves));
  }
};

}  // namespace infinitile
