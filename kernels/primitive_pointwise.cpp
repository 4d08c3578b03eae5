#include "kernels/primitive_pointwise.hpp"

#include <cmath>

#include "base/error.hpp"

namespace infinitile::primitive {

namespace {

using Function = Pointwise::Function;

/// work(value, slope), the two as functions of x in the precision of T; common powers do without the general one.
template <class T, class Work>
void with_function(Pointwise const& p, Work const& work) {
  auto const a = static_cast<T>(p.a), b = static_cast<T>(p.b);
  switch (p.f) {
    case Function::affine:
      return work([=](T x) { return a * x + b; }, [=](T) { return a; });
    case Function::logarithm:
      return work([](T x) { return std::log(x); }, [](T x) { return 1 / x; });
    case Function::clip:
      return work([=](T x) { return std::min(std::max(x, a), b); }, [=](T x) { return x >= a && x <= b ? T(1) : T(0); });
    case Function::positive:
      return work([](T x) { return x > 0 ? T(1) : T(0); }, [](T) { return T(0); });
    case Function::zero:
      return work([](T x) { return x == 0 ? T(1) : T(0); }, [](T) { return T(0); });
    case Function::power:
      if (p.a == 2) return work([](T x) { return x * x; }, [](T x) { return 2 * x; });
      if (p.a == 0.5) return work([](T x) { return std::sqrt(x); }, [](T x) { return T(0.5) / std::sqrt(x); });
      if (p.a == -1) return work([](T x) { return 1 / x; }, [](T x) { return -1 / (x * x); });
      return work([=](T x) { return std::pow(x, a); }, [=](T x) { return a * std::pow(x, a - 1); });
  }
}

}  // namespace

template <class T>
void forward(Pointwise const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  with_function<T>(p, [&](auto const& value, auto const&) {
    for_each_sample(1, y.rows, [&](int, int row) {
      T const* const in = x[0].at(0, row);
      T* const out = y.at(0, row);
      for (long i = 0; i < y.size; ++i) out[i] = value(in[i]);
    });
  });
}
template <class T>
void push(Pointwise const& p, PrimitiveValues<T> const& at, int, Batch<T const> dx, Batch<T> dy, Into into) {
  with_function<T>(p, [&](auto const&, auto const& slope) {
    for_each_sample(dy.copies, dy.rows, [&](int copy, int row) {
      T const *const x = at.operands[0].at(0, row), *const in = dx.at(copy, row);
      T* const out = dy.at(copy, row);
      for (long i = 0; i < dy.size; ++i) out[i] = slope(x[i]) * in[i] + (into == Into::add ? out[i] : T(0));
    });
  });
}
template <class T>
void pull(Pointwise const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  push(p, at, operand, g, target, into);
}

template <class T>
void forward(Select const&, std::span<Batch<T const> const> x, Batch<T> y) {
  for_each_sample(1, y.rows, [&](int, int row) {
    T const *const condition = x[0].at(0, row), *const one = x[1].at(0, row), *const other = x[2].at(0, row);
    T* const out = y.at(0, row);
    for (long i = 0; i < y.size; ++i) out[i] = condition[i] != 0 ? one[i] : other[i];
  });
}
template <class T>
void push(Select const&, PrimitiveValues<T> const& at, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  for_each_sample(dy.copies, dy.rows, [&](int copy, int row) {
    T const *const condition = at.operands[0].at(0, row), *const in = dx.at(copy, row);
    T* const out = dy.at(copy, row);
    for (long i = 0; i < dy.size; ++i) {
      bool const chosen = operand != 0 && (condition[i] != 0) == (operand == 1);
      out[i] = (chosen ? in[i] : T(0)) + (into == Into::add ? out[i] : T(0));
    }
  });
}
template <class T>
void pull(Select const&, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    T* const sum = target.at(copy, target_row);
    if (into == Into::replace) std::fill_n(sum, target.size, T(0));
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; operand != 0 && row < rows.last; ++row) {
      T const *const condition = at.operands[0].at(0, row), *const in = g.at(copy, row);
      for (long i = 0; i < target.size; ++i)
        if ((condition[i] != 0) == (operand == 1)) sum[i] += in[i];
    }
  });
}

namespace {

/// work(place in y, place in x of the largest) for all entries of one sample.
template <class T, class Work>
void for_each_largest(Largest const& p, T const* x, Work const& work) {
  for (int o = 0; o < p.out_positions(); ++o) {
    int const* const picks = p.picks.data() + static_cast<long>(o) * p.taps;
    for (int c = 0; c < p.channels; ++c) {
      long best = -1;
      for (int t = 0; t < p.taps; ++t) {
        long const place = static_cast<long>(picks[t]) * p.channels + c;
        if (picks[t] >= 0 && (best < 0 || x[place] > x[best])) best = place;
      }
      work(static_cast<long>(o) * p.channels + c, best);
    }
  }
}

}  // namespace

template <class T>
void forward(Largest const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  for_each_sample(1, y.rows, [&](int, int row) {
    T const* const in = x[0].at(0, row);
    T* const out = y.at(0, row);
    for_each_largest(p, in, [&](long o, long i) { out[o] = in[i]; });
  });
}
template <class T>
void push(Largest const& p, PrimitiveValues<T> const& at, int, Batch<T const> dx, Batch<T> dy, Into into) {
  for_each_sample(1, dy.rows, [&](int, int row) {
    for_each_largest(p, at.operands[0].at(0, row), [&](long o, long i) {
      for (int copy = 0; copy < dy.copies; ++copy) {
        T& out = dy.at(copy, row)[o];
        out = dx.at(copy, row)[i] + (into == Into::add ? out : T(0));
      }
    });
  });
}
template <class T>
void pull(Largest const& p, PrimitiveValues<T> const& at, int, Batch<T const> g, Batch<T> target, Into into) {
  for_each_sample(1, target.rows, [&](int, int target_row) {
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    if (into == Into::replace)
      for (int copy = 0; copy < target.copies; ++copy) std::fill_n(target.at(copy, target_row), target.size, T(0));
    for (int row = rows.first; row < rows.last; ++row)
      for_each_largest(p, at.operands[0].at(0, row), [&](long o, long i) {
        for (int copy = 0; copy < target.copies; ++copy) target.at(copy, target_row)[i] += g.at(copy, row)[o];
      });
  });
}

INFINITILE_INSTANTIATE_PRIMITIVE(Pointwise)
INFINITILE_INSTANTIATE_PRIMITIVE(Select)
INFINITILE_INSTANTIATE_PRIMITIVE(Largest)

}  // namespace infinitile::primitive
