#pragma once

#include <functional>
#include <vector>

// One-dimensional quadrature on the host, for tables and for quantities of single rows.

namespace infinitile {

/// Σ w f(x) approximates an integral of f.
struct Rule {
  std::vector<double> x;
  std::vector<double> w;
};

/// n nodes on [−1, 1], exact for polynomials of degree 2n − 1. Newton's method on the Legendre polynomial.
Rule gauss_legendre(int n);

/// The rule `panel`, made for [−1, 1], on each panel between two neighbouring edges.
Rule composite(std::vector<double> const& edges, Rule const& panel);

/// Edges of panels on [from, to]: their length doubles with the distance from `centre`, beginning with `shortest` and up to `longest`.
/// The centre is an edge if it is inside, so that a kink there does no harm.
std::vector<double> graded_edges(double from, double to, double centre, double shortest, double longest);

/// What one layer does to a number, scaling included: y(x) and y'(x).
struct Response {
  std::function<double(double)> value;
  std::function<double(double)> slope;
  double centre = 0;     ///< where a kink is, or where y bends most
  double steepness = 1;  ///< y changes over distances of 1 / steepness
};

/// Of y(u) and y'(u), u Gaussian.
struct Moments {
  double mean = 0;
  double variance = 0;  ///< E[y²]
  double slope_variance = 0;
};

/// For u of variance q. Relative accuracy 1e-14, a few hundred evaluations.
Moments gaussian_moments(Response const& y, double q);

/// Nodes z and weights of E[g(z)], z standard Gaussian, for g(z) = y(r z) and its products.
Rule gaussian_rule(Response const& y, double r);

}  // namespace infinitile
