#include "solve/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("of two classes, the probability is that of a Gaussian difference", "[calibration]") {
  auto const gap = GENERATE(0.0, 1e-9, 0.1, 1.0, 3.0);
  auto const variance = GENERATE(1e-6, 0.3, 1.0, 40.0);
  double const expected = 0.5 * std::erfc(gap / std::sqrt(2 * variance) / std::sqrt(2.0));  // of the lower one
  auto const p = class_probabilities(std::vector{0.2 + gap, 0.2}, variance);
  CHECK(p[1] == Approx(std::max(expected, 1e-16)).epsilon(1e-10).margin(1e-16));
  CHECK(p[0] == Approx(1 - expected).epsilon(1e-14));
}

TEST_CASE("equal means share the probability, with and without variance", "[calibration]") {
  auto const variance = GENERATE(0.0, 0.5);
  for (double const p : class_probabilities(std::vector(10, 0.3), variance)) CHECK(p == Approx(0.1).epsilon(1e-14));
}

TEST_CASE("class probabilities sum to one, and agree with counting samples", "[calibration]") {
  std::vector const means = {0.5, 0.3, -0.1, 0.45};
  double const variance = 0.04;
  auto const p = class_probabilities(means, variance);
  CHECK(std::accumulate(p.begin(), p.end(), 0.0) == Approx(1).epsilon(1e-14));
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(0, std::sqrt(variance));
  std::vector<double> counts(means.size());
  constexpr int samples = 200000;
  for (int s = 0; s < samples; ++s) {
    std::vector<double> drawn(means);
    for (double& value : drawn) value += normal(random);
    counts[static_cast<std::size_t>(std::max_element(drawn.begin(), drawn.end()) - drawn.begin())] += 1.0 / samples;
  }
  for (std::size_t c = 0; c < p.size(); ++c) CHECK(std::abs(p[c] - counts[c]) < 5 * std::sqrt(p[c] / samples));  // five error bars
}

TEST_CASE("far off means and no variance give certain, finite answers", "[calibration]") {
  CHECK(class_probabilities(std::vector{1.0, -1e6}, 1e-12) == std::vector{1.0, 1e-16});
  CHECK(class_probabilities(std::vector{-1.0, 2.0, 0.0}, 0) == std::vector{1e-16, 1.0, 1e-16});
  CHECK(class_probabilities(std::vector{0.7}, 1) == std::vector{1.0});
}

TEST_CASE("accuracy, likelihood and calibration of four rows counted by hand", "[calibration]") {
  // Two classes, difference of means d, total variance 0.5 (of it 0.1 noise): p = Phi(d). Rows 0 to 2 share d, so also a bin; row 2 is
  // wrong; row 3 is a tie.
  std::vector const mean = {0.6, -0.4, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0};
  std::vector const variance(4, 0.4);
  std::vector const labels = {0, 0, 0, 0};
  double const sure = 0.5 * std::erfc(-1 / std::sqrt(2.0));  // 0.841
  Calibration const found = calibration(mean, variance, 0.1, labels, 2);
  CHECK(found.accuracy == 0.75);  // a tie counts for the first
  CHECK(found.negative_log_likelihood == Approx((-2 * std::log(sure) - std::log(1 - sure) + std::log(2)) / 4).epsilon(1e-12));
  CHECK(found.expected_calibration_error == Approx((std::abs(2 - 3 * sure) + 0.5) / 4).epsilon(1e-12));
}

TEST_CASE("bins keep errors of different confidence apart", "[calibration]") {
  // One sure and right, one sure and wrong would cancel in one bin with confidence 1/2; here both are at confidence 1: |1 - 2| / 2.
  CHECK(calibration(std::vector{1.0, 0.0, 1.0, 0.0}, std::vector{0.0, 0.0}, 0, std::vector{0, 1}, 2).expected_calibration_error
        == Approx(0.5));
  CHECK(calibration(std::vector{1.0, 0.0}, std::vector{0.0}, 0, std::vector{0}, 2).expected_calibration_error == Approx(0).margin(1e-15));
  CHECK(calibration({}, {}, 0, {}, 2).accuracy == 0);
}

TEST_CASE("scores of numbers are those of normal densities", "[calibration]") {
  // Two rows, two outputs; errors 1, −2, 0, 3 with spreads 4, 4, 1, 1: rmse √(14/4); −log N by hand.
  std::vector<double> const mean{0, 1, 2, 3}, y{1, -1, 2, 6}, variance{3.5, 0.5};
  Accuracy const scores = accuracy_of(mean, variance, 0.5, y);
  CHECK(scores.root_mean_square_error == Approx(std::sqrt(3.5)));
  double const half_log_two_pi = 0.91893853320467274178;
  CHECK(scores.negative_log_likelihood == Approx(half_log_two_pi + (1.0 / 8 + 4.0 / 8 + 0 + 9.0 / 2 + 2 * std::log(2.0)) / 4));
}
