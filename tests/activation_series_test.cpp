// Activations of power series: with enough terms they sum to the function.
#include "kernels/activation_series.hpp"

#include "support/activation_cases.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// x(t) = x0 + t − t²/2 + t³/4.
double path(double x0, double t) {
  return x0 + t * (1 + t * (-0.5 + t * 0.25));
}

double sum(Series const& y, double t) {
  double total = 0;
  for (int k = y.order; k >= 0; --k) total = y.c[k] + t * total;
  return total;
}

Series composed(AnyActivation const& f, double x0, int order) {
  Series x(order, x0);
  double const given[]{0, 1, -0.5, 0.25};
  for (int k = 1; k <= std::min(order, 3); ++k) x.c[k] = given[k];
  Series y(order, 0);
  with_activation(f, [&](auto const& phi) {
    if constexpr (requires { phi.value(0.0); }) y = scaled_compose(phi, f.scaling, x);
  });
  return y;
}

std::vector<Case> all_cases() {
  std::vector<Case> out = cases();
  out.push_back({"gelu", {{"approximate", 1.0}}});
  return out;
}

}  // namespace

/// Term k is 0.15ᵏ of its coefficient: the twelfth still shows. The nearest singularity of these functions is at a distance of 1 from x0 = 0.
TEST_CASE("the series of every activation sums to the activation", "[activation_series]") {
  for (Case const& each : all_cases())
    for (Scaling const& scaling : scalings)
      for (double const x0 : {-3.1, -0.9, 0.0, 0.35, 1.2, 2.6}) {
        AnyActivation const f = make_activation(each.name, each.parameters, scaling);
        if (each.kinked && std::abs(scaling.input_scale * x0 + scaling.input_shift) < 0.35) continue;  // the path would cross the kink
        CAPTURE(each.name, x0, scaling.input_scale);
        Series const y = composed(f, x0, Series::most_order);
        double size = 0;
        for (int k = 0; k <= y.order; ++k) size += std::abs(y.c[k]) * std::pow(0.15, k);
        for (double const t : {-0.15, -0.07, 0.1, 0.15}) CHECK(std::abs(sum(y, t) - activation_value(f, path(x0, t))) <= 2e-13 * size);
        CHECK(std::abs(y.c[1] - activation_slope(f, x0)) <= 1e-13 * (std::abs(y.c[1]) + size));
      }
}

TEST_CASE("a series cut off earlier has the same first coefficients", "[activation_series]") {
  for (Case const& each : all_cases()) {
    CAPTURE(each.name);
    AnyActivation const f = make_activation(each.name, each.parameters);
    Series const all = composed(f, 0.7, 9);
    for (int order = 0; order < 9; ++order) {
      Series const cut = composed(f, 0.7, order);
      for (int k = 0; k <= order; ++k) CHECK(cut.c[k] == all.c[k]);
    }
  }
}

/// Far out, where 1 − tanh² would be 0 or one rounding of 1, each coefficient keeps its digits: tanh(x) = 1 − 2 e^(−2x) + 2 e^(−4x) − ...
TEST_CASE("saturated activations keep the digits of their derivatives", "[activation_series]") {
  Series x(6, 12);
  x.c[1] = 1;
  Series const y = compose(Tanh(Arguments(Tanh::signature(), {})), x);
  double factorial = 1;
  for (int k = 1; k <= 6; ++k) {
    factorial *= k;
    double const expected = (-2 * std::pow(-2.0, k) * std::exp(-24.0) + 2 * std::pow(-4.0, k) * std::exp(-48.0)) / factorial;
    CHECK(std::abs(y.c[k] - expected) <= 1e-14 * std::abs(expected));
  }
}
