#pragma once

#include <cmath>

#include "kernels/activation_arguments.hpp"
#include "kernels/activation_base.hpp"

namespace infinitile {

/// a erf(b x) + c.
struct ErrorFunction {
  double a = 1;
  double b = 1;
  double c = 0;
  using Family = ErrorFunction;

  double steepness() const { return std::abs(b); }
  INFINITILE_FN double value(double x) const { return a * std::erf(b * x) + c; }
  INFINITILE_FN double slope(double x) const { return 2 / std::sqrt(dual_math::pi) * a * b * std::exp(-b * b * x * x); }
  INFINITILE_FN double variance(double q) const {
    double const s = b * b * q;
    return 2 / dual_math::pi * a * a * std::atan2(s, std::sqrt(s + 0.25)) + c * c;
  }
  INFINITILE_FN double slope_variance(double q) const { return 4 / dual_math::pi * a * a * b * b / std::sqrt(1 + 4 * b * b * q); }
  INFINITILE_FN double mean(double) const { return c; }

  /// Formula   s = b² q, C = 2 b² k, D = (1 + 2 s1)(1 + 2 s2) − C²: value = 2a²/π atan2(C, √D) + c², slope = 4a² b²/π / √D.
  /// Source    Williams 1996, Computing with infinite networks.
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const s1 = 2 * b * b * q1, s2 = 2 * b * b * q2, both = 2 * b * b * k;
    double const root = std::sqrt(1 + s1 + s2 + (s1 * s2 - both * both));
    return {2 / dual_math::pi * a * a * std::atan2(both, root) + c * c, 4 / dual_math::pi * a * a * b * b / root};
  }

  /// Formula   R1 R2 − value = (R1 R2 − value at gap 0) + 2a²/π (asin x0 − asin x), the second difference as one atan2 of terms of
  ///           one sign.
  /// Rounding  the first part, of unequal variances, is a plain difference: good to one rounding of 1.
  INFINITILE_FN Carried carry(Pair const& p) const {
    double const scale = 2 * b * b, s1 = scale * p.r1 * p.r1, s2 = scale * p.r2 * p.r2, both = scale * p.r1 * p.r2;
    double const opened = both * both * p.gap * (2 - p.gap), start = std::sqrt(1 + s1 + s2), root = std::sqrt(1 + s1 + s2 + opened);
    double const sine = both * (p.gap * start + opened / (start + root)), cosine = start * root + both * both * (1 - p.gap);
    double const weight = 2 / dual_math::pi * a * a;
    double const unequal = p.r1 == p.r2 ? 0 : p.next1 * p.next2 - (weight * std::atan2(both, start) + c * c);
    double const difference = dual_math::positive(unequal) + weight * std::atan2(sine, cosine);
    return {dual_math::gap_of(difference, p.next1, p.next2), scale * weight / root};
  }
};

struct Erf : ErrorFunction {
  explicit Erf(Arguments const& given) : ErrorFunction{given.number("a"), given.number("b"), given.number("c")} {}
  static Signature signature() { return {"erf", {number("a", 1), number("b", 1), number("c", 0)}}; }
};

/// erf(x / 2.4020563531719796) / 2 + 1/2: the logistic function's best fit on [−5, 5].
struct SigmoidLike : ErrorFunction {
  explicit SigmoidLike(Arguments const&) : ErrorFunction{0.5, 1 / 2.4020563531719796, 0.5} {}
  static Signature signature() { return {"sigmoid_like", {}}; }
};

/// x Φ(x). `approximate` gives finite networks the tanh form; kernels are those of the exact function either way.
struct Gelu {
  bool approximate = false;

  INFINITILE_FN explicit Gelu(bool approximately) : approximate(approximately) {}
  explicit Gelu(Arguments const& given) : approximate(given.number("approximate") != 0) {}
  static Signature signature() { return {"gelu", {flag("approximate")}}; }
  INFINITILE_FN Gelu in_kernels() const { return Gelu(false); }

  INFINITILE_FN double value(double x) const { return approximate ? x / 2 * (1 + std::tanh(bend(x))) : x * dual_math::normal_below(x); }
  INFINITILE_FN double slope(double x) const {
    if (!approximate) return dual_math::normal_below(x) + x * dual_math::normal_density(x);
    double const t = std::tanh(bend(x));
    return (1 + t) / 2 + x / 2 * (1 - t * t) * std::sqrt(2 / dual_math::pi) * (1 + 3 * 0.044715 * x * x);
  }
  INFINITILE_FN double variance(double q) const {
    double const root = std::sqrt(1 + 2 * q);
    return q * (0.25 + (q / ((1 + q) * root) + std::atan2(q, root) / 2) / dual_math::pi);
  }
  INFINITILE_FN double slope_variance(double q) const { return dual(q, q, q).slope; }
  INFINITILE_FN double mean(double q) const { return q / std::sqrt(2 * dual_math::pi * (1 + q)); }

