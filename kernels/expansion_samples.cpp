#include "kernels/expansion_samples.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <cblas.h>

namespace infinitile {

namespace {

constexpr double farthest = 8.4;  // exp(−ρ²/2) is 5e-16 there

/// The longest panel: a function that bends away from 0 needs short ones everywhere, others only near 0.
double longest_panel(Response const& y, double most, double usual) {
  return y.centre == 0 ? usual : std::min(usual, 1.5 / std::max(1.0, most * y.steepness));
}

/// ∫ g(ρ) ρ exp(−ρ²/2) / 2π over ρ > 0.
Rule radial_rule(Response const& y, double most, int nodes) {
  double const longest = longest_panel(y, most, 2), shortest = std::min(longest, 0.5 / std::max(1.0, most * y.steepness));
  Rule rule = composite(graded_edges(0, farthest, 0, shortest, longest), gauss_legendre(nodes));
  for (std::size_t k = 0; k < rule.x.size(); ++k) rule.w[k] *= rule.x[k] * std::exp(-rule.x[k] * rule.x[k] / 2) / (2 * std::numbers::pi);
  return rule;
}

/// ∫ over φ/Θ from 0 to 1, fine at both ends; node k and node −1 − k mirror each other.
Rule turning_rule(Response const& y, double most, int nodes) {
  double const longest = longest_panel(y, most, 1.25) / 5, shortest = std::min(longest, 0.2 / std::max(1.0, most * y.steepness));
  Rule rule = composite(graded_edges(0, 0.5, 0, shortest, longest), gauss_legendre(nodes));
  std::size_t const half = rule.x.size();
  for (std::size_t k = 0; k < half; ++k) {
    rule.x.push_back(1 - rule.x[half - 1 - k]);
    rule.w.push_back(rule.w[half - 1 - k]);
  }
  return rule;
}

/// Adds a b^T to sum, a and b [side, inner] row-major.
void add_product(std::vector<double> const& a, std::vector<double> const& b, RootPairs& sum) {
  int const side = sum.side, inner = static_cast<int>(a.size()) / side;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, side, side, inner, 1, a.data(), inner, b.data(), inner, 1, sum.values.data(), side);
}

/// m + m^T.
RootPairs with_transpose(RootPairs const& m) {
  RootPairs sum = m;
  for (int i = 0; i < m.side; ++i)
    for (int j = 0; j < m.side; ++j) sum.values[static_cast<std::size_t>(i * m.side + j)] += m(j, i);
  return sum;
}

}  // namespace

RadialTable::RadialTable(Response const& y, std::vector<double> const& radii, double end) : width_(2 * radii.size()), edges_{0} {
  // Where y bends at 0 only, what s does is relative to s itself.
  double const cell = 0.2 / (y.steepness * farthest);
  do edges_.push_back(edges_.back() + (y.centre == 0 ? std::max(cell, edges_.back() / 6) : cell));
  while (edges_.back() < end);
  c_.resize((edges_.size() - 1) * terms * width_);
  std::vector<double> const to_powers = interpolation();
  std::vector<double> values(width_);
  for (std::size_t n = 0; n + 1 < edges_.size(); ++n)
    for (std::size_t m = 0; m < terms; ++m) {
      double const position = std::cos(std::numbers::pi * (static_cast<double>(m) + 0.5) / terms);
      double const s = ((1 - position) * edges_[n] + (1 + position) * edges_[n + 1]) / 2;
      for (std::size_t k = 0; k < radii.size(); ++k) {
        values[k] = y.slope(s * radii[k]);
        values[radii.size() + k] = y.slope(-s * radii[k]);
      }
      for (std::size_t power = 0; power < terms; ++power)
        for (std::size_t k = 0; k < width_; ++k) c_[(n * terms + power) * width_ + k] += to_powers[power * terms + m] * values[k];
    }
}

/// The matrix [power][node] of interpolation at Chebyshev nodes.
std::vector<double> RadialTable::interpolation() {
  std::vector<double> matrix(terms * terms);
  for (int m = 0; m < terms; ++m) {
    double now[terms] = {1}, before[terms] = {0, 1};  // the powers in T_0, and in T_{−1} = T_1
    for (int k = 0; k < terms; ++k) {
      double const weight = (k > 0 ? 2.0 : 1.0) / terms * std::cos(std::numbers::pi * k * (m + 0.5) / terms);
      for (int power = terms - 1; power >= 0; --power) {
        matrix[static_cast<std::size_t>(power * terms + m)] += weight * now[power];
        before[power] = (power > 0 ? 2 * now[power - 1] : 0) - before[power];
      }
      std::swap_ranges(now, now + terms, before);
    }
  }
  return matrix;
}

/// Not sanitized: it reads the cell of s and nothing else, and checks of each number would be most of the time of a sanitized build.
[[gnu::no_sanitize_address, gnu::no_sanitize_undefined]] void RadialTable::evaluate(double s, double* out) const {
  auto const above = std::upper_bound(edges_.begin() + 1, edges_.end() - 1, s);
  double const low = *(above - 1), high = *above, t = (2 * s - low - high) / (high - low);
  double const* const c = &c_[static_cast<std::size_t>(above - 1 - edges_.begin()) * terms * width_];
#pragma GCC ivdep
  for (std::size_t k = 0; k < width_; ++k) {
    double sum = c[(terms - 1) * width_ + k];
    for (int power = terms - 2; power >= 0; --power) sum = c[static_cast<std::size_t>(power) * width_ + k] + t * sum;
    out[k] = sum;
  }
}

