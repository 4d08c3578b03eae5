#pragma once

#include <span>
#include <vector>

namespace infinitile {

/// How good predictions of classes are, and how much they can be trusted.
struct Calibration {
  double accuracy = 0;                 ///< share of rows whose largest mean is at the label (the first of equals)
  double negative_log_likelihood = 0;  ///< mean over rows of -log p(label), nats
  /// Mean over rows of |accuracy - confidence| of the row's bin: 15 equal bins of confidence = largest p.
  double expected_calibration_error = 0;
};

/// The probability of each class: that its output is the largest, the outputs being independent Gaussians of these means and one common
/// variance, as the posterior for one-hot targets says: p_c = ∫ N(t; mean_c, variance) Π_{j≠c} Φ((t − mean_j) / σ) dt. Two classes:
/// Φ((mean_0 − mean_1) / (σ √2)). By the trapezoidal rule, which converges exponentially here: 145 points over 9 σ on both sides of the
/// largest mean, 145 x classes error functions. Without variance the largest mean has probability 1 (equals share it). No probability is
/// below 1e-16, what a sum to 1 can resolve.
std::vector<double> class_probabilities(std::span<double const> means, double variance);

/// `mean` row-major (m, classes) for centred one-hot targets, `variance` (m) of the function, `noise` the ridge, which the targets have
/// besides; labels in 0 ... classes - 1. A pure function.
Calibration calibration(std::span<double const> mean, std::span<double const> variance, double noise, std::span<int const> labels,
                        int classes);

/// Its accuracy alone, for outputs whose variances are not one.
double share_of_right(std::span<double const> mean, std::span<int const> labels, int classes);

/// How good predictions of numbers are.
struct Accuracy {
  double root_mean_square_error = 0;   ///< over all rows and outputs
  double negative_log_likelihood = 0;  ///< mean over rows and outputs of -log N(y; mean, variance + noise), nats
};

/// `mean` and `y` row-major (m, outputs), `variance` (m) or (m, outputs) of the function, `noise` the ridge, which the targets have besides. A target that
/// has no variance, of function or noise, counts as if it had 1e-300.
Accuracy accuracy_of(std::span<double const> mean, std::span<double const> variance, double noise, std::span<double const> y);

}  // namespace infinitile
