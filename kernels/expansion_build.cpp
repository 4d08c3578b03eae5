#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/expansion.hpp"
#include "kernels/expansion_samples.hpp"

namespace infinitile {

namespace {

constexpr double pi = std::numbers::pi;
constexpr double tolerance = 2e-14;    // of the largest: what a coefficient may have and still be left out
constexpr double largest_reach = 1e3;  // of inputs over the length on which y bends: beyond, tables would only grow until they are refused
constexpr double refused = 1e-10;      // a table with a tail above this is not good enough to be used

/// matrix [n, n] times values [n, width].
std::vector<double> times(std::vector<double> const& matrix, std::vector<double> const& values) {
  auto const n = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(matrix.size()))));
  std::size_t const width = values.size() / n;
  std::vector<double> result(values.size(), 0.0);
  for (std::size_t m = 0; m < n; ++m)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t l = 0; l < width; ++l) result[m * width + l] += matrix[m * n + k] * values[k * width + l];
  return result;
}

/// Chebyshev nodes on [−1, 1] and the matrix [n][node] that turns values there into coefficients.
struct Chebyshev {
  std::vector<double> nodes;
  std::vector<double> analysis;

  explicit Chebyshev(int count) : nodes(static_cast<std::size_t>(count)), analysis(static_cast<std::size_t>(count * count)) {
    for (int m = 0; m < count; ++m) {
      nodes[static_cast<std::size_t>(m)] = count > 1 ? std::cos(pi * (m + 0.5) / count) : 0;
      for (int n = 0; n < count; ++n)
        analysis[static_cast<std::size_t>(n * count + m)] = (n > 0 ? 2.0 : 1.0) / count * std::cos(pi * n * (m + 0.5) / count);
    }
  }
  int count() const { return static_cast<int>(nodes.size()); }

  /// Coefficients along the first axis of values [count, width].
  std::vector<double> coefficients(std::vector<double> const& values) const { return times(analysis, values); }

  /// Coefficients along both axes.
  std::vector<double> coefficients(RootPairs const& pairs) const {
    return transposed(coefficients(transposed(coefficients(pairs.values))));
  }

private:
  std::vector<double> transposed(std::vector<double> const& square) const {
    std::size_t const n = nodes.size();
    std::vector<double> result(square.size());
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) result[j * n + i] = square[i * n + j];
    return result;
  }
};

double largest(std::vector<double> const& values) {
  double most = 0;
  for (double const v : values) most = std::max(most, std::abs(v));
  return most;
}

/// Of coefficients [count, width]: the largest among the last eighth (two at least) of the first axis.
double tail(std::vector<double> const& coefficients, int count) {
  std::size_t const width = coefficients.size() / static_cast<std::size_t>(count), last = static_cast<std::size_t>(std::max(2, count / 8));
  return largest({coefficients.end() - static_cast<std::ptrdiff_t>(std::min(coefficients.size(), last * width)), coefficients.end()});
}

[[noreturn]] void refuse(std::string const& how) {
  throw Error(text("an activation without closed form cannot be expanded ", how,
                   ": its input is too large for it to be smooth. Scale the data or the weights down."));
}

/// Tries the counts in turn until `tail_of` is small enough; throws Error when it never is.
template <class TailOf>
int smallest_count(std::initializer_list<int> counts, char const* what, TailOf&& tail_of) {
  double left = 1;
  for (int const count : counts) {
    left = tail_of(count);
    if (left <= tolerance) return count;
  }
  if (left > refused) refuse(text("in ", what, " to better than ", left));
  return *(counts.end() - 1);
}

/// The matrix [node][n] that gives P(θ_node) for D = T_n(2θ/π − 1): gap P = ∫ D sin over [0, θ].
std::vector<double> integration(Chebyshev const& angles) {
  int const count = angles.count();
  Rule const rule = gauss_legendre(count / 2 + 20);
  std::vector<double> matrix(static_cast<std::size_t>(count * count), 0.0);
  for (int m = 0; m < count; ++m) {
    double const angle = pi / 2 * (1 + angles.nodes[static_cast<std::size_t>(m)]), gap = 2 * dual_math::square(std::sin(angle / 2));
    for (std::size_t g = 0; g < rule.x.size(); ++g) {
      double const at = angle * (1 + rule.x[g]) / 2, y = 2 * at / pi - 1;
      double const weight = rule.w[g] * angle / 2 * std::sin(at) / gap;
      double before = y, now = 1;  // T_{−1} = T_1
      for (int n = 0; n < count; ++n) {
        matrix[static_cast<std::size_t>(m * count + n)] += weight * now;
        double const next = (2 * y * now) - before;
        before = now;
        now = next;
      }
    }
  }
  return matrix;
}

