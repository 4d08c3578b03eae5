#pragma once

#include <cmath>

#include "kernels/activation_arguments.hpp"
#include "kernels/activation_base.hpp"
#include "kernels/arc_cosine.hpp"

// Activations that are powers of x on each side of 0. Their duals are arc-cosine kernels: functions of the angle, times powers of the
// variances. do_stabilize guards single precision against overflow in other systems; here it is accepted and has no effect, since gaps do
// not scale.

namespace infinitile {

/// a min(x, 0) + b max(x, 0).
struct AbRelu {
  double a = 0;
  double b = 1;
  static constexpr bool kinked = true;
  using Family = AbRelu;  ///< what the named ones below are to templates

  INFINITILE_FN double value(double x) const { return x > 0 ? b * x : a * x; }
  INFINITILE_FN double slope(double x) const { return x > 0 ? b : a; }
  INFINITILE_FN double mean_square() const { return (a * a + b * b) / 2; }
  INFINITILE_FN double variance(double q) const { return mean_square() * q; }
  INFINITILE_FN double slope_variance(double) const { return mean_square(); }
  INFINITILE_FN double mean(double q) const { return (b - a) * std::sqrt(q / (2 * dual_math::pi)); }

  INFINITILE_FN Dual smoothed(double m, double s) const {
    double const above = dual_math::normal_below(m / s);
    return {a * m + (b - a) * (m * above + s * dual_math::normal_density(m / s)), a + (b - a) * above};
  }

  /// Formula   F = (a − b)² / 2π, S = √(q1 q2 − k²), t = atan2(S, k): slope = (a² + b²)/2 − F t, value = F S + slope k.
  /// Source    Cho & Saul 2009, Kernel Methods for Deep Learning, section 2, J₁ and J₀.
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const sine = std::sqrt(dual_math::positive(q1 * q2 - k * k));
    double const angle = sine > 0 || k != 0 ? std::atan2(sine, k) : dual_math::pi / 2;
    double const bend = dual_math::square(a - b) / (2 * dual_math::pi);
    double const even = mean_square() - bend * angle;
    return {bend * sine + even * k, even};
  }

  /// Formula   V = (a² + b²)/2, F as above, for t ≤ π/2: gap' = gap − F/V (sin t − t cos t), slope = V − F t; beyond, with π − t for t:
  ///           gap' = gap − πF/V (gap − 1) − F/V (sin t − t cos t), slope = a b + F t.
  /// Rounding  every difference leaves at least a third of its first term, so that a few roundings are the error of gap' and slope.
  INFINITILE_FN Carried carry(Pair const& p) const {
    CarriedIn<double> const c = carry_alive(p.gap);
    return {p.next1 * p.next2 > 0 ? c.gap : 1, c.slope};
  }

  /// In double or in float, between inputs whose variances are not zero.
  template <class R>
  INFINITILE_FN CarriedIn<R> carry_alive(R gap) const;
};

/// The numbers of AbRelu::carry_alive, for loops over many pairs.
template <class R>
struct AbReluNumbers {
  R level = 0;           ///< V
  R bend = 0, part = 0;  ///< F and F/V
  R turn = 0;            ///< πF/V
  R product = 0;         ///< a b

  INFINITILE_FN explicit AbReluNumbers(AbRelu const& phi)
      : level(static_cast<R>(phi.mean_square())),
        bend(static_cast<R>(dual_math::square(phi.a - phi.b) / (2 * dual_math::pi))),
        part(level > 0 ? bend / level : 0),
        turn(static_cast<R>(dual_math::pi) * part),
        product(static_cast<R>(phi.a * phi.b)) {}

  INFINITILE_FN CarriedIn<R> carry(R gap) const {
    R const t = dual_math::near_end(gap), s = std::sqrt(t);
    R const bent = (part * s) * (t * dual_math::bow(t)), turned = (bend * s) * dual_math::arc(t);
    R const over = gap - 1, wide = over > 0 ? over : 0;
    return {(gap - turn * wide) - bent, over > 0 ? product + turned : level - turned};
  }
};

template <class R>
INFINITILE_FN CarriedIn<R> AbRelu::carry_alive(R gap) const {
  return AbReluNumbers<R>(*this).carry(gap);
}

struct AbReluByName : AbRelu {
  explicit AbReluByName(Arguments const& given) : AbRelu{given.number("a"), given.number("b")} {}
  static Signature signature() { return {"ab_relu", {needed_number("a"), needed_number("b"), flag("do_stabilize")}}; }
};

