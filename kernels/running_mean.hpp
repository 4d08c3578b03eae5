#pragma once

#include <span>

// Means of random numbers and what is known about their error, for many numbers side by side.

namespace infinitile {

/// One step of a running mean: `value` is the count-th number, counted from 1.
/// Formula   mean' = mean + (value − mean) / count, squares' = squares + (value − mean)(value − mean'): squares is the sum of the squared
///           deviations from the mean of all numbers so far.
/// Source    Welford 1962, Technometrics 4, 419. Without the cancellation of Σ x² − n mean²; the error of the mean grows with the root of count.
inline void add_to_mean(double value, double count, double& mean, double& squares) {
  double const before = value - mean;
  mean += before / count;
  squares += before * (value - mean);
}

/// The same for every entry, on the host's threads: each entry is one number's, so bits do not depend on threads.
/// Memory  40 bytes read or written per entry of double, which is the bound: 5 flops.
template <class T>
void add_to_means(std::span<T const> values, int count, std::span<double> means, std::span<double> squares);

/// The standard error of each mean: √(squares / (count (count − 1))), for count > 1.
template <class T>
void standard_errors(std::span<double const> squares, int count, std::span<T> errors);

}  // namespace infinitile
