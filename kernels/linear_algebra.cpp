#include "kernels/linear_algebra.hpp"

#include <algorithm>
#include <cmath>

#include <cblas.h>

#include "base/error.hpp"

namespace infinitile {

namespace {

constexpr int small = 32;       // factored by plain loops
constexpr int syrk_block = 64;  // below it a square product costs less than cutting it

int leading(long stride) {
  return static_cast<int>(std::max(stride, 1L));
}

/// A triangle of at most `small` rows in the order in which its unknowns are solved for: x_p = (b_p - sum over q < p of weight[p][q] x_q)
/// scale[p].
struct SmallTriangle {
  double weight[small][small];
  double scale[small];
  int first;  ///< column of the first unknown
  int step;   ///< to the next: 1 for the transpose, -1 else

  SmallTriangle(ConstMatrix l, bool transpose) : first(transpose ? 0 : l.rows - 1), step(transpose ? 1 : -1) {
    for (int p = 0; p < l.rows; ++p) {
      for (int q = 0; q < p; ++q) weight[p][q] = transpose ? l(p, q) : l(l.rows - 1 - q, l.rows - 1 - p);
      scale[p] = 1 / l(column(p), column(p));
    }
  }
  int column(int p) const { return first + p * step; }
};

/// Columns of up to 32 rows, turned so that each column is contiguous: four vectors of eight rows, which stay in registers while columns
/// are subtracted.
class ColumnStrip {
public:
  static constexpr int height = 32;

  double& at(int row, int p) { return lanes_[p][row / 8][row % 8]; }

  /// Column p minus the sum over q < p of weight(q) times column q.
  template <class Weight>
  void reduce(int p, Weight const& weight) {
    Lanes a = lanes_[p][0], b = lanes_[p][1], c = lanes_[p][2], d = lanes_[p][3];
    for (int q = 0; q < p; ++q) {
      double const w = weight(q);
      a -= w * lanes_[q][0];
      b -= w * lanes_[q][1];
      c -= w * lanes_[q][2];
      d -= w * lanes_[q][3];
    }
    lanes_[p][0] = a, lanes_[p][1] = b, lanes_[p][2] = c, lanes_[p][3] = d;
  }
  void scale(int p, double factor) {
    for (Lanes& lanes : lanes_[p]) lanes *= factor;
  }

private:
  typedef double Lanes __attribute__((vector_size(64)));
  Lanes lanes_[small][4] = {};
};

/// trsm with at most `small` columns.
void trsm_small(SmallTriangle const& l, Matrix x) {
  ColumnStrip strip;
  for (int top = 0; top < x.rows; top += ColumnStrip::height) {
    int const rows = std::min(ColumnStrip::height, x.rows - top);
    for (int i = 0; i < rows; ++i)
      for (int p = 0; p < x.cols; ++p) strip.at(i, p) = x(top + i, l.column(p));
    for (int p = 0; p < x.cols; ++p) {
      strip.reduce(p, [&](int q) { return l.weight[p][q]; });
      strip.scale(p, l.scale[p]);
    }
    for (int i = 0; i < rows; ++i)
      for (int p = 0; p < x.cols; ++p) x(top + i, l.column(p)) = strip.at(i, p);
  }
}

/// potrf of at most `small` rows, column by column, each from those before it.
std::optional<BadPivot> potrf_small(Matrix a, std::span<double const> smallest) {
  static_assert(ColumnStrip::height == small);
  ColumnStrip strip;
  for (int i = 0; i < a.rows; ++i)
    for (int p = 0; p <= i; ++p) strip.at(i, p) = a(i, p);
  for (int p = 0; p < a.rows; ++p) {
    strip.reduce(p, [&](int q) { return strip.at(p, q); });
    double const pivot = strip.at(p, p);
    if (!std::isgreater(pivot, smallest[static_cast<std::size_t>(p)])) return BadPivot{p, pivot};
    strip.scale(p, 1 / std::sqrt(pivot));
    strip.at(p, p) = std::sqrt(pivot);
  }
  for (int i = 0; i < a.rows; ++i)
    for (int p = 0; p <= i; ++p) a(i, p) = strip.at(i, p);
  return std::nullopt;
}

/// About half of n, a multiple of `unit`.
int cut(int n, int unit) {
  return (n / 2 + unit - 1) / unit * unit;
}

}  // namespace

void initialize_linear_algebra() {
  openblas_set_num_threads(1);
}

namespace {

/// `blas` is the library's function for T.
template <class T, class Blas>
void run_gemm(Blas blas, T alpha, BasicFactor<T> const& a, BasicFactor<T> const& b, T beta, BasicMatrix<T> c) {
  INFINITILE_EXPECT(a.rows() == c.rows && b.cols() == c.cols && a.cols() == b.rows());
  if (c.rows == 0 || c.cols == 0) return;
  static bool const one_thread = (initialize_linear_algebra(), true);  // whoever forgot it gets the same bits
  static_cast<void>(one_thread);
  auto const way = [](BasicFactor<T> const& f) { return f.transpose ? CblasTrans : CblasNoTrans; };
  blas(CblasRowMajor, way(a), way(b), c.rows, c.cols, a.cols(), alpha, a.matrix.data, leading(a.matrix.stride), b.matrix.data,
       leading(b.matrix.stride), beta, c.data, leading(c.stride));
}

}  // namespace

void gemm(double alpha, Factor const& a, Factor const& b, double beta, Matrix c) {
  run_gemm(cblas_dgemm, alpha, a, b, beta, c);
}
void gemm(float alpha, SingleFactor const& a, SingleFactor const& b, float beta, SingleMatrix c) {
  run_gemm(cblas_sgemm, alpha, a, b, beta, c);
}

double dot(double const* a, double const* b, int count) {
  constexpr int lanes = 8;
  double sums[lanes] = {};
  int i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < count; ++i) sums[i % lanes] += a[i] * b[i];
  double sum = 0;
  for (double const part : sums) sum += part;
  return sum;
}

