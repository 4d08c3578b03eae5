#pragma once

#include <cmath>

#include "kernels/activation_arguments.hpp"
#include "kernels/activation_base.hpp"

// Exponentials of real and imaginary arguments. Their duals are exponentials too, and 1 − E[f(u)f(v)] / (R1 R2) comes out without
// cancellation.

namespace infinitile {

/// a sin(b x + phase). With B = cos(2 phase):
/// Formula   value = a²/2 (p − B n), slope = a² b²/2 (p + B n), p = exp(−b² (q1 + q2 − 2k)/2), n = exp(−b² (q1 + q2 + 2k)/2).
struct Sinusoid {
  double a = 1;
  double b = 1;
  double phase = 0;
  double beat = 1;  ///< B
  using Family = Sinusoid;

  INFINITILE_FN Sinusoid(double amplitude, double frequency, double at_zero)
      : a(amplitude), b(frequency), phase(at_zero), beat(std::cos(2 * at_zero)) {}
  INFINITILE_FN Sinusoid shifted(double h) const { return {a, b, phase + b * h}; }

  INFINITILE_FN double value(double x) const { return a * std::sin(b * x + phase); }
  INFINITILE_FN double slope(double x) const { return a * b * std::cos(b * x + phase); }
  INFINITILE_FN double variance(double q) const { return a * a / 2 * ((1 - beat) - beat * std::expm1(-2 * b * b * q)); }
  INFINITILE_FN double slope_variance(double q) const { return a * a * b * b / 2 * (1 + beat * std::exp(-2 * b * b * q)); }
  INFINITILE_FN double mean(double q) const { return a * std::sin(phase) * std::exp(-b * b * q / 2); }

  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const p = std::exp(-b * b * (q1 + q2 - 2 * k) / 2), n = std::exp(-b * b * (q1 + q2 + 2 * k) / 2);
    return {a * a / 2 * (p - beat * n), a * a * b * b / 2 * (p + beat * n)};
  }

  /// Formula   with p0, n0 the p, n of gap 0: R1 R2 − value = (R1 R2 − a²/2 (p0 − B n0)) + a²/2 (p0 − p + B (n − n0)).
  INFINITILE_FN Carried carry(Pair const& p) const {
    double const x = b * b * p.r1 * p.r2 * p.gap, apart = dual_math::square(b * (p.r1 - p.r2)),
                 across = dual_math::square(b * (p.r1 + p.r2));
    double const p0 = std::exp(-apart / 2), n0 = std::exp(-across / 2), now = p0 * std::exp(-x), n = std::exp(x - across / 2),
                 half = a * a / 2;
    double const turned = -p0 * std::expm1(-x) + beat * (x < 1 ? n0 * std::expm1(x) : n - n0);
    return {dual_math::gap_of(half * (unequal(p, p0, n0) + turned), p.next1, p.next2), half * b * b * (now + beat * n)};
  }

private:
  /// Formula   2 R1 R2 / a² − (p0 − B n0) = ((1 − p0²)(1 − B² n0²) − B (√n1 − √n2)²) / (2 R1 R2 / a² + p0 − B n0), with n1, n2 the n of
  ///           each input with itself.
  /// Rounding  the right side for variances that are close; where its two terms would cancel, the left one is good to one rounding of 1.
  INFINITILE_FN double unequal(Pair const& p, double p0, double n0) const {
    double const c = b * b, norms = a != 0 ? 2 * p.next1 * p.next2 / (a * a) : 0;
    double const start = (1 - beat) / 2 * (p0 + n0) - (1 + beat) / 2 * p0 * std::expm1(-2 * c * p.r1 * p.r2);  // p0 − B n0
    double const spread = -std::expm1(-c * dual_math::square(p.r1 - p.r2)) * (1 - dual_math::square(beat * n0));
    if (spread > norms * norms) return norms - start;
    double const roots = std::exp(-c * p.r2 * p.r2) * std::expm1(c * (p.r2 - p.r1) * (p.r2 + p.r1));  // √n1 − √n2
    return norms + start > 0 ? dual_math::positive(spread - beat * roots * roots) / (norms + start) : 0;
  }
};

struct Sin : Sinusoid {
  explicit Sin(Arguments const& given) : Sinusoid(given.number("a"), given.number("b"), given.number("c")) {}
  static Signature signature() { return {"sin", {number("a", 1), number("b", 1), number("c", 0)}}; }
};

struct Cos : Sinusoid {
  explicit Cos(Arguments const& given) : Sinusoid(given.number("a"), given.number("b"), given.number("c") + dual_math::pi / 2) {}
  static Signature signature() { return {"cos", {number("a", 1), number("b", 1), number("c", 0)}}; }
};

