#pragma once

#include <cmath>

#include "kernels/activation_arguments.hpp"
#include "kernels/activation_base.hpp"

// Activations whose duals have no closed form: kernels/expansion.hpp expands them. Only value and slope are told here.

namespace infinitile {

namespace dual_math {
INFINITILE_FN double logistic(double x) {
  double const e = std::exp(-std::abs(x));
  return (x > 0 ? 1 : e) / (1 + e);
}
}  // namespace dual_math

struct Tanh {
  explicit Tanh(Arguments const&) {}
  static Signature signature() { return {"tanh", {}}; }
  INFINITILE_FN double value(double x) const { return std::tanh(x); }
  INFINITILE_FN double slope(double x) const { return 1 / dual_math::square(std::cosh(x)); }
};

/// 1 / (1 + exp(−x)).
struct Sigmoid {
  explicit Sigmoid(Arguments const&) {}
  static Signature signature() { return {"sigmoid", {}}; }
  INFINITILE_FN double value(double x) const { return dual_math::logistic(x); }
  INFINITILE_FN double slope(double x) const { return dual_math::logistic(x) * dual_math::logistic(-x); }
};

/// log(1 + exp(x)).
struct Softplus {
  explicit Softplus(Arguments const&) {}
  static Signature signature() { return {"softplus", {}}; }
  INFINITILE_FN double value(double x) const { return dual_math::positive(x) + std::log1p(std::exp(-std::abs(x))); }
  INFINITILE_FN double slope(double x) const { return dual_math::logistic(x); }
};

/// x / (1 + exp(−x)), also called swish.
struct Silu {
  explicit Silu(Arguments const&) {}
  static Signature signature() { return {"silu", {}}; }
  INFINITILE_FN double value(double x) const { return x * dual_math::logistic(x); }
  INFINITILE_FN double slope(double x) const { return dual_math::logistic(x) * (1 + x * dual_math::logistic(-x)); }
};

/// scale x for x > 0, scale alpha (exp(x) − 1) below.
struct ExponentialLinear {
  double scale = 1;
  double alpha = 1;
  static constexpr bool kinked = true;
  using Family = ExponentialLinear;

  INFINITILE_FN double value(double x) const { return scale * (x > 0 ? x : alpha * std::expm1(x)); }
  INFINITILE_FN double slope(double x) const { return scale * (x > 0 ? 1 : alpha * std::exp(x)); }
  /// Formula   E[exp(x) over x < 0] = exp(m + s²/2) Φ(−m/s − s).
  INFINITILE_FN Dual smoothed(double m, double s) const {
    double const above = dual_math::normal_below(m / s), far = m / s + s;
    double const below = far < 38 ? std::exp(m + s * s / 2) * dual_math::normal_below(-far) : 0;
    double const line = m * above + s * dual_math::normal_density(m / s);
    return {scale * (line + alpha * (below - dual_math::normal_below(-m / s))), scale * (above + alpha * below)};
  }
};

struct Elu : ExponentialLinear {
  explicit Elu(Arguments const&) : ExponentialLinear{1, 1} {}
  static Signature signature() { return {"elu", {}}; }
};

/// Source    Klambauer et al. 2017, Self-normalizing neural networks: mean 0 and variance 1 are kept.
struct Selu : ExponentialLinear {
  explicit Selu(Arguments const&) : ExponentialLinear{1.0507009873554804934193349852946, 1.6732632423543772848170429916717} {}
  static Signature signature() { return {"selu", {}}; }
};

/// x / (1 + |x|).
struct Softsign {
  static constexpr bool kinked = true;
  explicit Softsign(Arguments const&) {}
  static Signature signature() { return {"softsign", {}}; }
  INFINITILE_FN double value(double x) const { return x / (1 + std::abs(x)); }
  INFINITILE_FN double slope(double x) const { return 1 / dual_math::square(1 + std::abs(x)); }
};

struct Atan {
  explicit Atan(Arguments const&) {}
  static Signature signature() { return {"atan", {}}; }
  INFINITILE_FN double value(double x) const { return std::atan(x); }
  INFINITILE_FN double slope(double x) const { return 1 / (1 + x * x); }
};

struct Asinh {
  explicit Asinh(Arguments const&) {}
  static Signature signature() { return {"asinh", {}}; }
  INFINITILE_FN double value(double x) const { return std::asinh(x); }
  INFINITILE_FN double slope(double x) const { return 1 / std::sqrt(1 + x * x); }
};

/// (√(x² + 1) − 1)/2 + x.
struct BentIdentity {
  explicit BentIdentity(Arguments const&) {}
  static Signature signature() { return {"bent_identity", {}}; }
  INFINITILE_FN double value(double x) const { return x * x / (2 * (std::sqrt(x * x + 1) + 1)) + x; }
  INFINITILE_FN double slope(double x) const { return x / (2 * std::sqrt(x * x + 1)) + 1; }
};

}  // namespace infinitile
