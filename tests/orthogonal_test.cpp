#include "kernels/orthogonal.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "kernels/philox.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

std::vector<double> normals(int count, std::uint64_t stream) {
  std::vector<double> out;
  for (int i = 0; i < count; ++i) {
    auto const [first, second] = RandomStream{5, stream}.normals(static_cast<std::uint64_t>(i / 2));
    out.push_back(i % 2 == 0 ? first : second);
  }
  return out;
}

double row_product(std::vector<double> const& a, int i, std::vector<double> const& b, int j, int m) {
  double sum = 0;
  for (int k = 0; k < m; ++k) sum += a[static_cast<std::size_t>(i * m + k)] * b[static_cast<std::size_t>(j * m + k)];
  return sum;
}

}  // namespace

/// What makes q unique: orthonormal rows, and a qᵀ lower triangular with a positive diagonal.
TEST_CASE("rows become orthonormal, in the order of Gram and Schmidt", "[orthogonal]") {
  auto const [n, m] = GENERATE(table<int, int>({{1, 1}, {1, 9}, {2, 2}, {7, 31}, {32, 32}, {33, 40}, {130, 130}, {161, 500}}));
  std::vector<double> const before = normals(n * m, 1);
  std::vector<double> q = before;
  orthonormalize_rows(Matrix(q.data(), n, m));
  double off = 0, above = 0, least = 1;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      off = std::max(off, std::abs(row_product(q, i, q, j, m) - (i == j ? 1 : 0)));
      double const l = row_product(before, i, q, j, m);
      if (j > i) above = std::max(above, std::abs(l));
      if (j == i) least = std::min(least, l);
    }
  INFO(n << " x " << m);
  CHECK(off < 1e-14);
  CHECK(above < 1e-12);
  CHECK(least > 0);
}

TEST_CASE("a matrix of one number becomes its sign, and rows that depend on each other stay finite", "[orthogonal]") {
  double one = -0.3;
  orthonormalize_rows(Matrix(&one, 1, 1));
  CHECK(one == -1);
  std::array<double, 6> zero{};
  orthonormalize_rows(Matrix(zero.data(), 2, 3));
  CHECK(zero == std::array<double, 6>{1, 0, 0, 0, 1, 0});
}

/// Moments of the trace of uniform orthogonal matrices: E tr = 0, E tr² = 1, and determinants of both signs. Without the signs of the diagonal
/// entry (0, 0) is never positive and determinants are all the same.
TEST_CASE("orthonormal rows of Gaussians are uniform", "[orthogonal]") {
  constexpr int n = 4, draws = 4000;
  double first = 0, trace = 0, squares = 0, determinants = 0;
  for (int d = 0; d < draws; ++d) {
    std::vector<double> q = normals(n * n, static_cast<std::uint64_t>(d));
    orthonormalize_rows(Matrix(q.data(), n, n));
    double t = 0, determinant = 1;
    for (int i = 0; i < n; ++i) t += q[static_cast<std::size_t>(i * (n + 1))];
    first += q[0] / draws;
    trace += t / draws;
    squares += t * t / draws;
    std::vector<double> lu = q;  // orthogonal and uniform: no pivot is 0
    for (int i = 0; i < n; ++i) {
      determinant *= lu[static_cast<std::size_t>(i * (n + 1))];
      for (int r = i + 1; r < n; ++r)
        for (int c = n - 1; c >= i; --c)
          lu[static_cast<std::size_t>(r * n + c)] -=
              lu[static_cast<std::size_t>(r * n + i)] / lu[static_cast<std::size_t>(i * (n + 1))] * lu[static_cast<std::size_t>(i * n + c)];
    }
    determinants += determinant / draws;
  }
  double const root = std::sqrt(static_cast<double>(draws));
  CHECK(std::abs(first) < 5 * 0.5 / root);                   // E q² = 1/4
  CHECK(std::abs(trace) < 5 / root);                         // E tr² = 1
  CHECK(std::abs(squares - 1) < 5 * std::sqrt(2.0) / root);  // E tr⁴ = 3
  CHECK(std::abs(determinants) < 5 / root);
}