/// √2 sin(√(2 gamma) x + π/4), whose kernel is exp(−gamma E[(u − v)²]).
struct Rbf : Sinusoid {
  explicit Rbf(Arguments const& given) : Sinusoid(std::numbers::sqrt2, std::sqrt(2 * given.at_least(0, "gamma")), dual_math::pi / 4) {
    beat = 0;
  }
  static Signature signature() { return {"rbf", {number("gamma", 1)}}; }
};

/// a exp(b x² + c x), with 4 b q < 1 for every variance q. With D = (1 − 2b q1)(1 − 2b q2) − 4b² k², N = q1 + q2 + 2k − 4b (q1 q2 − k²):
/// Formula   value = a² exp(c² N / 2D) / √D, slope = value (4b² k + c² (1 + 4b k) + 4b² k c² N/D) / D.
/// Source    completing squares; at c = 0 and at b = 0 the table's forms.
struct Bell {
  double a = 1;
  double b = 0;
  double c = 0;
  using Family = Bell;

  INFINITILE_FN Bell shifted(double h) const { return {a * std::exp((b * h + c) * h), b, c + 2 * b * h}; }
  double largest_variance() const { return b > 0 ? 1 / (4 * b) : HUGE_VAL; }  ///< beyond which E[f²] is infinite

  INFINITILE_FN double value(double x) const { return a * std::exp((b * x + c) * x); }
  INFINITILE_FN double slope(double x) const { return (2 * b * x + c) * value(x); }
  INFINITILE_FN double variance(double q) const {
    double const d = 1 - 4 * b * q;
    return a * a * std::exp(2 * c * c * q / d) / std::sqrt(d);
  }
  INFINITILE_FN double slope_variance(double q) const {
    double const d = 1 - 4 * b * q;
    return variance(q) * rate(q, 4 * q, d);
  }
  INFINITILE_FN double mean(double q) const {
    double const d = 1 - 2 * b * q;
    return a * std::exp(c * c * q / (2 * d)) / std::sqrt(d);
  }

  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const d = (1 - 2 * b * q1) * (1 - 2 * b * q2) - dual_math::square(2 * b * k), n = q1 + q2 + 2 * k - 4 * b * (q1 * q2 - k * k);
    double const value = a * a * std::exp(c * c * n / (2 * d)) / std::sqrt(d);
    return {value, value * rate(k, n, d)};
  }

  /// Formula   with m, δ half the sum and half the difference of q1 and q2, w = 1 − 4b m, Δ = q1 q2 − k², e = q1 + q2 − 2k, D = w + 4b² Δ,
  /// M = w² − 16b² δ²
  ///           (= the product of both D of an input with itself): log(value / (R1 R2)) = log(√M / D)/2 + c²/2 X / (D M), and
  ///           X = −(e + 4bΔ) M − 16 b² m w Δ − 16 b δ² (1 + 4b² Δ); every term is small with the gap and δ.
  INFINITILE_FN Carried carry(Pair const& p) const {
    double const q1 = p.r1 * p.r1, q2 = p.r2 * p.r2, m = (q1 + q2) / 2, w = 1 - 4 * b * m, k = p.k();
    double const wedge = q1 * q2 * p.gap * (2 - p.gap), apart = dual_math::square(p.r1 - p.r2) + 2 * p.r1 * p.r2 * p.gap;
    double const uneven = dual_math::square((p.r1 - p.r2) * (p.r1 + p.r2) / 2);
    double const bb = b * b, d = w + 4 * bb * wedge, own = w * w - 16 * bb * uneven;
    double const loss = 8 * bb * (wedge * (w + 2 * bb * wedge) + 2 * uneven) / (d * (d + std::sqrt(own)));  // 1 − √M / D
    double const x = -(apart + 4 * b * wedge) * own - 16 * bb * m * w * wedge - 16 * b * uneven * (1 + 4 * bb * wedge);
    double const left = (std::log1p(-loss) + c * c * x / (d * own)) / 2, both = p.next1 * p.next2;
    double const n = 4 * m - apart - 4 * b * wedge;
    return {dual_math::gap_of(-both * std::expm1(left), p.next1, p.next2), both * std::exp(left) * rate(k, n, d)};
  }

private:
  INFINITILE_FN double rate(double k, double n, double d) const {
    return (4 * b * b * k * (1 + c * c * n / d) + c * c * (1 + 4 * b * k)) / d;
  }
};

struct Exp : Bell {
  explicit Exp(Arguments const& given) : Bell{given.number("a"), 0, given.number("b")} {}
  static Signature signature() { return {"exp", {number("a", 1), number("b", 1)}}; }
};

/// a exp(b x²).
struct Gaussian : Bell {
  explicit Gaussian(Arguments const& given) : Bell{given.number("a"), given.number("b"), 0} {}
  static Signature signature() { return {"gaussian", {number("a", 1), number("b", -1)}}; }
};

}  // namespace infinitile
