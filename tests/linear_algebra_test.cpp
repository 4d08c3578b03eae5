#include "kernels/linear_algebra.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// A matrix with its memory, wider than it need be so that strides are tested.
struct Owned {
  Owned(int rows, int cols)
      : memory(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols + 3)), view(memory.data(), rows, cols, cols + 3) {}
  Owned(Owned const&) = delete;
  std::vector<double> memory;
  Matrix view;
};

void fill(Matrix m, unsigned seed) {
  std::mt19937 random(seed);
  for (int i = 0; i < m.rows; ++i)
    for (int j = 0; j < m.cols; ++j) m(i, j) = std::uniform_real_distribution(-1.0, 1.0)(random);
}

/// A well-conditioned lower triangle, with NaN above its diagonal: what must not be read.
void fill_triangle(Matrix l, unsigned seed) {
  fill(l, seed);
  for (int i = 0; i < l.rows; ++i)
    for (int j = 0; j < l.cols; ++j) l(i, j) = j > i ? std::numeric_limits<double>::quiet_NaN() : i == j ? 2 + 0.1 * i : l(i, j) / l.rows;
}

double entry(Factor const& f, int i, int j) {
  return f.transpose ? f.matrix(j, i) : f.matrix(i, j);
}

}  // namespace

TEST_CASE("gemm is the plain triple loop, in all four ways", "[linear_algebra]") {
  auto const [m, n, k] = GENERATE(table<int, int, int>({{1, 1, 1}, {3, 5, 2}, {33, 17, 40}, {4, 4, 0}}));
  Owned a(m, k), at(k, m), b(k, n), bt(n, k), c(m, n);
  fill(a.view, 1), fill(at.view, 2), fill(b.view, 3), fill(bt.view, 4);
  for (Factor const& left : {Factor(a.view), transposed(at.view)})
    for (Factor const& right : {Factor(b.view), transposed(bt.view)}) {
      fill(c.view, 5);
      Owned expected(m, n);
      fill(expected.view, 5);
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
          expected.view(i, j) *= 0.5;
          for (int l = 0; l < k; ++l) expected.view(i, j) -= 2 * entry(left, i, l) * entry(right, l, j);
        }
      gemm(-2, left, right, 0.5, c.view);
      double worst = 0;
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) worst = std::max(worst, std::abs(c.view(i, j) - expected.view(i, j)));
      CHECK(worst < 1e-13);
    }
}

TEST_CASE("syrk subtracts a times its transpose from the lower triangle", "[linear_algebra]") {
  auto const [n, k] = GENERATE(table<int, int>({{1, 1}, {64, 3}, {65, 10}, {130, 31}, {300, 64}}));
  Owned a(n, k), c(n, n);
  fill(a.view, 1), fill(c.view, 2);
  Owned expected(n, n);
  fill(expected.view, 2);
  gemm(-1, a.view, transposed(a.view), 1, expected.view);
  syrk(a.view, c.view);
  double worst = 0;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j <= i; ++j) worst = std::max(worst, std::abs(c.view(i, j) - expected.view(i, j)));
  CHECK(worst < 1e-13);
}

TEST_CASE("trsm undoes a multiplication by a triangle or its transpose, and reads nothing above the diagonal", "[linear_algebra]") {
  auto const n = GENERATE(1, 2, 31, 32, 33, 64, 100, 257);
  auto const rows = GENERATE(1, 7, 32, 70);
  Owned l(n, n), clean(n, n), x(rows, n), b(rows, n);
  fill_triangle(l.view, 1);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j <= i; ++j) clean.view(i, j) = l.view(i, j);
  for (bool const transpose : {false, true}) {
    fill(x.view, 2);
    Factor way = l.view, clean_way = clean.view;
    way.transpose = clean_way.transpose = transpose;
    gemm(1, x.view, clean_way, 0, b.view);
    trsm(way, b.view);
    double worst = 0;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < n; ++j) worst = std::max(worst, std::abs(b.view(i, j) - x.view(i, j)));
    CHECK(worst < 1e-13);
  }
}

TEST_CASE("potrf of the Brownian covariance is all ones", "[linear_algebra]") {
  auto const n = GENERATE(1, 2, 31, 32, 33, 64, 65, 100, 256, 300);
  Owned a(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) a.view(i, j) = j > i ? std::numeric_limits<double>::quiet_NaN() : j + 1;
  REQUIRE_FALSE(potrf(a.view, std::vector(static_cast<std::size_t>(n), 1e-12)));
  long wrong = 0;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j <= i; ++j) wrong += a.view(i, j) != 1;
  CHECK(wrong == 0);
}

TEST_CASE("potrf stops at the row whose pivot is not above its limit", "[linear_algebra]") {
  auto const n = GENERATE(1, 20, 32, 70, 200);
  for (int const bad : {0, n / 3, n - 1}) {
    Owned a(n, n);
    auto const brownian = [&](double change) {
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) a.view(i, j) = std::min(i, j) + 1;
      a.view(bad, bad) += change;
    };
    std::vector const limits(static_cast<std::size_t>(n), 1e-3);
    brownian(-1.5);
    auto const negative = potrf(a.view, limits);
    REQUIRE(negative);
    CHECK(negative->row == bad);
    CHECK(negative->pivot == -0.5);
    brownian(-1 + 0x1p-10);  // positive, but below the limit
    auto const tiny = potrf(a.view, limits);
    REQUIRE(tiny);
    CHECK(tiny->row == bad);
    CHECK(tiny->pivot == 0x1p-10);
    brownian(std::numeric_limits<double>::quiet_NaN());
    auto const nan = potrf(a.view, limits);
    REQUIRE(nan);
    CHECK(nan->row == bad);
  }
}

TEST_CASE("dot adds what a plain loop adds", "[linear_algebra]") {
  auto const count = GENERATE(0, 1, 7, 8, 9, 100);
  std::vector<double> a, b;
  double expected = 0;
  for (int i = 0; i < count; ++i) {
    a.push_back(i + 1), b.push_back(i % 5 - 2);  // integers: every order is exact
    expected += a.back() * b.back();
  }
  CHECK(dot(a.data(), b.data(), count) == expected);
}

TEST_CASE("parallel_for_tiles runs every piece once", "[linear_algebra]") {
  auto const count = GENERATE(0, 1, 2, 100);
  std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
  parallel_for_tiles(count, [&](int i) { ++runs[static_cast<std::size_t>(i)]; });
  CHECK(std::all_of(runs.begin(), runs.end(), [](auto const& n) { return n == 1; }));
}
