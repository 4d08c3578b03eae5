#include "kernels/arc_cosine.hpp"

#include "kernels/activation.hpp"
#include "support/catch.hpp"
#include "support/gaussian_quadrature.hpp"

using namespace infinitile;

namespace {

constexpr long double pi = 3.14159265358979323846264338327950288L;

/// With gap = 1 − cos(angle): angle = 2 asin(√(gap/2)).
long double angle_of(long double gap) {
  return gap > 1 ? pi - 2 * std::asin(std::sqrt((2 - gap) / 2)) : 2 * std::asin(std::sqrt(gap / 2));
}

/// sin x − x cos x, by its series where the difference would cancel.
long double bow_of(long double x) {
  if (x > 0.5L) return std::sin(x) - x * std::cos(x);
  long double sum = 0, term = x * x * x / 6;  // x^(2k+1) / (2k + 1)!
  for (int k = 1; k < 20; ++k) {
    sum += (k % 2 == 1 ? 1 : -1) * term * 2 * k;
    term *= x * x / ((2 * k + 2) * (2 * k + 3));
  }
  return sum;
}

double relative(double found, long double expected) {
  return static_cast<double>(std::abs(found / expected - 1));
}

}  // namespace

TEST_CASE("arc and bow are exact to the last bits", "[arc_cosine]") {
  double worst = 0;
  for (int i = 1; i <= 20000; ++i) {
    double const t = i / 20000.0;
    long double const x = angle_of(t), s = std::sqrt(static_cast<long double>(t));
    worst = std::max({worst, relative(dual_math::arc(t), x / s), relative(dual_math::bow(t), bow_of(x) / (s * t))});
  }
  CHECK(worst < 3.4e-16);
  CHECK(relative(dual_math::arc(0.0), std::sqrt(2.0L)) < 1.2e-16);
  CHECK(relative(dual_math::bow(0.0), 2 * std::sqrt(2.0L) / 3) < 1.2e-16);
}

TEST_CASE("arc and bow in float are good to a rounding or two of float", "[arc_cosine]") {
  double worst = 0;
  for (int i = 1; i <= 20000; ++i) {
    float const t = static_cast<float>(i) / 20000;
    long double const x = angle_of(t), s = std::sqrt(static_cast<long double>(t));
    worst = std::max({worst, relative(dual_math::arc(t), x / s), relative(dual_math::bow(t), bow_of(x) / (s * t))});
  }
  CHECK(worst < 1.2e-7);
}

TEST_CASE("angles have all their digits at both ends", "[arc_cosine]") {
  for (double const gap : {1e-300, 1e-20, 1e-12, 1e-5, 0.3, 1.0, 1.2, 2 - 1e-9})
    CHECK(relative(dual_math::angle_of_gap(gap), angle_of(gap)) < 5e-16);
  CHECK(dual_math::angle_of_gap(0) == 0);
  CHECK(dual_math::angle_of_gap(2) == Approx(static_cast<double>(pi)).epsilon(1e-16));
}

TEST_CASE("one ReLU layer keeps 14 digits for near duplicates", "[arc_cosine]") {
  PreparedActivation const layer = prepare(make_activation("relu", {}), 1, 1);
  for (double const angle : {3.1, 2.0, 1.57, 1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8}) {
    double const half = std::sin(angle / 2), gap = 2 * half * half;
    long double const x = angle_of(gap);
    long double const gap_after = gap > 1 ? 1 - (std::sin(x) + (pi - x) * (1 - static_cast<long double>(gap))) / pi
                                          : (pi * static_cast<long double>(gap) - bow_of(x)) / pi;
    Carried const found = through(layer, 1, 1, gap);
    INFO("angle " << angle);
    CHECK(relative(found.gap, gap_after) < 1e-15);
    CHECK(relative(found.slope, (pi - x) / (2 * pi)) < 2e-15);
  }
}

TEST_CASE("rectified monomials keep their digits at both ends", "[arc_cosine]") {
  // J_2 = (π − x)(1 + 2 cos²x) + 3 sin x cos x: near 0, gap' = (4/3) gap (1 + O(gap)); near π, J_2 = (4/15) (π − x)^5 (1 + O((π − x)²)).
  ArcCosine const two(2);
  for (double const gap : {1e-14, 1e-10}) CHECK(two.gap_after(gap) == Approx(4.0 / 3 * gap).epsilon(1e-9));
  for (double const rest : {1e-12, 1e-8}) {
    double const left = 2 - (2 - rest);  // what is left of `rest` next to 2
    long double const x = 2 * std::asin(std::sqrt(static_cast<long double>(left) / 2));
    CHECK(two.value(2 - rest) == Approx(static_cast<double>(4.0L / 15 * x * x * x * x * x)).epsilon(1e-7));
  }
  for (int const n : {0, 1, 2, 3, 6, 8, 12}) {
    ArcCosine const j(n);
    CHECK(j.value(0) == Approx(dual_math::pi * j.start).epsilon(1e-15));
    CHECK(j.gap_after(0) == 0);
    CHECK(j.gap_after(2) == 1);
    CHECK(j.gap_after(0.25) == Approx(j.gap_after(std::nextafter(0.25, 1))).epsilon(1e-13));  // where one form takes over from the other
    CHECK(j.value(1) == Approx(j.value(std::nextafter(1.0, 2.0))).epsilon(1e-12));
  }
}
