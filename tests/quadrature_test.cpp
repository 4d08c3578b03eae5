#include "kernels/quadrature.hpp"

#include <cmath>

#include "kernels/activation.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("Gauss-Legendre integrates polynomials up to degree 2n - 1 exactly", "[quadrature]") {
  for (int const n : {1, 2, 5, 16, 64, 201}) {
    Rule const rule = gauss_legendre(n);
    for (int const degree : {0, 1, 2 * n - 2, 2 * n - 1}) {
      double sum = 0;
      for (std::size_t k = 0; k < rule.x.size(); ++k) sum += rule.w[k] * std::pow(rule.x[k], degree);
      CHECK(sum == Approx(degree % 2 == 0 ? 2.0 / (degree + 1) : 0).epsilon(1e-13).margin(1e-15));
    }
    CHECK(std::is_sorted(rule.x.begin(), rule.x.end()));
  }
}

TEST_CASE("graded panels cover the interval once and keep the centre as an edge", "[quadrature]") {
  for (double const centre : {-20.0, -3.0, 0.0, 0.7, 5.0}) {
    std::vector<double> const edges = graded_edges(-9, 9, centre, 1e-3, 1.5);
    CHECK(edges.front() == -9);
    CHECK(edges.back() == 9);
    CHECK(std::is_sorted(edges.begin(), edges.end()));
    if (std::abs(centre) < 9) CHECK(std::find(edges.begin(), edges.end(), centre) != edges.end());
    for (std::size_t e = 0; e + 1 < edges.size(); ++e) CHECK(edges[e + 1] - edges[e] <= 1.5 * (1 + 1e-12));
  }
}

TEST_CASE("moments of a kinked function agree with their closed forms", "[quadrature]") {
  // y = max(x − h, 0) has E[y] = r φ(h/r) − h Φ(−h/r), E[y'²] = Φ(−h/r), E[y²] = (r² + h²) Φ(−h/r) − h r φ(h/r).
  for (double const h : {-2.0, 0.0, 0.3, 4.0})
    for (double const q : {1e-6, 0.3, 1.0, 25.0}) {
      Response const y{[h](double x) { return x > h ? x - h : 0; }, [h](double x) { return x > h ? 1.0 : 0.0; }, h, 1};
      double const r = std::sqrt(q), above = dual_math::normal_below(-h / r), density = dual_math::normal_density(h / r);
      Moments const found = gaussian_moments(y, q);
      INFO("h " << h << " q " << q);
      CHECK(found.mean == Approx(r * density - h * above).epsilon(1e-11).margin(1e-18));
      CHECK(found.slope_variance == Approx(above).epsilon(1e-12).margin(1e-18));
      CHECK(found.variance == Approx((q + h * h) * above - h * r * density).epsilon(1e-9).margin(1e-18));
    }
}

TEST_CASE("moments at variance zero are the function at zero", "[quadrature]") {
  Response const y{[](double x) { return std::cos(x) + 1; }, [](double x) { return 3 - x; }, 0.5, 2};
  Moments const found = gaussian_moments(y, 0);
  CHECK(found.mean == Approx(2).epsilon(1e-14));
  CHECK(found.variance == Approx(4).epsilon(1e-14));
  CHECK(found.slope_variance == Approx(9).epsilon(1e-14));
}