struct Relu : AbRelu {
  explicit Relu(Arguments const&) : AbRelu{0, 1} {}
  static Signature signature() { return {"relu", {flag("do_stabilize")}}; }
};

struct LeakyRelu : AbRelu {
  explicit LeakyRelu(Arguments const& given) : AbRelu{given.number("alpha"), 1} {}
  static Signature signature() { return {"leaky_relu", {needed_number("alpha"), flag("do_stabilize")}}; }
};

struct Abs : AbRelu {
  explicit Abs(Arguments const&) : AbRelu{-1, 1} {}
  static Signature signature() { return {"abs", {flag("do_stabilize")}}; }
};

/// −1, 0 or 1. The delta function in its derivative counts as 0, so that no tangent kernel passes.
struct Sign {
  static constexpr bool kinked = true;

  explicit Sign(Arguments const&) {}
  static Signature signature() { return {"sign", {}}; }

  INFINITILE_FN double value(double x) const { return x > 0 ? 1 : x < 0 ? -1 : 0; }
  INFINITILE_FN double slope(double) const { return 0; }
  INFINITILE_FN double variance(double q) const { return q > 0 ? 1 : 0; }
  INFINITILE_FN double slope_variance(double) const { return 0; }
  INFINITILE_FN double mean(double) const { return 0; }
  INFINITILE_FN Dual smoothed(double m, double s) const { return {std::erf(m / (s * std::numbers::sqrt2)), 0}; }
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const sine = std::sqrt(dual_math::positive(q1 * q2 - k * k));
    return {sine > 0 || k != 0 ? 1 - 2 / dual_math::pi * std::atan2(sine, k) : 0, 0};
  }
  INFINITILE_FN Carried carry(Pair const& p) const {
    return {p.next1 * p.next2 > 0 ? 2 / dual_math::pi * dual_math::angle_of_gap(p.gap) : 1, 0};
  }
};

/// J_n of Cho and Saul: J_n(angle) = ∫∫ over u, v > 0 of uⁿ vⁿ, times 2π, at unit variances.
///
/// Formula   J_n = π P_n(cos) − V_n, with P_n' = n² P_{n−1}, V_n' = n² V_{n−1} (derivatives in cos), V_0 = angle, V_n(0) = 0; so with
///           t = 1 − cos, V_n = (−1)ⁿ √2 n!² / ((3/2)(5/2)...(n + 1/2)) t^(n + 1/2) ₂F₁(1/2, 1/2; n + 3/2; t/2);
///           at the other end J_n(π − angle) = |V_n(angle)|.
/// Rounding  all terms of the series are positive; nothing is lost where two inputs are almost parallel or almost opposite.
struct ArcCosine {
  static constexpr int most_degree = 12;
  static constexpr int terms = 44;  ///< at t = 1 the next one is below 1e-16 of the sum

  int degree = 0;
  double start = 1;                     ///< P_n(1) = (2n − 1)!!, so J_n(0) = π start
  double in_cos[most_degree + 1] = {};  ///< P_n as a polynomial in cos
  double in_gap[most_degree + 1] = {};  ///< P_n(1) − P_n(1 − t) as a polynomial in t
  double series[terms] = {};            ///< |V_n| / t^(n + 1/2) as a power series in t

  explicit ArcCosine(int n) : degree(n), series{std::numbers::sqrt2} {
    in_cos[0] = 1;
    double at_one[most_degree + 1] = {1};  // P_0, P_1, ... at cos = 1
    for (int m = 1; m <= n; ++m) {
      for (int l = m; l > 0; --l) in_cos[l] = in_cos[l - 1] * m * m / l;
      in_cos[0] = m % 2 == 0 ? dual_math::square(half_factorial(m - 1)) : 0;
      at_one[m] = at_one[m - 1] * (2 * m - 1);
      series[0] *= m * m / (m + 0.5);
    }
    start = at_one[n];
    double factor = 1;  // of P_{n − l} in the l-th derivative of P_n, over l!
    for (int l = 1; l <= n; ++l) {
      factor *= -dual_math::square(n - l + 1) / l;
      in_gap[l] = -factor * at_one[n - l];
    }
    for (int l = 1; l < terms; ++l) series[l] = series[l - 1] * dual_math::square(l - 0.5) / ((n + 0.5 + l) * l * 2);
  }

