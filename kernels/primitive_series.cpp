#include "kernels/primitive_series.hpp"

#include <numeric>

#include "base/error.hpp"
#include "base/index.hpp"
#include "kernels/activation_series.hpp"

namespace infinitile::primitive {

namespace {

constexpr long at_once = 512;  // entries of one piece

/// One entry of all coefficients, and back; forward has written y[0].
template <class T>
Series gather(Coefficients<T const> x, long entry, int order) {
  Series out(order, 0);
  for (std::size_t k = 0; k < x.size(); ++k) out.c[k] = static_cast<double>(x[k].data[entry]);
  return out;
}
template <class T>
void scatter(Series const& values, Coefficients<T> y, long entry) {
  for (int k = 1; k <= values.order; ++k) y[at(k)].data[entry] = static_cast<T>(values.c[k]);
}

/// work(coefficients of a line of x, and of y: [order + 1][width]) for each line of each sample, in double. All of y but y[0], which
/// forward has written, is stored afterwards.
template <class T, class P, class Work>
void for_lines(P const& p, Coefficients<T const> x, Coefficients<T> y, Work const& work) {
  std::size_t const width = at(p.width), count = y.size() * width;
  for_each_sample(1, y[0].rows, [&](int, int row) {
    double* const in = scratch<double>(3 * count);  // and as much again for the work
    double* const out = in + count;
    for (long l = 0; l < p.lines; ++l) {
      std::fill_n(in, count, 0.0);
      for (std::size_t k = 0; k < x.size(); ++k) std::copy_n(x[k].at(0, row) + l * p.width, width, in + k * width);
      work(in, out, out + count);
      for (std::size_t k = 1; k < y.size(); ++k)
        std::transform(out + k * width, out + (k + 1) * width, y[k].at(0, row) + l * p.width, [](double v) { return static_cast<T>(v); });
    }
  });
}

/// A function of a series; steps count as 0.
Series composed(Pointwise const& p, Series x, double start) {
  using Function = Pointwise::Function;
  switch (p.f) {
    case Function::affine:
      return p.a * x + p.b;
    case Function::logarithm:
      return series::integral(start, series::power(x, -1), x);
    case Function::clip:
      return x.c[0] >= p.a && x.c[0] <= p.b ? x : Series(x.order, start);
    case Function::power:
      return p.a == 2 ? x * x : series::power(x, p.a);
    case Function::positive:
    case Function::zero:
      break;
  }
  return Series(x.order, start);
}

double sum_products(std::size_t width, double const* a, double const* b) {
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) sum += a[i] * b[i];
  return sum;
}
void add_multiple(std::size_t width, double weight, double const* x, double* y) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < width; ++i) y[i] += weight * x[i];
}

/// y = f(x), entry by entry; forward has written y[0].
template <class T, class Function>
void compose_entries(Coefficients<T const> x, Coefficients<T> y, Function const& f) {
  INFINITILE_EXPECT(x.size() <= y.size() && std::ssize(y) <= Series::most_order + 1);
  int const order = static_cast<int>(y.size()) - 1;
  long const count = y[0].count();
  parallel_for_tiles(static_cast<int>((count + at_once - 1) / at_once), [&](int piece) {
    for (long i = piece * at_once; i < std::min(count, (piece + 1) * at_once); ++i) scatter(f(gather(x, i, order)), y, i);
  });
}

}  // namespace

template <class T>
void compose(Activate const& p, Coefficients<T const> x, Coefficients<T> y) {
  forward(p, x.first(1), y[0]);
  with_activation(p.f, [&](auto const& phi) {
    if constexpr (requires { phi.value(0.0); })
      compose_entries(x, y, [&](Series const& each) { return scaled_compose(phi, p.f.scaling, each); });
  });
}

template <class T>
void compose(Pointwise const& p, Coefficients<T const> x, Coefficients<T> y) {
  INFINITILE_EXPECT(x.size() <= y.size() && std::ssize(y) <= Series::most_order + 1);
  forward(p, x.first(1), y[0]);
  int const order = static_cast<int>(y.size()) - 1;
  long const count = y[0].count();
  parallel_for_tiles(static_cast<int>((count + at_once - 1) / at_once), [&](int piece) {
    for (long i = piece * at_once; i < std::min(count, (piece + 1) * at_once); ++i)
      scatter(composed(p, gather(x, i, order), static_cast<double>(y[0].data[i])), y, i);
  });
}

template <class T>
void compose(Normalize const& p, Coefficients<T const> x, Coefficients<T> y) {
  INFINITILE_EXPECT(x.size() <= y.size() && std::ssize(y) <= Series::most_order + 1);
  forward(p, x.first(1), y[0]);
  std::size_t const width = at(p.width), terms = y.size();
  for_lines(p, x, y, [&](double* c, double* out, double*) {
    Series variance(static_cast<int>(terms) - 1, p.eps);
    for (std::size_t k = 0; k < terms; ++k) {
      double mean = 0;
      for (std::size_t i = 0; i < width; ++i) mean += c[k * width + i];
      mean /= p.width;
      for (std::size_t i = 0; i < width; ++i) c[k * width + i] -= mean;
      for (std::size_t j = 0; j <= k; ++j) variance.c[k] += sum_products(width, c + j * width, c + (k - j) * width) / p.width;
    }
    Series const root = series::power(variance, -0.5);
    std::fill_n(out, terms * width, 0.0);
    for (std::size_t k = 0; k < terms; ++k)
      for (std::size_t j = 0; j <= k; ++j) add_multiple(width, root.c[j], c + (k - j) * width, out + k * width);
  });
}

template <class T>
void compose(Softmax const& p, Coefficients<T const> x, Coefficients<T> y) {
  INFINITILE_EXPECT(x.size() <= y.size());
  forward(p, x.first(1), y[0]);
  std::size_t const width = at(p.width), terms = y.size();
  for_lines(p, x, y, [&](double const* in, double* out, double* rate) {  // rate: coefficients of x' − Σ y x', from 0
    double const most = *std::max_element(in, in + width);
    for (std::size_t i = 0; i < width; ++i) out[i] = std::exp(in[i] - most);
    double const sum = std::accumulate(out, out + width, 0.0);
    for (std::size_t i = 0; i < width; ++i) out[i] /= sum;
    for (std::size_t k = 1; k < terms; ++k) {
      double mean = 0;  // coefficient k − 1 of Σ y x'
      for (std::size_t j = 0; j < k; ++j) mean += static_cast<double>(k - j) * sum_products(width, out + j * width, in + (k - j) * width);
      double *const now = rate + (k - 1) * width, *const next = out + k * width;
      for (std::size_t i = 0; i < width; ++i) now[i] = static_cast<double>(k) * in[k * width + i] - mean;
      for (std::size_t i = 0; i < width; ++i) {
        double total = 0;
        for (std::size_t j = 0; j < k; ++j) total += out[j * width + i] * rate[(k - 1 - j) * width + i];
        next[i] = total / static_cast<double>(k);
      }
    }
  });
}

#define INFINITILE_INSTANTIATE_SERIES(P)                                             \
  template void compose(P const&, Coefficients<double const>, Coefficients<double>); \
  template void compose(P const&, Coefficients<float const>, Coefficients<float>);
INFINITILE_INSTANTIATE_SERIES(Activate)
INFINITILE_INSTANTIATE_SERIES(Pointwise)
INFINITILE_INSTANTIATE_SERIES(Normalize)
INFINITILE_INSTANTIATE_SERIES(Softmax)
#undef INFINITILE_INSTANTIATE_SERIES

}  // namespace infinitile::primitive
