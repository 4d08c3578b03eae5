#include "shaping/local_maps.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/activation_series.hpp"
#include "kernels/quadrature.hpp"

namespace infinitile {

namespace {

template <class A>
constexpr bool has_series = requires(A const& phi, Series const& x) {
  compose(phi, x);
};

template <class A>
[[noreturn]] void refuse(A const&) {
  throw Error(text(A::signature().name, " is a kernel without a function, so it has no Q and C maps."));
}

/// Nodes and weights of E[g(z)]: panels of one length, and an edge where y bends.
Rule gaussian_panels(double edge, double length, double farthest, Rule const& panel) {
  std::vector<double> edges;
  for (double z = -farthest; z < farthest + length / 2; z += length) {
    if (!edges.empty() && edge > edges.back() && edge < z) edges.push_back(edge);
    edges.push_back(z);
  }
  Rule rule = composite(edges, panel);
  for (std::size_t i = 0; i < rule.x.size(); ++i) rule.w[i] *= dual_math::normal_density(rule.x[i]);
  return rule;
}

Rule rule_for(double edge, double sharpness, Accuracy accuracy) {
  static Rule const coarse = gauss_legendre(8), fine = gauss_legendre(16);
  if (accuracy == Accuracy::coarse) return gaussian_panels(edge, sharpness > 4 ? 0.5 : 2, 8, coarse);
  if (sharpness <= 1) return gaussian_panels(edge, 1, 12, fine);
  // Beyond 12 even y² = exp(z) weighs nothing; steep functions want panels that are short where they bend.
  Rule rule = composite(graded_edges(-12, 12, std::abs(edge) < 24 ? edge : 0, 0.5 / sharpness, 1), fine);
  for (std::size_t i = 0; i < rule.x.size(); ++i) rule.w[i] *= dual_math::normal_density(rule.x[i]);
  return rule;
}

template <class A>
LocalMoments moments_of(A const& phi, Scaling const& s, Accuracy accuracy) {
  if (!std::isfinite(s.input_scale) || !std::isfinite(s.input_shift)) {  // behind layers whose variance overflows
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none, none, none, none, none};
  }
  double steepness = 1;
  if constexpr (requires { phi.steepness(); }) steepness = phi.steepness();
  double const bend = s.input_scale == 0 ? 0 : -s.input_shift / s.input_scale;
  Rule const rule = rule_for(bend, std::abs(s.input_scale) * steepness, accuracy);
  std::vector<std::array<double, 3>> values;
  values.reserve(rule.x.size());
  LocalMoments sums;
  for (std::size_t i = 0; i < rule.x.size(); ++i) {
    Series z(2, rule.x[i]);
    z.c[1] = 1;
    Series const y = scaled_compose(phi, s, z);
    values.push_back({y.c[0], y.c[1], 2 * y.c[2]});
    sums.mean += rule.w[i] * y.c[0];
  }
  for (std::size_t i = 0; i < rule.x.size(); ++i) {
    auto const [value, slope, curvature] = values[i];
    double const w = rule.w[i], y = value - sums.mean;
    sums.variance += w * y * y;
    sums.pull += w * y * slope * rule.x[i];
    sums.mean_pull += w * slope * rule.x[i];
    sums.slope += w * slope * slope;
    sums.curvature += w * curvature * curvature;
  }
  return sums;
}

}  // namespace

LocalMoments LocalMoments::scaled(double output_scale, double output_shift) const {
  double const square = output_scale * output_scale;
  return {
      output_scale * (mean + output_shift), square * variance, square * pull, output_scale * mean_pull, square * slope, square * curvature};
}

LocalMoments local_moments(AnyActivation const& f, Accuracy accuracy) {
  LocalMoments out;
  with_activation(f, [&]<class A>(A const& phi) {
    if constexpr (has_series<A>)
      out = moments_of(phi, f.scaling, accuracy);
    else
      refuse(phi);
  });
  return out;
}

Smoothness smoothness_of(AnyActivation const& f) {
  Smoothness out;
  with_activation(f, [&]<class A>(A const& phi) {
    // Kinks are at 0 before the scaling.
    if constexpr (requires { phi.value(0.0); }) {
      constexpr double side = 1e-200;
      // The two sides of a smooth one, such as rbf, may differ in rounding.
      auto const jumps = [](double right, double left) {
        return std::abs(right - left) > 1e-100 + 8 * std::numeric_limits<double>::epsilon() * (std::abs(right) + std::abs(left));
      };
      out.value_jumps = jumps(phi.value(side), phi.value(-side));
      out.slope_jumps = out.value_jumps || jumps(phi.slope(side), phi.slope(-side));
    }
  });
  return out;
}

}  // namespace infinitile
