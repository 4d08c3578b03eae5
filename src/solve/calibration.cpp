#include "solve/calibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.hpp"

namespace infinitile {

namespace {

constexpr double least_probability = 1e-16;

double normal_density(double x) {
  return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
}

double normal_share_below(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

void normalize(std::vector<double>& p) {
  double const sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value = std::max(value / sum, least_probability);
}

/// Adds the integrand at t, in units of σ, to each class's integral. `offsets` are the means in these units.
void add_point(double t, std::vector<double> const& offsets, double weight, std::vector<double>& p) {
  std::vector<double> below(offsets.size()), before(offsets.size() + 1, 1.0);
  for (std::size_t c = 0; c < offsets.size(); ++c) {
    below[c] = normal_share_below(t - offsets[c]);
    before[c + 1] = before[c] * below[c];
  }
  double after = weight;  // products from both ends, since a share may be 0 and cannot be divided out
  for (std::size_t c = offsets.size(); c-- > 0; after *= below[c]) p[c] += normal_density(t - offsets[c]) * before[c] * after;
}

}  // namespace

std::vector<double> class_probabilities(std::span<double const> means, double variance) {
  INFINITILE_EXPECT(!means.empty());
  double const largest = *std::max_element(means.begin(), means.end());
  std::vector<double> p(means.size(), 0.0);
  double const deviation = std::sqrt(std::max(variance, 0.0));
  if (deviation == 0) {
    std::transform(means.begin(), means.end(), p.begin(), [&](double mean) { return mean == largest ? 1.0 : 0.0; });
  } else {
    std::vector<double> offsets(means.size());
    std::transform(means.begin(), means.end(), offsets.begin(), [&](double mean) { return (mean - largest) / deviation; });
    constexpr int half = 72;
    constexpr double step = 0.125;
    for (int i = -half; i <= half; ++i) add_point(i * step, offsets, step, p);
  }
  normalize(p);
  return p;
}

Calibration calibration(std::span<double const> mean, std::span<double const> variance, double noise, std::span<int const> labels,
                        int classes) {
  std::size_t const rows = labels.size(), width = static_cast<std::size_t>(classes);
  INFINITILE_EXPECT(classes > 0 && mean.size() == rows * width && variance.size() == rows);
  constexpr std::size_t bins = 15;
  struct Bin {
    double right = 0;
    double confidence = 0;
  };
  std::array<Bin, bins> filled{};
  Calibration out;
  for (std::size_t row = 0; row < rows; ++row) {
    INFINITILE_EXPECT(labels[row] >= 0 && labels[row] < classes);
    auto const means = mean.subspan(row * width, width);
    auto const p = class_probabilities(means, variance[row] + noise);
    double const right = std::max_element(means.begin(), means.end()) - means.begin() == labels[row] ? 1 : 0;
    double const confidence = std::min(*std::max_element(p.begin(), p.end()), 1.0);
    Bin& bin = filled[std::min(static_cast<std::size_t>(confidence * bins), bins - 1)];
    bin.right += right;
    bin.confidence += confidence;
    out.accuracy += right;
    out.negative_log_likelihood -= std::log(p[static_cast<std::size_t>(labels[row])]);
  }
  for (Bin const& bin : filled) out.expected_calibration_error += std::abs(bin.right - bin.confidence);
  double const count = std::max(static_cast<double>(rows), 1.0);
  return {out.accuracy / count, out.negative_log_likelihood / count, out.expected_calibration_error / count};
}

double share_of_right(std::span<double const> mean, std::span<int const> labels, int classes) {
  std::size_t const rows = labels.size(), width = static_cast<std::size_t>(classes);
  INFINITILE_EXPECT(classes > 0 && mean.size() == rows * width);
  long right = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    auto const means = mean.subspan(row * width, width);
    right += std::max_element(means.begin(), means.end()) - means.begin() == labels[row];
  }
  return static_cast<double>(right) / std::max(static_cast<double>(rows), 1.0);
}

Accuracy accuracy_of(std::span<double const> mean, std::span<double const> variance, double noise, std::span<double const> y) {
  INFINITILE_EXPECT(!variance.empty() && mean.size() == y.size() && y.size() % variance.size() == 0);
  std::size_t const outputs = y.size() / variance.size();
  double squares = 0, logs = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    double const error = y[i] - mean[i], spread = std::max(variance[i / outputs] + noise, 1e-300);
    squares += error * error;
    logs += (error * error / spread + std::log(2 * std::numbers::pi * spread)) / 2;
  }
  auto const count = static_cast<double>(y.size());
  return {std::sqrt(squares / count), logs / count};
}

}  // namespace infinitile
