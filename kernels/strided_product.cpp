#include "kernels/strided_product.hpp"

#include "base/error.hpp"
#include "kernels/few_rows_product.hpp"

namespace infinitile {

namespace {

constexpr long panel = 256;          // rows and columns of one piece: packing costs 1/panel of the multiplications
constexpr double worth_it = 100000;  // multiplications that one piece should have

/// Moves axes of the many into the one product.
template <class T>
void merge_axes(StridedShape& s, StridedMatrix<T const>& a, StridedMatrix<T const>& b, StridedMatrix<T>& c) {
  for (std::size_t x = 3; x-- > 0;) {
    if (s.counts[x] == 1) continue;
    bool const rows = !a.transpose && a.stride[x] != 0 && b.stride[x] == 0 && c.stride[x] != 0
                      && (s.m == 1 || (a.stride[x] == s.m * a.leading && c.stride[x] == s.m * c.leading));
    bool const inner = c.stride[x] == 0 && a.transpose && !b.transpose && a.stride[x] != 0 && b.stride[x] != 0
                       && (s.k == 1 || (a.stride[x] == s.k * a.leading && b.stride[x] == s.k * b.leading));
    if (rows && s.m == 1) a.leading = a.stride[x], c.leading = c.stride[x];
    if (inner && s.k == 1) a.leading = a.stride[x], b.leading = b.stride[x];
    if (rows) s.m *= s.counts[x];
    if (inner) s.k *= s.counts[x];
    if (rows || inner) s.counts[x] = 1;
  }
}

/// Row `row` and column `col` on, as a factor.
template <class T>
BasicFactor<T> factor_of(StridedMatrix<T const> const& a, T const* data, long row, long col, long rows, long cols) {
  auto const number = [](long n) { return static_cast<int>(n); };
  BasicFactor<T> out = a.transpose ? BasicMatrix<T const>(data + col * a.leading + row, number(cols), number(rows), a.leading)
                                   : BasicMatrix<T const>(data + row * a.leading + col, number(rows), number(cols), a.leading);
  out.transpose = a.transpose;
  return out;
}

/// One panel of one c: the sum over the axes along which c stands still.
template <class T>
class Panels {
public:
  Panels(StridedShape const& shape, T alpha, StridedMatrix<T const> a, StridedMatrix<T const> b, StridedMatrix<T> c, Into into)
      : shape_(shape), alpha_(alpha), a_(a), b_(b), c_(c), beta_(into == Into::add ? T(1) : T(0)) {
    for (std::size_t x = 0; x < 3; ++x) (c.stride[x] == 0 ? summed_ : open_)[x] = shape.counts[x];
    panels_n_ = (shape.n + panel - 1) / panel;
    panels_ = panels_n_ * ((shape.m + panel - 1) / panel);
  }

  long count() const { return panels_ * open_[0] * open_[1] * open_[2]; }
  double work() const {
    return static_cast<double>(std::min(shape_.m, panel)) * static_cast<double>(std::min(shape_.n, panel)) * static_cast<double>(shape_.k)
           * summed_[0] * summed_[1] * summed_[2];
  }

  void run(long number) const {
    long const part = number % panels_;
    number /= panels_;
    std::array<long, 3> at{number / open_[2] / open_[1], number / open_[2] % open_[1], number % open_[2]};
    long const row = part / panels_n_ * panel, col = part % panels_n_ * panel;
    long const rows = std::min(panel, shape_.m - row), cols = std::min(panel, shape_.n - col);
    BasicMatrix<T> const c(c_.data + offset(c_.stride, at) + row * c_.leading + col, static_cast<int>(rows), static_cast<int>(cols),
                           c_.leading);
    T beta = beta_;
    for (int i = 0; i < summed_[0]; ++i)
      for (int j = 0; j < summed_[1]; ++j)
        for (int k = 0; k < summed_[2]; ++k) {
          std::array<long, 3> const place{at[0] + i, at[1] + j, at[2] + k};
          gemm(alpha_, factor_of(a_, a_.data + offset(a_.stride, place), row, 0, rows, shape_.k),
               factor_of(b_, b_.data + offset(b_.stride, place), 0, col, shape_.k, cols), beta, c);
          beta = 1;
        }
  }

private:
  static long offset(std::array<long, 3> const& stride, std::array<long, 3> const& at) {
    return stride[0] * at[0] + stride[1] * at[1] + stride[2] * at[2];
  }

  StridedShape shape_;
  T alpha_;
  StridedMatrix<T const> a_, b_;
  StridedMatrix<T> c_;
  T beta_;
  std::array<int, 3> open_{1, 1, 1}, summed_{1, 1, 1};  ///< counts of the axes along which c moves, and of the others
  long panels_ = 1, panels_n_ = 1;
};

/// Small products share a piece; which ones do not depend on the number of threads.
template <class T>
void run_all(Panels<T> const& panels) {
  long const together = std::max(1L, static_cast<long>(worth_it / std::max(1.0, panels.work())));
  long const pieces = (panels.count() + together - 1) / together;
  parallel_for_tiles(static_cast<int>(pieces), [&](int piece) {
    long const last = std::min((piece + 1) * together, panels.count());
    for (long number = piece * together; number < last; ++number) panels.run(number);
  });
}

}  // namespace

template <class T>
void multiply(StridedShape shape, T alpha, StridedMatrix<T const> a, StridedMatrix<T const> b, StridedMatrix<T> c, Into into) {
  INFINITILE_EXPECT(!c.transpose);
  if (has_few_rows(shape, a, b, c)) return multiply_few_rows(shape, alpha, a, b, c, into);
  merge_axes(shape, a, b, c);
  run_all(Panels<T>(shape, alpha, a, b, c, into));
}

template void multiply(StridedShape, double, StridedMatrix<double const>, StridedMatrix<double const>, StridedMatrix<double>, Into);
template void multiply(StridedShape, float, StridedMatrix<float const>, StridedMatrix<float const>, StridedMatrix<float>, Into);

}  // namespace infinitile
