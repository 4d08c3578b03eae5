#pragma once

#include <vector>

#include "kernels/quadrature.hpp"

// The quadrature behind kernels/expansion.hpp: E[y'(u) y'(v)] for all pairs of some roots at one angle.

namespace infinitile {

/// A square matrix of numbers, one row and one column per root.
struct RootPairs {
  int side = 0;
  std::vector<double> values;
  double operator()(int i, int j) const { return values[static_cast<std::size_t>(i * side + j)]; }
};

/// y'(s ρ_k), then y'(−s ρ_k), for all ρ_k of a rule at once, as functions of s on [0, end]: polynomials of degree 11 on cells. As accurate
/// as y' itself, and several times faster: no calls, no gathered loads.
class RadialTable {
public:
  RadialTable(Response const& y, std::vector<double> const& radii, double end);

  void evaluate(double s, double* out) const;

private:
  static constexpr int terms = 12;
  static std::vector<double> interpolation();

  std::size_t width_;          ///< of what evaluate writes
  std::vector<double> edges_;  ///< of the cells
  std::vector<double> c_;      ///< [cell][power of the position in the cell, from −1 to 1][width_]
};

/// The plane of two correlated Gaussians in polar coordinates. Where the signs of u and v are given, it is a wedge: u = r1 ρ sin φ, v = r2
/// ρ sin(Θ − φ), φ in (0, Θ), with Θ = π − θ for equal signs and Θ = θ for opposite ones. Nodes are symmetric in φ, so that y' is evaluated
/// once per root and node, and all pairs of roots are one matrix product.
class WedgeQuadrature {
public:
  /// For roots up to `most`.
  WedgeQuadrature(Response const& y, double most, int nodes_per_panel);

  struct Parts {
    RootPairs same;      ///< u and v of one sign, with the opening π − θ
    RootPairs opposite;  ///< u and v of opposite signs, with the opening θ
  };
  Parts parts(double opening, std::vector<double> const& roots) const;

  /// E[y'(u) y'(v)] at angle θ.
  RootPairs slope_dual(double angle, std::vector<double> const& roots) const;

private:
  Rule radius_;    ///< weights include ρ exp(−ρ²/2) / 2π
  Rule fraction_;  ///< φ/Θ; node k and node −1 − k mirror each other
  RadialTable table_;
};

/// The one with the fewest nodes that has converged, for roots in [least, most].
WedgeQuadrature converged_quadrature(Response const& y, double least, double most);

/// What two roots leave at angle 0: (1 − E[y(r1 z) y(r2 z)] / (R1 R2)) / (x1 − x2)², and its limit where they are equal. `coordinate` are
/// the x of the roots, `stretch` is dr/dx there.
RootPairs excess_rate(Response const& y, std::vector<double> const& roots, std::vector<double> const& coordinate,
                      std::vector<double> const& stretch);

}  // namespace infinitile
