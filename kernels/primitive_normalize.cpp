#include "kernels/primitive_normalize.hpp"

#include <cmath>

#include "base/error.hpp"

namespace infinitile::primitive {

namespace {

/// Sums in double whatever T is: a line is short, and its mean is subtracted from it.
template <class Term>
double sum_over(int width, Term const& term) {
  double sum = 0;
  for (int i = 0; i < width; ++i) sum += static_cast<double>(term(i));
  return sum;
}

/// Mean and 1 / √(variance + eps) of a line, in two passes so that a large mean costs no digits.
template <class T>
struct Moments {
  double mean, root;
  Moments(T const* x, Normalize const& p) {
    mean = sum_over(p.width, [&](int i) { return x[i]; }) / p.width;
    double const squares =
        sum_over(p.width, [&](int i) { return (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean); });
    root = 1 / std::sqrt(squares / p.width + p.eps);
  }
};

/// work(line of y, line of x, entries from the beginning of the sample) for each line of each sample.
template <class P, class T, class Work>
void for_lines(P const& p, Batch<T> y, Work const& work) {
  for_each_sample(y.copies, y.rows, [&](int copy, int row) {
    for (int l = 0; l < p.lines; ++l) work(copy, row, static_cast<long>(l) * p.width);
  });
}

template <class T>
void put(T& target, double value, Into into) {
  target = static_cast<T>(into == Into::add ? static_cast<double>(target) + value : value);
}

}  // namespace

template <class T>
void forward(Normalize const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  for_lines(p, y, [&](int copy, int row, long first) {
    T const* const in = x[0].at(copy, row) + first;
    T* const out = y.at(copy, row) + first;
    Moments<T> const moments(in, p);
    for (int i = 0; i < p.width; ++i) out[i] = static_cast<T>((static_cast<double>(in[i]) - moments.mean) * moments.root);
  });
}
template <class T>
void push(Normalize const& p, PrimitiveValues<T> const& at, int, Batch<T const> dx, Batch<T> dy, Into into) {
  for_lines(p, dy, [&](int copy, int row, long first) {
    T const *const y = at.result.at(0, row) + first, *const v = dx.at(copy, row) + first;
    T* const out = dy.at(copy, row) + first;
    double const root = Moments<T>(at.operands[0].at(0, row) + first, p).root;
    double const mean = sum_over(p.width, [&](int i) { return v[i]; }) / p.width;
    double const along = sum_over(p.width, [&](int i) { return static_cast<double>(y[i]) * static_cast<double>(v[i]); }) / p.width;
    for (int i = 0; i < p.width; ++i) put(out[i], root * (static_cast<double>(v[i]) - mean - static_cast<double>(y[i]) * along), into);
  });
}
template <class T>
void pull(Normalize const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  push(p, at, operand, g, target, into);
}

template <class T>
void forward(Softmax const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  for_lines(p, y, [&](int copy, int row, long first) {
    T const* const in = x[0].at(copy, row) + first;
    T* const out = y.at(copy, row) + first;
    T const most = *std::max_element(in, in + p.width);
    for (int i = 0; i < p.width; ++i) out[i] = std::exp(in[i] - most);
    auto const scale = static_cast<T>(1 / sum_over(p.width, [&](int i) { return out[i]; }));
    for (int i = 0; i < p.width; ++i) out[i] *= scale;
  });
}
template <class T>
void push(Softmax const& p, PrimitiveValues<T> const& at, int, Batch<T const> dx, Batch<T> dy, Into into) {
  for_lines(p, dy, [&](int copy, int row, long first) {
    T const *const y = at.result.at(0, row) + first, *const v = dx.at(copy, row) + first;
    T* const out = dy.at(copy, row) + first;
    double const along = sum_over(p.width, [&](int i) { return static_cast<double>(y[i]) * static_cast<double>(v[i]); });
    for (int i = 0; i < p.width; ++i) put(out[i], static_cast<double>(y[i]) * (static_cast<double>(v[i]) - along), into);
  });
}
template <class T>
void pull(Softmax const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  push(p, at, operand, g, target, into);
}

INFINITILE_INSTANTIATE_PRIMITIVE(Normalize)
INFINITILE_INSTANTIATE_PRIMITIVE(Softmax)

}  // namespace infinitile::primitive
