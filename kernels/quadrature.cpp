#include "kernels/quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace infinitile {

Rule gauss_legendre(int n) {
  INFINITILE_EXPECT(n > 0);
  Rule rule{std::vector<double>(static_cast<std::size_t>(n)), std::vector<double>(static_cast<std::size_t>(n))};
  for (int i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5)), derivative = 1;
    for (int step = 0; step < 8; ++step) {  // quadratic convergence: six are enough from this start
      double before = 1, now = x;
      for (int k = 2; k <= n; ++k) {
        double const next = ((2 * k - 1) * x * now - (k - 1) * before) / k;
        before = now;
        now = next;
      }
      derivative = n * (x * now - before) / (x * x - 1);
      x -= now / derivative;
    }
    auto const at = static_cast<std::size_t>(n - 1 - i);
    rule.x[at] = x;
    rule.w[at] = 2 / ((1 - x * x) * derivative * derivative);
  }
  return rule;
}

Rule composite(std::vector<double> const& edges, Rule const& panel) {
  Rule rule;
  for (std::size_t e = 0; e + 1 < edges.size(); ++e) {
    double const middle = (edges[e] + edges[e + 1]) / 2, half = (edges[e + 1] - edges[e]) / 2;
    for (std::size_t i = 0; i < panel.x.size(); ++i) {
      rule.x.push_back(middle + half * panel.x[i]);
      rule.w.push_back(half * panel.w[i]);
    }
  }
  return rule;
}

std::vector<double> graded_edges(double from, double to, double centre, double shortest, double longest) {
  std::vector<double> edges{from, to};
  if (centre > from && centre < to) edges.push_back(centre);
  INFINITILE_EXPECT(shortest > 0 && longest > 0);
  double const farthest = std::max(std::abs(from - centre), std::abs(to - centre));
  for (double length = shortest, distance = shortest; distance < farthest; length = std::min(2 * length, longest), distance += length)
    for (double const edge : {centre - distance, centre + distance})
      if (edge > from && edge < to) edges.push_back(edge);
  std::sort(edges.begin(), edges.end());
  return edges;
}

Rule gaussian_rule(Response const& y, double r) {
  static Rule const panel = gauss_legendre(16);
  constexpr double farthest = 13;  // beyond, even the square of x^12 weighs nothing
  double const sharp = std::max(r * y.steepness, 1e-3), centre = y.centre / std::max(r, 1e-300);
  bool const inside = std::abs(centre) < 2 * farthest;
  Rule rule = composite(graded_edges(-farthest, farthest, inside ? centre : 0, std::min(0.5, 0.25 / sharp), 1.5), panel);
  for (std::size_t i = 0; i < rule.x.size(); ++i) rule.w[i] *= std::exp(-rule.x[i] * rule.x[i] / 2) / std::sqrt(2 * std::numbers::pi);
  return rule;
}

Moments gaussian_moments(Response const& y, double q) {
  double const r = std::sqrt(q);
  Rule const rule = gaussian_rule(y, r);
  Moments sums;
  for (std::size_t i = 0; i < rule.x.size(); ++i) {
    double const value = y.value(r * rule.x[i]), slope = y.slope(r * rule.x[i]);
    sums.mean += rule.w[i] * value;
    sums.variance += rule.w[i] * value * value;
    sums.slope_variance += rule.w[i] * slope * slope;
  }
  return sums;
}

}  // namespace infinitile
