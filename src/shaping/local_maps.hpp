#pragma once

#include "kernels/activation.hpp"

// What an activation f does to the length and the angle of preactivations, the Q and C maps of Martens et al. 2021 (arXiv:2110.01765),
// at the point where q = 1: z, u, v are standard Gaussians, u and v of correlation c.
//   Q(q) = E[f(√q z)²]      C(c) = E[f(u) f(v)] / Q(1)      Q'(1) = E[f f' z]
//   C(0) = E[f]² / Q(1)     C'(1) = E[f'²] / Q(1)           C''(1) = E[f''²] / Q(1)
// Formulas: dks_tat, reference 2.1.

namespace infinitile {

/// Expectations over z of y = f(z), from which the maps follow; those of the mean are kept apart so that a shift of y loses no digits.
struct LocalMoments {
  double mean = 0;       ///< E[y]
  double variance = 0;   ///< E[(y − mean)²]
  double pull = 0;       ///< E[(y − mean) y' z]
  double mean_pull = 0;  ///< E[y' z], which is E[y'']
  double slope = 0;      ///< E[y'²]
  double curvature = 0;  ///< E[y''²], of the pieces where y' jumps

  double q() const { return variance + mean * mean; }                   ///< Q(1)
  double q_slope() const { return pull + mean * mean_pull; }            ///< Q'(1)
  double c_at_0() const { return mean * mean / q(); }                   ///< C(0)
  double c_slope() const { return slope / q(); }                        ///< C'(1)
  double c_curvature() const { return curvature / q(); }                ///< C''(1)
  LocalMoments scaled(double output_scale, double output_shift) const;  ///< of output_scale (y + output_shift)
};

/// Of the activation with its scaling. Composite Gauss-Legendre with an edge at the kink: relative accuracy 1e-13 in Accuracy::full, about
/// 1e-6 and a fifth of the time in Accuracy::coarse; NaN where the scaling is not finite. Throws Error for exp_normalized, which has no function.
enum class Accuracy { coarse, full };
LocalMoments local_moments(AnyActivation const& f, Accuracy accuracy = Accuracy::full);

/// Does f' jump somewhere, so that C''(1) is not defined? And does f itself?
struct Smoothness {
  bool value_jumps = false;
  bool slope_jumps = false;
};
Smoothness smoothness_of(AnyActivation const& f);

}  // namespace infinitile
