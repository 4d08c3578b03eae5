#include "kernels/running_mean.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "kernels/linear_algebra.hpp"

namespace infinitile {

template <class T>
void add_to_means(std::span<T const> values, int count, std::span<double> means, std::span<double> squares) {
  INFINITILE_EXPECT(values.size() == means.size() && values.size() == squares.size());
  constexpr long chunk = 4096;
  long const size = std::ssize(values);
  T const* const x = values.data();
  double* const mean = means.data();
  double* const square = squares.data();
  parallel_for_tiles(static_cast<int>((size + chunk - 1) / chunk), [=](int piece) {
    long const last = std::min(size, (piece + 1) * chunk);
#pragma GCC ivdep
    for (long i = piece * chunk; i < last; ++i) add_to_mean(static_cast<double>(x[i]), count, mean[i], square[i]);
  });
}
template void add_to_means(std::span<double const>, int, std::span<double>, std::span<double>);
template void add_to_means(std::span<float const>, int, std::span<double>, std::span<double>);

template <class T>
void standard_errors(std::span<double const> squares, int count, std::span<T> errors) {
  INFINITILE_EXPECT(count > 1 && squares.size() == errors.size());
  double const pairs = static_cast<double>(count) * (count - 1.0);
  std::ranges::transform(squares, errors.begin(), [=](double s) { return static_cast<T>(std::sqrt(s / pairs)); });
}
template void standard_errors(std::span<double const>, int, std::span<double>);
template void standard_errors(std::span<double const>, int, std::span<float>);

}  // namespace infinitile
