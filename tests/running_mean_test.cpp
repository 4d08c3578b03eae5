#include "kernels/running_mean.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// Means and squares after the numbers offset + 1, ..., offset + count, in all of 10,000 entries: more than one thread's piece.
template <class T>
std::pair<std::vector<double>, std::vector<double>> after(int count, double offset) {
  std::vector<double> means(10000, 0), squares = means;
  for (int i = 1; i <= count; ++i) add_to_means<T>(std::vector<T>(means.size(), static_cast<T>(offset + i)), i, means, squares);
  return {means, squares};
}

}  // namespace

/// Of 1, ..., n the mean is (n + 1) / 2 and the sum of squared deviations (n³ − n) / 12.
TEMPLATE_TEST_CASE("means and errors of counted numbers", "[running_mean]", double, float) {
  double const n = 100, exact = (n * n * n - n) / 12;
  for (double const offset : {0.0, 8e6}) {  // squares of the latter have no digits left for deviations in float, and few in double
    auto const [means, squares] = after<TestType>(100, offset);
    for (std::size_t const i : {0, 4095, 4096, 9999}) {
      CHECK(means[i] == Approx(offset + (n + 1) / 2).epsilon(1e-14));
      CHECK(squares[i] == Approx(exact).epsilon(1e-9));
    }
    std::vector<TestType> errors(squares.size());
    standard_errors<TestType>(squares, 100, errors);
    CHECK(errors[9999] == Approx(std::sqrt(exact / (n * (n - 1)))).epsilon(1e-7));
  }
}

TEST_CASE("the same numbers have no error", "[running_mean]") {
  std::vector<double> means(3, 0), squares(3, 0);
  for (int i = 1; i <= 50; ++i) add_to_means<double>(std::vector<double>{0.1, -1e300, 0}, i, means, squares);
  CHECK(means == std::vector<double>{0.1, -1e300, 0});
  CHECK(squares == std::vector<double>{0, 0, 0});
}
