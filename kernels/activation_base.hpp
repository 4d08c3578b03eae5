#pragma once

#include <cmath>
#include <numbers>

#include "kernels/device.hpp"

// What an activation is made of. A pair of inputs (i, j) has preactivations u, v: Gaussian, mean zero, roots r1 = √E[u²], r2 = √E[v²], and
//   gap = 1 − ρ,  ρ = E[uv] / (r1 r2),  in [0, 2].
// The gap is carried and not the covariance, so that near-duplicate inputs keep their digits.
//
// An activation f is a small trivially copyable struct with (kernels/activation.hpp lists them all)
//   static signature()       its name and parameters in the network language (kernels/activation_arguments.hpp)
//   a constructor            from the Arguments that were given; it refuses, as Error, what the function does not allow
//   value(x), slope(x)       the function and its derivative, for finite networks;
// and, where E[f(u)f(v)] has a closed form,
//   variance(q)              E[f(u)²] of one input of variance q, by the exact diagonal formula
//   slope_variance(q)        E[f'(u)²]
//   mean(q)                  E[f(u)]
//   dual(q1, q2, k)          E[f(u)f(v)] and E[f'(u)f'(v)] at k = E[uv], as the literature has it
//   carry(pair)              optional: the same, for gaps, without cancellation where two inputs are almost parallel
//   carry_alive(gap)         optional: the same in double or float, where the gap is all that matters and no variance is zero
//   shifted(h)               optional: the activation x -> f(x + h), where it is of the same kind
//   kinked                   optional: f or f' jumps at 0
//   smoothed(m, s)           optional, kinked only: E[f(m + s w)] and E[f'(m + s w)], w standard Gaussian, for kinks away from 0
//   steepness()              optional: f bends over distances of 1 / steepness, 1 if not told; told too small, expansions are refused or
//   slow in_kernels()             optional: the f of infinite width, where finite networks use another one
// Source of the formulas: the table of neural-tangents' nonlinearities (reference 2.12), if a struct does not name another.

namespace infinitile {

/// E[f(u)f(v)] and E[f'(u)f'(v)].
struct Dual {
  double value = 0;
  double slope = 0;
};

/// 1 − E[f(u)f(v)] / (R1 R2) and E[f'(u)f'(v)], where R = √E[f(u)²].
template <class R>
struct CarriedIn {
  R gap = 1;
  R slope = 0;
};
using Carried = CarriedIn<double>;

/// Two inputs at one layer: roots of their variances before and after the activation, and the gap before it.
struct Pair {
  double r1 = 0, r2 = 0;
  double next1 = 0, next2 = 0;
  double gap = 1;
  INFINITILE_FN double k() const { return r1 * r2 * (1 - gap); }
};

/// One row of a strip: the roots before and after the activation, and its features (feature l at features[l * stride]).
struct RowSide {
  double root = 0;
  double next_root = 0;
  double const* features = nullptr;
  long stride = 0;
};

/// The columns of a strip, one after the other: feature l of column j is features[l * stride + j].
struct ColSide {
  double const* root = nullptr;
  double const* next_root = nullptr;
  double const* features = nullptr;
  long stride = 0;
};

/// y = output_scale (phi(input_scale x + input_shift) + output_shift), around any activation phi.
struct Scaling {
  double input_scale = 1;
  double input_shift = 0;
  double output_scale = 1;
  double output_shift = 0;
};

template <class A>
INFINITILE_FN double scaled_value(A const& phi, Scaling const& s, double x) {
  return s.output_scale * (phi.value(s.input_scale * x + s.input_shift) + s.output_shift);
}
template <class A>
INFINITILE_FN double scaled_slope(A const& phi, Scaling const& s, double x) {
  return s.output_scale * s.input_scale * phi.slope(s.input_scale * x + s.input_shift);
}

namespace dual_math {

inline constexpr double pi = std::numbers::pi;

INFINITILE_FN double square(double x) {
  return x * x;
}
INFINITILE_FN double positive(double x) {
  return x > 0 ? x : 0;
}

/// Below x, for a standard Gaussian: its probability, and its density at x.
INFINITILE_FN double normal_below(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}
INFINITILE_FN double normal_density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * pi);
}

/// x to the power n ≥ 0, with 0⁰ = 1.
INFINITILE_FN double power(double x, int n) {
  double result = 1;
  for (; n > 0; n >>= 1) {
    if ((n & 1) != 0) result *= x;
    x *= x;
  }
  return result;
}

/// The gap after a layer from the unnormalized difference R1 R2 − E[f(u)f(v)] ≥ 0; 1 where a variance is zero.
INFINITILE_FN double gap_of(double difference, double next1, double next2) {
  double const both = next1 * next2;
  double const gap = both > 0 ? positive(difference) / both : 1;
  return gap < 2 ? gap : 2;
}

}  // namespace dual_math

/// A pair through a smooth f that has only its dual. Close to parallel R1 R2 − E[f(u)f(v)] is what the two variances leave at gap 0, plus
/// an integral of the slope over the gap, by Gauss-Legendre of four nodes; so two rows of one variance keep their digits. Otherwise good to
/// one rounding of 1.
template <class A>
INFINITILE_FN Carried carry_by_dual(A const& f, Pair const& p) {
  double const q1 = p.r1 * p.r1, q2 = p.r2 * p.r2, both = p.r1 * p.r2;
  Dual const d = f.dual(q1, q2, p.k());
  double difference = p.next1 * p.next2 - d.value;
  if (p.gap * (1 + q1 + q2) < 0.05) {  // the slope changes with k over distances of 1 and more
    constexpr double x[2] = {0.06943184420297371, 0.33000947820757187}, w[2] = {0.17392742256872693, 0.32607257743127307};
    double turned = 0;
    for (int i = 0; i < 2; ++i)
      turned += w[i] * (f.dual(q1, q2, both * (1 - p.gap * x[i])).slope + f.dual(q1, q2, both * (1 - p.gap * (1 - x[i]))).slope);
    double const unequal = p.r1 == p.r2 ? 0 : dual_math::positive(p.next1 * p.next2 - f.dual(q1, q2, both).value);
    difference = unequal + both * p.gap * turned;
  }
  return {dual_math::gap_of(difference, p.next1, p.next2), d.slope};
}

template <class A>
INFINITILE_FN Carried carry_pair(A const& f, Pair const& p) {
  if constexpr (requires { f.carry(p); })
    return f.carry(p);
  else
    return carry_by_dual(f, p);
}

}  // namespace infinitile