/// Values [angle][pair of roots] of D at the nodes.
std::vector<double> slope_duals(WedgeQuadrature const& quadrature, Chebyshev const& angles, std::vector<double> const& roots) {
  int const count = angles.count();
  std::vector<WedgeQuadrature::Parts> parts;  // by opening; that of the other sign is the node mirrored
  for (double const node : angles.nodes) parts.push_back(quadrature.parts(pi / 2 * (1 + node), roots));
  std::vector<double> values;
  for (int m = 0; m < count; ++m) {
    std::vector<double> const &same = parts[static_cast<std::size_t>(count - 1 - m)].same.values,
                              &opposite = parts[static_cast<std::size_t>(m)].opposite.values;
    std::transform(same.begin(), same.end(), opposite.begin(), std::back_inserter(values), std::plus<>());
  }
  return values;
}

/// Values [angle][pair of roots] as coefficients in both roots.
std::vector<double> in_both_roots(Chebyshev const& sides, std::vector<double> const& values) {
  std::size_t const square = sides.nodes.size() * sides.nodes.size();
  std::vector<double> result;
  for (auto from = values.begin(); from != values.end(); from += static_cast<std::ptrdiff_t>(square)) {
    std::vector<double> const one = sides.coefficients(RootPairs{sides.count(), {from, from + static_cast<std::ptrdiff_t>(square)}});
    result.insert(result.end(), one.begin(), one.end());
  }
  return result;
}

}  // namespace

AngleTable::AngleTable(Response const& y, double least, double most) : offset_(0.5 / std::max(1e-3, y.steepness)) {
  if (most * y.steepness > largest_reach) refuse(text("at a variance of ", most * most));
  double const low = std::log(offset_ + least), high = std::log(offset_ + most);
  bool const all_equal = high - low < 1e-9;
  middle_ = (low + high) / 2;
  half_width_ = all_equal ? 1 : (high - low) / 2;
  auto const roots_at = [&](Chebyshev const& sides) {
    std::vector<double> roots;
    for (double const x : sides.nodes) roots.push_back(std::exp(middle_ + half_width_ * x) - offset_);
    return roots;
  };

  WedgeQuadrature const quadrature = converged_quadrature(y, least, most);
  double const scale =
      std::max({gaussian_moments(y, least * least).slope_variance, gaussian_moments(y, most * most).slope_variance, 1e-300});
  std::vector<double> const few = all_equal ? std::vector<double>{most} : std::vector<double>{least, most};
  Chebyshev const angles(smallest_count({16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384}, "the angle", [&](int count) {
    Chebyshev const trial(count);
    return tail(trial.coefficients(slope_duals(quadrature, trial, few)), count) / scale;
  }));
  auto const excess_of = [&](Chebyshev const& sides) {
    std::vector<double> const roots = roots_at(sides);
    std::vector<double> stretch;
    for (double const r : roots) stretch.push_back(half_width_ * (offset_ + r));
    return sides.coefficients(excess_rate(y, roots, sides.nodes, stretch));
  };
  Chebyshev const sides(
      all_equal ? 1 : smallest_count({4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128}, "the variances", [&](int count) {
        Chebyshev const trial(count);
        double left = tail(excess_of(trial), count);
        for (double const angle : {0.02, 1.5, 3.12})
          left = std::max(left, tail(trial.coefficients(quadrature.slope_dual(angle, roots_at(trial))), count) / scale);
        return left;
      }));
  sides_ = sides.count();
  degrees_ = angles.count();
  slope_ = angles.coefficients(in_both_roots(sides, slope_duals(quadrature, angles, roots_at(sides))));
  value_ = angles.coefficients(times(integration(angles), slope_));
  excess_ = excess_of(sides);
  trim(1e-15 * scale);
}

/// Drops what changes no pair: high degrees of the angle, and for each degree the columns beyond the last that matters.
void AngleTable::trim(double negligible) {
  auto const square = static_cast<std::size_t>(sides_ * sides_);
  for (int n = 0; n < degrees_; ++n) {
    int kept = 0;
    for (std::size_t k = 0; k < square; ++k) {
      std::size_t const at = static_cast<std::size_t>(n) * square + k;
      if (std::max(std::abs(slope_[at]), std::abs(value_[at])) > negligible) kept = std::max(kept, static_cast<int>(k) % sides_ + 1);
    }
    kept_.push_back(kept);
  }
  while (degrees_ > 1 && kept_.back() == 0) {
    kept_.pop_back();
    --degrees_;
  }
  slope_.resize(static_cast<std::size_t>(degrees_) * square);
  value_.resize(static_cast<std::size_t>(degrees_) * square);
}

}  // namespace infinitile
