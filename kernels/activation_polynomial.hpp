#pragma once

#include <cmath>

#include "kernels/activation_arguments.hpp"
#include "kernels/activation_base.hpp"

namespace infinitile {

/// Σ_k c_k p_k(x), where p_k is x^k (heat 0) or the Hermite polynomial He_k (heat 1): p_{k+1} = x p_k − heat k p_{k−1}. Both are Appell
/// sequences, p_k' = k p_{k−1} and p_k(x + h) = Σ C(k, l) h^(k−l) p_l(x), and both have the same Hermite expansion in z = x/σ:
///   p_k(σ z) = Σ_j k! / (2^j j! (k − 2j)!) σ^(k−2j) (σ² − heat)^j He_{k−2j}(z),
/// exact for every variance; with heat 1 and σ = 1 only j = 0 is left, without cancellation.
struct AppellSum {
  static constexpr int most_degree = 31;
  int degree = 0;
  int heat = 0;
  double c[most_degree + 1] = {};
  using Family = AppellSum;

  INFINITILE_FN AppellSum(int last, int the_heat) : degree(last), heat(the_heat) {}

  INFINITILE_FN AppellSum shifted(double h) const {
    AppellSum moved(degree, heat);
    for (int k = 0; k <= degree; ++k) {
      double factor = c[k];  // C(k, l) h^(k − l) c_k
      for (int l = k; l >= 0; --l) {
        moved.c[l] += factor;
        factor *= h * l / (k - l + 1);
      }
    }
    return moved;
  }

  INFINITILE_FN double value(double x) const { return sum(x, 0); }
  INFINITILE_FN double slope(double x) const { return sum(x, 1); }

  /// The coefficient of He_l(z)/√l! in f(σ z), divided by σ^l: E[f(u)f(v)] = Σ_l e_l(q1) e_l(q2) E[uv]^l.
  INFINITILE_FN double coefficient(int l, double q) const {
    double total = 0, factor = 1;  // (l + 2j)! / (2^j j! √l!) (q − heat)^j
    for (int k = 2; k <= l; ++k) factor *= std::sqrt(static_cast<double>(k));
    for (int k = l; k <= degree; k += 2) {
      total += c[k] * factor;
      factor *= (k + 1.0) * (k + 2.0) / (k + 2 - l) * (q - heat);
    }
    return total;
  }
  INFINITILE_FN double variance(double q) const { return dual(q, q, q).value; }
  INFINITILE_FN double slope_variance(double q) const { return dual(q, q, q).slope; }
  INFINITILE_FN double mean(double q) const { return coefficient(0, q); }
  INFINITILE_FN Dual dual(double q1, double q2, double k) const {
    Dual sums;
    double power = 1;
    for (int l = 0; l <= degree; ++l) {
      double const term = coefficient(l, q1) * coefficient(l, q2);
      sums.value += term * power * (l > 0 ? k : 1);
      if (l > 0) sums.slope += l * term * power;
      if (l > 0) power *= k;
    }
    return sums;
  }

private:
  /// Σ c_k times the derivative of p_k of order `derivatives`, 0 or 1.
  INFINITILE_FN double sum(double x, int derivatives) const {
    double before = 0, now = 1, total = 0;
    for (int k = 0; k + derivatives <= degree; ++k) {
      total += c[k + derivatives] * (derivatives == 1 ? (k + 1) * now : now);
      double const next = x * now - heat * k * before;
      before = now;
      now = next;
    }
    return total;
  }
};

/// Σ coef[k] x^k.
struct Polynomial : AppellSum {
  explicit Polynomial(Arguments const& given) : AppellSum(0, 0) {
    auto const& coef = given.numbers("coef", most_degree + 1);
    degree = static_cast<int>(coef.size()) - 1;
    for (int k = 0; k <= degree; ++k) c[k] = coef[static_cast<std::size_t>(k)];
  }
  static Signature signature() { return {"polynomial", {needed_numbers("coef")}}; }
};

/// x^degree.
struct Monomial : AppellSum {
  explicit Monomial(Arguments const& given) : AppellSum(given.integer("degree", 0, most_degree), 0) { c[degree] = 1; }
  static Signature signature() { return {"monomial", {needed_integer("degree")}}; }
};

/// He_degree(x) / √degree!. Exact at every variance, where other systems assume 1.
struct Hermite : AppellSum {
  explicit Hermite(Arguments const& given) : AppellSum(given.integer("degree", 0, most_degree), 1) {
    c[degree] = 1;
    for (int k = 2; k <= degree; ++k) c[degree] /= std::sqrt(static_cast<double>(k));
  }
  static Signature signature() { return {"hermite", {needed_integer("degree")}}; }
};

/// A layer with an AppellSum, all of its scaling but input_scale inside the coefficients. Features of a row, with â_l = e_l r^l / R and d_l
/// = √l e_l r^(l−1): â_0, ..., â_L, d_1, ..., d_L. Then, with ρ = 1 − gap and T_l = Σ_{m > l} â_m b̂_m,
///   gap' = Σ (â_l − b̂_l)² / 2 + gap Σ_l T_l ρ^l,   slope = Σ d_l d_l ρ^(l−1):
/// no difference of near equals for parallel inputs, no division for zero variances. Cost: 6 flops per degree and pair.
struct PolynomialLayer {
  AppellSum phi;
  double input_scale = 1;

  INFINITILE_FN PolynomialLayer(AppellSum const& plain, Scaling const& scale)
      : phi(plain.shifted(scale.input_shift)), input_scale(scale.input_scale) {
    phi.c[0] += scale.output_shift;
    for (double& c : phi.c) c *= scale.output_scale;
  }

  int features() const { return 2 * phi.degree + 1; }
  double inner(double q) const { return input_scale * input_scale * q; }
  double variance(double q) const { return phi.variance(inner(q)); }
  double slope_variance(double q) const { return input_scale * input_scale * phi.slope_variance(inner(q)); }
  double mean(double q) const { return phi.mean(inner(q)); }
  void fill(double q, double* out, long stride) const {
    double const inside = inner(q), r = std::sqrt(inside), next = std::sqrt(phi.variance(inside)), back = next > 0 ? 1 / next : 0;
    double power = 1;
    for (int l = 0; l <= phi.degree; ++l) {
      double const e = phi.coefficient(l, inside);
      if (l > 0) out[(phi.degree + l) * stride] = std::sqrt(static_cast<double>(l)) * e * power * std::abs(input_scale);
      if (l > 0) power *= r;
      out[l * stride] = e * power * back;
    }
  }

  INFINITILE_FN void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
    int const last = phi.degree;
    for (int j = 0; j < count; ++j) {
      double const g = gap[j], rho = 1 - g;
      double tail = 0, turned = 0, uneven = 0, steep = 0;
      for (int l = last; l >= 0; --l) {
        double const a = row.features[l * row.stride], b = col.features[l * col.stride + j];
        turned = turned * rho + tail;
        tail += a * b;
        uneven += (a - b) * (a - b);
        if (l > 0) steep = steep * rho + row.features[(last + l) * row.stride] * col.features[(last + l) * col.stride + j];
      }
      double const after = uneven / 2 + g * turned;
      gap[j] = row.next_root * col.next_root[j] > 0 ? (after < 2 ? after : 2) : 1;
      slope[j] = steep;
    }
  }
};

}  // namespace infinitile
