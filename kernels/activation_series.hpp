#pragma once

#include <cmath>
#include <numbers>

#include "kernels/activation.hpp"
#include "kernels/series.hpp"

// f(x(t)) from the Taylor coefficients of x: one reading of the activations more, so the compiler asks for those that lack it. Pieces of
// kinked ones are taken as f' takes them; at the kink itself that is one side.

namespace infinitile {

inline Series compose(ErrorFunction const& f, Series const& x) {
  return series::integral(f.value(x.c[0]), 2 / std::sqrt(dual_math::pi) * f.a * f.b * series::exp(-f.b * f.b * (x * x)), x);
}
inline Series compose(Gelu const& f, Series const& x) {
  if (f.approximate) {  // 1 + tanh(b) is twice the logistic function of 2 b
    double const slope = std::sqrt(2 / dual_math::pi);
    return x * series::logistic(2 * slope * (x + 0.044715 * (x * x * x)));
  }
  Series const density = 1 / std::sqrt(2 * dual_math::pi) * series::exp(-0.5 * (x * x));
  return x * series::integral(dual_math::normal_below(x.c[0]), density, x);
}
inline Series compose(Gabor const&, Series const& x) {
  return series::exp(-1.0 * (x * x)) * series::sin(x);
}
inline Series compose(Sinusoid const& f, Series const& x) {
  return f.a * series::sin(f.b * x + f.phase);
}
inline Series compose(Bell const& f, Series const& x) {
  return f.a * series::exp((f.b * x + f.c) * x);
}
inline Series compose(AbRelu const& f, Series const& x) {
  return f.slope(x.c[0]) * x;
}
inline Series compose(Sign const& f, Series const& x) {
  return {x.order, f.value(x.c[0])};
}
inline Series compose(RectifiedMonomial const& f, Series const& x) {
  Series y(x.order, x.c[0] >= 0 ? 1 : 0);
  for (int n = 0; n < f.powers.degree; ++n) y = y * x;
  return y;
}
/// p_{k+1} = x p_k − heat k p_{k−1}, as for numbers.
inline Series compose(AppellSum const& f, Series const& x) {
  Series before(x.order, 0), now(x.order, 1), total(x.order, 0);
  for (int k = 0; k <= f.degree; ++k) {
    total = total + f.c[k] * now;
    Series const next = x * now + (-1.0 * f.heat * k) * before;
    before = now;
    now = next;
  }
  return total;
}
inline Series compose(Tanh const&, Series const& x) {
  return 2 * series::logistic(2 * x) + -1;
}
inline Series compose(Sigmoid const&, Series const& x) {
  return series::logistic(x);
}
inline Series compose(Softplus const& f, Series const& x) {
  return series::integral(f.value(x.c[0]), series::logistic(x), x);
}
inline Series compose(Silu const&, Series const& x) {
  return x * series::logistic(x);
}
inline Series compose(ExponentialLinear const& f, Series const& x) {
  return f.scale * (x.c[0] > 0 ? x : f.alpha * (series::exp(x) + -1));
}
inline Series compose(Softsign const&, Series const& x) {
  return x * series::power((x.c[0] < 0 ? -1.0 : 1.0) * x + 1, -1);
}
inline Series compose(Atan const& f, Series const& x) {
  return series::integral(f.value(x.c[0]), series::power(x * x + 1, -1), x);
}
inline Series compose(Asinh const& f, Series const& x) {
  return series::integral(f.value(x.c[0]), series::power(x * x + 1, -0.5), x);
}
inline Series compose(BentIdentity const&, Series const& x) {
  return 0.5 * (series::power(x * x + 1, 0.5) + -1) + x;
}

template <class A>
Series scaled_compose(A const& phi, Scaling const& s, Series const& x) {
  return s.output_scale * (compose(phi, s.input_scale * x + s.input_shift) + s.output_shift);
}

}  // namespace infinitile
