#include "kernels/orthogonal.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.hpp"

namespace infinitile {

namespace {

constexpr int panel = 32;   // reflections that are applied together
constexpr int strip = 128;  // rows of one thread's piece

struct Reflection {
  double tau;   ///< of I − tau vᵀ v
  double sign;  ///< of the one number that is left of the row
};

/// The reflection that leaves of a row its first number alone, which gets the other sign: no digits cancel. The row becomes v, v[0] = 1.
Reflection reflect(double* row, int count) {
  double const first = row[0], rest = dot(row + 1, row + 1, count - 1);
  row[0] = 1;
  if (rest == 0) return {0, first < 0 ? -1.0 : 1.0};
  double const left = -std::copysign(std::sqrt(first * first + rest), first), factor = 1 / (first - left);
  for (int i = 1; i < count; ++i) row[i] *= factor;
  return {(left - first) / left, left < 0 ? -1.0 : 1.0};
}

/// Reflections h_0, h_1, ... of the rows of a panel as one: h_0 h_1 ... = I − vᵀ t v. Source: Schreiber & Van Loan 1989, compact WY form.
struct PanelReflection {
  ConstMatrix v;
  std::vector<double> t;  ///< upper triangular, [rows of v]²
};

/// The rows of a panel, from its own columns on, become v.
PanelReflection reflect_panel(Matrix a, double* signs) {
  int const n = a.rows;
  std::vector<double> taus;
  for (int j = 0; j < n; ++j) {
    int const count = a.cols - j;
    double* const v = a.row(j) + j;
    Reflection const r = reflect(v, count);
    taus.push_back(r.tau);
    signs[j] = r.sign;
    for (int i = j + 1; i < n; ++i) {
      double* const x = a.row(i) + j;
      double const s = r.tau * dot(v, x, count);
      for (int k = 0; k < count; ++k) x[k] -= s * v[k];
    }
  }
  for (int j = 1; j < n; ++j) std::fill_n(a.row(j), j, 0.0);
  std::vector<double> gram(static_cast<std::size_t>(n * n)), t(gram.size(), 0);
  gemm(1, ConstMatrix(a), transposed(ConstMatrix(a)), 0, Matrix(gram.data(), n, n));
  Matrix const triangle(t.data(), n, n);
  for (int i = 0; i < n; ++i) {
    double const tau = taus[static_cast<std::size_t>(i)];
    for (int p = 0; p < i; ++p) {
      double sum = 0;
      for (int q = p; q < i; ++q) sum += triangle(p, q) * gram[static_cast<std::size_t>(q * n + i)];
      triangle(p, i) = -tau * sum;
    }
    triangle(i, i) = tau;
  }
  return {a, std::move(t)};
}

enum class Order { forward, backward };

/// x ← x h_0 h_1 ..., or backward x ... h_1 h_0.
void apply(PanelReflection const& block, Order order, Matrix x) {
  int const n = block.v.rows;
  ConstMatrix const triangle(block.t.data(), n, n);
  Factor t = triangle;
  t.transpose = order == Order::backward;
  parallel_for_tiles((x.rows + strip - 1) / strip, [&](int piece) {
    Matrix const rows = x.block(piece * strip, 0, std::min(strip, x.rows - piece * strip), x.cols);
    std::vector<double> of_v(static_cast<std::size_t>(rows.rows * n)), turned(of_v.size());
    Matrix const left(of_v.data(), rows.rows, n), right(turned.data(), rows.rows, n);
    gemm(1, rows, transposed(block.v), 0, left);
    gemm(1, left, t, 0, right);
    gemm(-1, right, block.v, 1, rows);
  });
}

}  // namespace

void orthonormalize_rows(Matrix a) {
  INFINITILE_EXPECT(a.rows >= 1 && a.rows <= a.cols);
  int const n = a.rows, m = a.cols;
  std::vector<double> signs(static_cast<std::size_t>(n));
  std::vector<PanelReflection> blocks;
  for (int first = 0; first < n; first += panel) {
    int const rows = std::min(panel, n - first), below = n - first - rows;
    blocks.push_back(reflect_panel(a.block(first, first, rows, m - first), signs.data() + first));
    if (below > 0) apply(blocks.back(), Order::forward, a.block(first + rows, first, below, m - first));
  }
  // The reflections of the first n unit vectors, last ones first: rows before a block are not touched by it.
  std::vector<double> out(static_cast<std::size_t>(n) * static_cast<std::size_t>(m), 0);
  Matrix const q(out.data(), n, m);
  for (int i = 0; i < n; ++i) q(i, i) = 1;
  for (int b = static_cast<int>(blocks.size()) - 1; b >= 0; --b) {
    int const first = b * panel;
    apply(blocks[static_cast<std::size_t>(b)], Order::backward, q.block(first, first, n - first, m - first));
  }
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < m; ++j) a(i, j) = signs[static_cast<std::size_t>(i)] * q(i, j);
}

}  // namespace infinitile