  /// Formula   P = (1 + q1)(1 + q2), S = P − k², φ = atan2(k, √S): value = k/4 + ((k² + q1 q2 S)/(P √S) + k φ) / 2π,
  ///           slope = 1/4 + (φ + k/√S (1/S + (1 − q1 q2)/P + 1)) / 2π.
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const plus = (1 + q1) * (1 + q2), square = 1 + q1 + q2 + (q1 * q2 - k * k), root = std::sqrt(square), turn = std::atan2(k, root);
    double const value = k / 4 + ((k * k + q1 * q2 * square) / (plus * root) + k * turn) / (2 * dual_math::pi);
    return {value, 0.25 + (turn + k / root * (1 / square + (1 - q1 * q2) / plus + 1)) / (2 * dual_math::pi)};
  }

private:
  INFINITILE_FN static double bend(double x) { return std::sqrt(2 / dual_math::pi) * (x + 0.044715 * x * x * x); }
};

/// exp(−x²) sin x.
struct Gabor {
  double steepness() const { return 2; }
  explicit Gabor(Arguments const&) {}
  static Signature signature() { return {"gabor", {}}; }

  INFINITILE_FN double value(double x) const { return std::exp(-x * x) * std::sin(x); }
  INFINITILE_FN double slope(double x) const { return std::exp(-x * x) * (std::cos(x) - 2 * x * std::sin(x)); }
  INFINITILE_FN double variance(double q) const { return -std::expm1(-2 * q / (1 + 4 * q)) / (2 * std::sqrt(1 + 4 * q)); }
  INFINITILE_FN double slope_variance(double q) const { return dual(q, q, q).slope; }
  INFINITILE_FN double mean(double) const { return 0; }

  /// Formula   s = q1 + q2, d = 4(q1 q2 − k²), n = 1 + 2s + d, left = exp(−(s + d + 2k)/2n), A = 1 + 2s + 4(k² + q1 q2), B = 4k(d + 3s +
  /// 2):
  ///           value = left (exp(2k/n) − 1) / (2√n), slope = left (A − B + exp(2k/n)(A + B)) / (2 n² √n).
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const s = q1 + q2, d = 4 * (q1 * q2 - k * k), n = 1 + 2 * s + d, root = std::sqrt(n),
                 left = std::exp(-(s + d + 2 * k) / (2 * n));
    double const even = 1 + 2 * s + 4 * (k * k + q1 * q2), odd = 4 * k * (d + 3 * s + 2), right = std::exp(2 * k / n);
    return {left * std::expm1(2 * k / n) / (2 * root), left * (even - odd + right * (even + odd)) / (2 * n * n * root)};
  }
};

/// Not a function but a kernel: E = √(q1 q2) exp(gamma (ρ + shift)). do_clip keeps ρ in [−1, 1], where gaps always are.
/// Source    with gamma = 1, shift = −1 the normalized Gaussian kernel of Shankar et al. 2020.
struct ExpNormalized {
  double gamma = 1;
  double shift = -1;

  explicit ExpNormalized(Arguments const& given) : gamma(given.at_least(0, "gamma")), shift(given.number("shift")) {}
  static Signature signature() { return {"exp_normalized", {number("gamma", 1), number("shift", -1), flag("do_clip")}}; }

  INFINITILE_FN double variance(double q) const { return q * std::exp(gamma * (1 + shift)); }
  INFINITILE_FN double slope_variance(double) const { return gamma * std::exp(gamma * (1 + shift)); }
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    double const norm = std::sqrt(q1) * std::sqrt(q2), value = std::exp(gamma * ((norm > 0 ? k / norm : 0) + shift));
    return {norm * value, gamma * value};
  }
  INFINITILE_FN Carried carry(Pair const& p) const {
    double const gap = p.next1 * p.next2 > 0 ? -std::expm1(-gamma * p.gap) : 1;
    return {gap, gamma * std::exp(gamma * (1 - p.gap + shift))};
  }
};

}  // namespace infinitile