WedgeQuadrature::WedgeQuadrature(Response const& y, double most, int nodes_per_panel)
    : radius_(radial_rule(y, most, nodes_per_panel)), fraction_(turning_rule(y, most, nodes_per_panel)), table_(y, radius_.x, most) {}

WedgeQuadrature::Parts WedgeQuadrature::parts(double opening, std::vector<double> const& roots) const {
  // Nodes a and their mirrors b, a few at a time so that all stays in cache. u at a meets v at b and the other way round: a matrix and its
  // transpose.
  constexpr std::size_t batch = 4;
  std::size_t const half = fraction_.x.size() / 2, radii = radius_.x.size(), side = roots.size(), width = 2 * radii * batch;
  std::vector<double> first(side * width), second(side * width), exchanged(side * width);  // per root: y' at u > 0, then at u < 0
  RootPairs same{static_cast<int>(side), std::vector<double>(side * side)}, opposite = same;
  for (std::size_t start = 0; start < half; start += batch) {
    std::fill(first.begin(), first.end(), 0.0);
    for (std::size_t a = start; a < std::min(half, start + batch); ++a)
      for (std::size_t i = 0; i < side; ++i) {
        std::size_t const at = i * width + (a - start) * 2 * radii;
        double const weight = opening * fraction_.w[a];
        table_.evaluate(roots[i] * std::sin(opening * fraction_.x[a]), &first[at]);
        table_.evaluate(roots[i] * std::sin(opening * fraction_.x[2 * half - 1 - a]), &second[at]);
        for (std::size_t m = 0; m < radii; ++m) {
          first[at + m] *= weight * radius_.w[m];
          first[at + radii + m] *= weight * radius_.w[m];
          exchanged[at + m] = second[at + radii + m];
          exchanged[at + radii + m] = second[at + m];
        }
      }
    add_product(first, second, same);
    add_product(first, exchanged, opposite);
  }
  return {with_transpose(same), with_transpose(opposite)};
}

RootPairs WedgeQuadrature::slope_dual(double angle, std::vector<double> const& roots) const {
  RootPairs sum = parts(std::numbers::pi - angle, roots).same;
  RootPairs const other = parts(angle, roots).opposite;
  for (std::size_t k = 0; k < sum.values.size(); ++k) sum.values[k] += other.values[k];
  return sum;
}

WedgeQuadrature converged_quadrature(Response const& y, double least, double most) {
  std::vector<double> const roots{least, most};
  auto const samples = [&](WedgeQuadrature const& quadrature) {
    std::vector<double> all;
    for (double const angle : {0.05, 1.0, 2.0, 3.1}) {
      RootPairs const dual = quadrature.slope_dual(angle, roots);
      all.insert(all.end(), dual.values.begin(), dual.values.end());
    }
    return all;
  };
  WedgeQuadrature chosen(y, most, 8);
  std::vector<double> before = samples(chosen);
  for (int const nodes : {10, 12, 14, 18, 24, 32}) {
    WedgeQuadrature finer(y, most, nodes);
    std::vector<double> const now = samples(finer);
    double apart = 0, scale = 0;
    for (std::size_t k = 0; k < now.size(); ++k) {
      apart = std::max(apart, std::abs(now[k] - before[k]));
      scale = std::max(scale, std::abs(now[k]));
    }
    if (apart <= 4e-14 * scale) return chosen;
    chosen = std::move(finer);
    before = now;
  }
  return chosen;
}

RootPairs excess_rate(Response const& y, std::vector<double> const& roots, std::vector<double> const& coordinate,
                      std::vector<double> const& stretch) {
  static Rule const panel = gauss_legendre(16);
  double const most = *std::max_element(roots.begin(), roots.end()), step = std::min(0.5, 0.5 / std::max(1e-3, most * y.steepness));
  Rule rule = composite(graded_edges(-9, 9, 0, step, step), panel);
  std::size_t const side = roots.size(), nodes = rule.x.size();
  // Unit vectors A_i = y(r_i z) √w / R_i, and dA_i/dx.
  std::vector<double> unit(side * nodes), turn(side * nodes);
  for (std::size_t i = 0; i < side; ++i) {
    double square_sum = 0, product_sum = 0;
    for (std::size_t k = 0; k < nodes; ++k) {
      double const z = rule.x[k], root_weight = std::sqrt(rule.w[k] * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi));
      double const value = root_weight * y.value(roots[i] * z), rate = root_weight * z * y.slope(roots[i] * z);
      unit[i * nodes + k] = value;
      turn[i * nodes + k] = rate;
      square_sum += value * value;
      product_sum += value * rate;
    }
    double const back = square_sum > 0 ? 1 / std::sqrt(square_sum) : 0, along = square_sum > 0 ? product_sum / square_sum : 0;
    for (std::size_t k = i * nodes; k < (i + 1) * nodes; ++k) {
      turn[k] = stretch[i] * back * (turn[k] - along * unit[k]);
      unit[k] *= back;
    }
  }
  RootPairs rate{static_cast<int>(side), std::vector<double>(side * side)};
  for (std::size_t i = 0; i < side; ++i)
    for (std::size_t j = 0; j < side; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < nodes; ++k) {
        double const apart = i == j ? turn[i * nodes + k] : unit[i * nodes + k] - unit[j * nodes + k];
        sum += apart * apart;
      }
      double const x = coordinate[i] - coordinate[j];
      rate.values[i * side + j] = sum / 2 / (i == j ? 1 : x * x);
    }
  return rate;
}

}  // namespace infinitile
