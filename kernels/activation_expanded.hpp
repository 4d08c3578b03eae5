#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "kernels/activation_base.hpp"
#include "kernels/expansion.hpp"
#include "kernels/quadrature.hpp"

// Layers without a closed form, on the host.

namespace infinitile {

/// phi inside its scaling as one function of x.
template <class A>
Response response_of(A const& phi, Scaling const& s) {
  double own = 1;
  if constexpr (requires { phi.steepness(); }) own = phi.steepness();
  return {[phi, s](double x) { return scaled_value(phi, s, x); }, [phi, s](double x) { return scaled_slope(phi, s, x); },
          s.input_scale == 0 ? 0 : -s.input_shift / s.input_scale, std::abs(s.input_scale) * own};
}

/// What a layer knows of one row by quadrature.
struct RowsByQuadrature {
  Response y;
  double mean(double q) const { return gaussian_moments(y, q).mean; }
  double variance(double q) const { return gaussian_moments(y, q).variance; }
  double slope_variance(double q) const { return gaussian_moments(y, q).slope_variance; }
};

/// A layer expanded in the angle: smooth activations, and those with a kink at 0.
class TableLayer : public RowsByQuadrature {
public:
  TableLayer(Response response, double least_root, double most_root)
      : RowsByQuadrature{std::move(response)}, table_(std::make_shared<AngleTable const>(y, least_root, most_root)) {}
  AngleView table() const { return table_->view(); }
  int features() const { return table().features(); }
  void fill(double q, double* out, long stride) const { table_->features(std::sqrt(q), out, stride); }
  void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
    table_->carry(row, col, count, gap, slope);
  }

private:
  std::shared_ptr<AngleTable const> table_;
};

/// A layer whose kink is not at 0. With unequal variances its dual has a feature as narrow as the angle, near angle 0, that no global
/// expansion resolves; so each pair is integrated by itself, u = r1 z outside and v = r2 (ρ z + √(1 − ρ²) w) inside, panels split where u
/// or v passes the kink.
///
/// Cost      about 250 evaluations of the inner integral per pair, 10 to 25 µs where `phi.smoothed` gives it in closed form, and half a
///           millisecond for softsign, where it is a quadrature too. Unshifted activations never come here.
/// Accuracy  1e-12 of R1 R2.
template <class A>
class KinkLayer : public RowsByQuadrature {
public:
  KinkLayer(A const& phi, Scaling const& scale)
      : RowsByQuadrature{response_of(phi, scale)}, phi_(phi), scale_(scale), panel_(gauss_legendre(12)) {}
  int features() const { return 0; }
  void fill(double, double*, long) const {}
  void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
    for (int j = 0; j < count; ++j) {
      Dual const d = dual(row.root, col.root[j], gap[j]);
      double const next1 = row.next_root, next2 = col.next_root[j];
      gap[j] = dual_math::gap_of(next1 * next2 - d.value, next1, next2);
      slope[j] = d.slope;
    }
  }

private:
  /// E[y(m + τ w)] and E[y'(m + τ w)], w standard Gaussian.
  Dual smoothed(double m, double tau) const {
    if (tau < 1e-14 * (1 + std::abs(m))) return {y.value(m), y.slope(m)};
    double const in = scale_.input_scale, out = scale_.output_scale;
    if constexpr (requires { phi_.smoothed(m, tau); }) {
      Dual const inner = phi_.smoothed(in * m + scale_.input_shift, std::abs(in) * tau);
      return {out * (inner.value + scale_.output_shift), out * in * inner.slope};
    } else {
      return integral((y.centre - m) / tau, 0.25 / (y.steepness * tau), {}, [&](double w) {
        return Dual{y.value(m + tau * w), y.slope(m + tau * w)};
      });
    }
  }

  Dual dual(double r1, double r2, double gap) const {
    double const rho = 1 - gap, tau = r2 * std::sqrt(dual_math::positive(gap * (2 - gap))), along = r2 * rho;
    std::vector<double> more;  // where v passes its kink, over a width of τ
    if (double const turn = y.centre / along; std::abs(turn) < reach)
      more = graded_edges(-reach, reach, turn, std::clamp(0.5 * tau / std::abs(along), 1e-9, 0.5), 1.5);
    return integral(y.centre / r1, 0.25 / (y.steepness * r1), more, [&](double z) {
      Dual const inner = smoothed(along * z, tau);
      return Dual{y.value(r1 * z) * inner.value, y.slope(r1 * z) * inner.slope};
    });
  }

  /// E[g(z)], panels graded towards `centre` and split at `more`.
  template <class G>
  Dual integral(double centre, double scale, std::vector<double> const& more, G&& g) const {
    bool const inside = std::abs(centre) < reach;
    std::vector<double> edges = graded_edges(-reach, reach, inside ? centre : 0, std::clamp(scale, 1e-3, 0.5), 1.5);
    edges.insert(edges.end(), more.begin(), more.end());
    std::sort(edges.begin(), edges.end());
    Dual sum;
    for (std::size_t e = 0; e + 1 < edges.size(); ++e) {
      double const half = (edges[e + 1] - edges[e]) / 2, middle = (edges[e + 1] + edges[e]) / 2;
      if (half < 1e-15) continue;
      for (std::size_t k = 0; k < panel_.x.size(); ++k) {
        double const z = middle + half * panel_.x[k], weight = half * panel_.w[k] * std::exp(-z * z / 2) / std::sqrt(2 * dual_math::pi);
        Dual const d = g(z);
        sum.value += weight * d.value;
        sum.slope += weight * d.slope;
      }
    }
    return sum;
  }

  static constexpr double reach = 13;  ///< rectified monomials of high degree need it
  A phi_;
  Scaling scale_;
  Rule panel_;
};

}  // namespace infinitile