void syrk(ConstMatrix a, Matrix c) {
  INFINITILE_EXPECT(a.rows == c.rows && c.rows == c.cols);
  if (c.rows <= syrk_block) return gemm(-1, a, transposed(a), 1, c);
  int const upper = cut(c.rows, syrk_block), lower = c.rows - upper;
  ConstMatrix const above = a.block(0, 0, upper, a.cols), below = a.block(upper, 0, lower, a.cols);
  syrk(above, c.block(0, 0, upper, upper));
  gemm(-1, below, transposed(above), 1, c.block(upper, 0, lower, upper));
  syrk(below, c.block(upper, upper, lower, lower));
}

void trsm(Factor const& l, Matrix x) {
  INFINITILE_EXPECT(l.rows() == l.cols() && l.rows() == x.cols);
  if (x.rows == 0 || x.cols == 0) return;
  if (x.cols <= small) return trsm_small(SmallTriangle(l.matrix, l.transpose), x);
  int const n = x.cols, half = cut(n, small), rest = n - half;
  ConstMatrix const corner = l.matrix.block(half, 0, rest, half);
  Factor first = l.matrix.block(0, 0, half, half), second = l.matrix.block(half, half, rest, rest);
  first.transpose = second.transpose = l.transpose;
  Matrix const left = x.block(0, 0, x.rows, half), right = x.block(0, half, x.rows, rest);
  if (l.transpose) {
    trsm(first, left);
    gemm(-1, left, transposed(corner), 1, right);
    trsm(second, right);
  } else {
    trsm(second, right);
    gemm(-1, right, corner, 1, left);
    trsm(first, left);
  }
}

std::optional<BadPivot> potrf(Matrix a, std::span<double const> smallest) {
  INFINITILE_EXPECT(a.rows == a.cols && smallest.size() == static_cast<std::size_t>(a.rows));
  if (a.rows <= small) return potrf_small(a, smallest);
  int const upper = cut(a.rows, small), lower = a.rows - upper;
  auto const above = static_cast<std::size_t>(upper);
  if (auto const bad = potrf(a.block(0, 0, upper, upper), smallest.first(above))) return bad;
  Matrix const side = a.block(upper, 0, lower, upper), rest = a.block(upper, upper, lower, lower);
  trsm(transposed(a.block(0, 0, upper, upper)), side);
  syrk(side, rest);
  if (auto const bad = potrf(rest, smallest.subspan(above))) return BadPivot{upper + bad->row, bad->pivot};
  return std::nullopt;
}

}  // namespace infinitile
