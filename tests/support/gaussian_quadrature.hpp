#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/activation.hpp"
#include "kernels/activation_expanded.hpp"
#include "kernels/quadrature.hpp"

// E[f(u)f(v)] and E[f'(u)f'(v)] by plain two-dimensional quadrature, v given u. Slow; knows nothing of angles, expansions or closed forms.

namespace infinitile {

/// E[g(z)] over [−13, 13]; panels double in length from `width` on both sides of `centre`, up to 1.25, and `more` edges split them.
template <class G>
Dual standard_mean(double centre, double width, std::vector<double> const& more, G&& g) {
  static Rule const panel = gauss_legendre(12);
  double const reach = 13, at = std::abs(centre) < reach ? centre : 0;
  Dual sum;
  auto const add = [&](double from, double to) {
    double const half = (to - from) / 2, middle = (to + from) / 2;
    if (!(half > 0)) return;
    for (std::size_t k = 0; k < panel.x.size(); ++k) {
      double const z = middle + half * panel.x[k], weight = half * panel.w[k] * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
      Dual const d = g(z);
      sum.value += weight * d.value;
      sum.slope += weight * d.slope;
    }
  };
  auto const add_split = [&](double from, double to) {
    double last = std::max(from, -reach);
    for (double const edge : more)
      if (edge > last && edge < to) {
        add(last, edge);
        last = edge;
      }
    add(last, std::min(to, reach));
  };
  double length = std::clamp(width, 1e-9, 1.25);
  for (double d = 0; d < 2 * reach; d += length, length = std::min(d, 1.25)) {
    if (at + d < reach) add_split(at + d, at + d + length);
    if (at - d > -reach) add_split(at - d - length, at - d);
  }
  return sum;
}

/// The function of an activation and its slope, ready to be called often.
inline Response response_of(AnyActivation const& any) {
  Response y;
  with_activation(any, [&](auto const& phi) {
    if constexpr (requires { phi.value(0.0); }) y = response_of(phi, any.scaling);
  });
  return y;
}

/// y.centre has to be where y has its kink, or where it bends most; y.steepness says over which distance.
inline Dual quadrature_dual(Response const& y, double q1, double q2, double gap) {
  double const kink = y.centre, bend = 1 / y.steepness;
  double const r1 = std::sqrt(q1), r2 = std::sqrt(q2), rho = 1 - gap, spread = r2 * std::sqrt(std::max(0.0, gap * (2 - gap)));
  std::vector<double> turn;  // where the mean of v passes the kink, over a width of about `spread`
  if (std::abs(r2 * rho) > 0) {
    double const at = kink / (r2 * rho), width = spread / std::abs(r2 * rho) / 2;
    turn.push_back(at);
    for (double d = std::max(1e-9, width); width > 0 && d < 2; d *= 2) turn.insert(turn.end(), {at - d, at + d});
    std::sort(turn.begin(), turn.end());
  }
  return standard_mean(r1 > 0 ? kink / r1 : 0, r1 > 0 ? bend / r1 / 2 : 1, turn, [&](double z) {
    double const mean = r2 * rho * z;
    Dual inner{y.value(mean), y.slope(mean)};
    if (spread > 0)
      inner = standard_mean((kink - mean) / spread, bend / spread / 2, {}, [&](double w) {
        return Dual{y.value(mean + spread * w), y.slope(mean + spread * w)};
      });
    return Dual{y.value(r1 * z) * inner.value, y.slope(r1 * z) * inner.slope};
  });
}

/// One pair through a prepared layer, as a strip of one column.
inline Carried through(PreparedActivation const& layer, double q1, double q2, double gap) {
  auto const count = static_cast<std::size_t>(layer.features());
  std::vector<double> row(count + 1), col(count + 1);
  layer.features(q1, row.data(), 1);
  layer.features(q2, col.data(), 1);
  double const root2 = std::sqrt(q2), next2 = std::sqrt(layer.variance(q2));
  Carried c{gap, 0};
  layer.carry({std::sqrt(q1), std::sqrt(layer.variance(q1)), row.data(), 1}, {&root2, &next2, col.data(), 1}, 1, &c.gap, &c.slope);
  return c;
}

/// E[y(u)y(v)] from what a layer carries.
inline double value_of(PreparedActivation const& layer, double q1, double q2, Carried const& c) {
  return std::sqrt(layer.variance(q1)) * std::sqrt(layer.variance(q2)) * (1 - c.gap);
}

}  // namespace infinitile
