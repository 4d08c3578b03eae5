#pragma once

#include "kernels/activation_base.hpp"

namespace infinitile {

/// A layer whose activation has a closed form, inside its scaling.
///
/// input_scale multiplies the roots, output_scale only the slope. output_shift adds a rank-one term: with m = E[phi], s² = E[phi²] − m², M
/// = m + output_shift,
///   R1' R2' gap' = R1 R2 gap − (s1 m2 − s2 m1)² / (R1 R2 + s1 s2 + m1 m2) + (s1 M2 − s2 M1)² / (R1' R2' + s1 s2 + M1 M2),
/// where R² = s² + m², R'² = s² + M²: |A||B| − A·B = (A × B)² / (|A||B| + A·B) for A = (s1, m1), B = (s2, m2), twice.
template <class A>
struct ClosedLayer {
  A phi;
  Scaling scale;
  bool alive = false;  ///< no row is without variance behind this layer

  int features() const { return scale.output_shift == 0 ? 0 : 3; }  ///< R, m, s
  double inner(double q) const { return dual_math::square(scale.input_scale) * q; }
  /// E[phi]; a kernel without a function (exp_normalized) has none, and no output_shift either.
  double inner_mean(double q) const {
    if constexpr (requires { phi.mean(q); })
      return phi.mean(inner(q));
    else
      return 0;
  }
  double mean(double q) const { return scale.output_scale * (inner_mean(q) + scale.output_shift); }
  double variance(double q) const {
    double const shift = scale.output_shift, raised = shift == 0 ? 0 : shift * (2 * inner_mean(q) + shift);
    return dual_math::square(scale.output_scale) * dual_math::positive(phi.variance(inner(q)) + raised);
  }
  double slope_variance(double q) const { return dual_math::square(scale.output_scale * scale.input_scale) * phi.slope_variance(inner(q)); }
  void fill(double q, double* out, long stride) const {
    if (features() == 0) return;
    double const square_sum = phi.variance(inner(q)), m = inner_mean(q);
    out[0] = std::sqrt(square_sum);
    out[stride] = m;
    out[2 * stride] = std::sqrt(dual_math::positive(square_sum - m * m));
  }

  INFINITILE_FN void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
    double const in = std::abs(scale.input_scale), out = std::abs(scale.output_scale), factor = in * in * out * out;
    if (scale.output_shift != 0) return carry_shifted(row, col, count, gap, slope, factor);
    double const r1 = in * row.root, back = out > 0 ? 1 / out : 0, next1 = back * row.next_root;
    double const *const root = col.root, *const next_root = col.next_root;
    for (int j = 0; j < count; ++j) {
      Carried const c = carry_pair(phi, Pair{r1, in * root[j], next1, back * next_root[j], gap[j]});
      gap[j] = c.gap;
      slope[j] = factor * c.slope;
    }
  }

  /// In float, for an activation that has it. False where it does not apply: a rank-one term, or an input without variance.
  INFINITILE_FN bool carry_single(int count, float* gap, float* slope) const {
    if constexpr (requires { phi.carry_alive(1.0F); }) {
      if (!alive || scale.output_shift != 0) return false;
      auto const factor = static_cast<float>(dual_math::square(scale.input_scale * scale.output_scale));
      for (int j = 0; j < count; ++j) {
        CarriedIn<float> const c = phi.carry_alive(gap[j]);
        gap[j] = c.gap;
        slope[j] = factor * c.slope;
      }
      return true;
    }
    return false;
  }

private:
  /// |A||B| − A·B in the plane.
  INFINITILE_FN static double excess(double norms, double s1, double m1, double s2, double m2) {
    double const dot = s1 * s2 + m1 * m2;
    return dot > 0 ? dual_math::square(s1 * m2 - s2 * m1) / (norms + dot) : norms - dot;
  }

  INFINITILE_FN void carry_shifted(RowSide const& row, ColSide const& col, int count, double* gap, double* slope, double factor) const {
    double const in = std::abs(scale.input_scale), shift = scale.output_shift;
    double const next1 = row.features[0], m1 = row.features[row.stride], s1 = row.features[2 * row.stride];
    double const r1 = in * row.root, after1 = std::sqrt(s1 * s1 + dual_math::square(m1 + shift));
    for (int j = 0; j < count; ++j) {
      double const next2 = col.features[j], m2 = col.features[col.stride + j], s2 = col.features[2 * col.stride + j];
      Carried const c = carry_pair(phi, Pair{r1, in * col.root[j], next1, next2, gap[j]});
      double const after2 = std::sqrt(s2 * s2 + dual_math::square(m2 + shift)), norms = next1 * next2, norms_after = after1 * after2;
      double const before = norms * c.gap - excess(norms, s1, m1, s2, m2);
      double const difference = before + excess(norms_after, s1, m1 + shift, s2, m2 + shift);
      gap[j] = row.next_root * col.next_root[j] > 0 ? dual_math::gap_of(difference, after1, after2) : 1;
      slope[j] = factor * c.slope;
    }
  }
};

}  // namespace infinitile