  /// 1 · 3 · 5 ··· m for odd m.
  static double half_factorial(int m) { return m > 1 ? m * half_factorial(m - 2) : 1; }

  INFINITILE_FN static double horner(double const* c, int last, double x) {
    double sum = c[last];
    for (int l = last - 1; l >= 0; --l) sum = c[l] + x * sum;
    return sum;
  }

  /// |V_n| at t = 1 − cos in [0, 1].
  INFINITILE_FN double remainder(double t) const { return std::sqrt(t) * dual_math::power(t, degree) * horner(series, terms - 1, t); }

  INFINITILE_FN double value(double gap) const {
    double const v = remainder(dual_math::near_end(gap));
    return gap > 1 ? v : dual_math::pi * horner(in_cos, degree, 1 - gap) + (degree % 2 == 0 ? -v : v);
  }

  /// 1 − J_n(angle) / J_n(0).
  INFINITILE_FN double gap_after(double gap) const {
    double const all = dual_math::pi * start;
    if (gap > 0.25) return 1 - value(gap) / all;
    double const v = remainder(dual_math::positive(gap));
    return (dual_math::pi * horner(in_gap, degree, gap) + (degree % 2 == 0 ? v : -v)) / all;
  }
};

/// xⁿ where x ≥ 0, 0 elsewhere. The derivative of degree 0, a delta function, counts as 0.
struct RectifiedMonomial {
  static constexpr bool kinked = true;
  ArcCosine powers;
  ArcCosine slopes;

  explicit RectifiedMonomial(int degree) : powers(degree), slopes(degree > 0 ? degree - 1 : 0) {}
  explicit RectifiedMonomial(Arguments const& given) : RectifiedMonomial(given.integer("degree", 0, ArcCosine::most_degree)) {}
  static Signature signature() { return {"rectified_monomial", {needed_integer("degree")}}; }

  INFINITILE_FN double value(double x) const { return x >= 0 ? dual_math::power(x, powers.degree) : 0; }
  INFINITILE_FN double slope(double x) const {
    return x >= 0 && powers.degree > 0 ? powers.degree * dual_math::power(x, powers.degree - 1) : 0;
  }
  INFINITILE_FN double variance(double q) const { return powers.start / 2 * dual_math::power(q, powers.degree); }
  INFINITILE_FN double slope_variance(double q) const {
    return powers.degree > 0 ? powers.degree * powers.degree * slopes.start / 2 * dual_math::power(q, powers.degree - 1) : 0;
  }
  INFINITILE_FN double mean(double q) const {
    int const n = powers.degree;
    double half = n % 2 == 0 ? 0.5 : 1 / std::sqrt(2 * dual_math::pi);  // E[zⁿ] over z > 0 = (n − 1) E[zⁿ⁻²]
    for (int l = n - 1; l > 0; l -= 2) half *= l;
    return half * dual_math::power(std::sqrt(q), n);
  }
  /// Formula   I_n = E[xⁿ over x > 0] = m I_{n−1} + (n − 1) s² I_{n−2}: value = I_n, slope = n I_{n−1}.
  INFINITILE_FN Dual smoothed(double m, double s) const {
    double before = dual_math::normal_below(m / s), now = m * before + s * dual_math::normal_density(m / s);
    if (powers.degree == 0) return {before, 0};
    for (int n = 2; n <= powers.degree; ++n) {
      double const next = m * now + (n - 1) * s * s * before;
      before = now;
      now = next;
    }
    return {now, powers.degree * before};
  }
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const norm = std::sqrt(q1) * std::sqrt(q2);
    return at(norm, norm > 0 ? 1 - k / norm : 1);
  }
  INFINITILE_FN Carried carry(Pair const& p) const {
    double const gap = p.next1 * p.next2 > 0 ? powers.gap_after(p.gap) : 1;
    return {gap, at(p.r1 * p.r2, p.gap).slope};
  }

private:
  /// Formula   value = normⁿ J_n / 2π, slope = n² normⁿ⁻¹ J_{n−1} / 2π, norm = √(q1 q2).
  INFINITILE_FN Dual at(double norm, double gap) const {
    int const n = powers.degree;
    double const value = dual_math::power(norm, n) * powers.value(gap) / (2 * dual_math::pi);
    return {value, n > 0 ? n * n * dual_math::power(norm, n - 1) * slopes.value(gap) / (2 * dual_math::pi) : 0};
  }
};

}  // namespace infinitile
