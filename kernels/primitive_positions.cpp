#include "kernels/primitive_positions.hpp"

#include "base/error.hpp"
#include "base/index.hpp"

namespace infinitile::primitive {

namespace {

template <class T>
void add_run(int count, T weight, T const* x, T* y) {
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) y[i] += weight * x[i];
}

/// visit(run of the result, run of the operand, weight), all runs `inner` long.
template <class Visit>
void for_runs(Mix const& p, Visit const& visit) {
  for (int a = 0; a < p.outer; ++a)
    for (int o = 0; o < p.out(); ++o)
      for (int e = p.matrix.first[at(o)]; e < p.matrix.first[at(o) + 1]; ++e)
        visit((static_cast<long>(a) * p.out() + o) * p.inner, (static_cast<long>(a) * p.in + p.matrix.in[at(e)]) * p.inner,
              p.matrix.weight[at(e)]);
}

template <class T>
void apply(Mix const& p, Batch<T const> x, Batch<T> y, Into into) {
  for_each_sample(y.copies, y.rows, [&](int copy, int row) {
    T* const out = y.at(copy, row);
    T const* const in = x.at(copy, row);
    if (into == Into::replace) std::fill_n(out, y.size, T(0));
    for_runs(p, [&](long to, long from, double weight) { add_run(p.inner, static_cast<T>(weight), in + from, out + to); });
  });
}

/// Where the runs of an operand begin in the result.
struct Place {
  int start = 0, width = 0, total = 0;
};
Place place_of(Join const& p, int operand) {
  Place out;
  for (int i = 0; i < static_cast<int>(p.widths.size()); ++i) {
    if (i < operand) out.start += p.widths[at(i)];
    out.total += p.widths[at(i)];
  }
  out.width = p.widths[at(operand)];
  return out;
}

template <class T>
void copy_run(int count, T const* x, T* y, Into into) {
  if (into == Into::replace)
    std::copy_n(x, count, y);
  else
    add_run(count, T(1), x, y);
}

/// The result is whole only when all operands were put into it.
template <class T>
void put_operand(Join const& p, int operand, Batch<T const> x, Batch<T> y, Into into) {
  Place const place = place_of(p, operand);
  for_each_sample(y.copies, y.rows, [&](int copy, int row) {
    for (int a = 0; a < p.outer; ++a)
      copy_run(place.width, x.at(copy, row) + static_cast<long>(a) * place.width,
               y.at(copy, row) + static_cast<long>(a) * place.total + place.start, into);
  });
}

template <class T>
void take_operand(Join const& p, int operand, Batch<T const> g, Batch<T> target, Into into) {
  Place const place = place_of(p, operand);
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; row < rows.last; ++row)
      for (int a = 0; a < p.outer; ++a)
        copy_run(place.width, g.at(copy, row) + static_cast<long>(a) * place.total + place.start,
                 target.at(copy, target_row) + static_cast<long>(a) * place.width, row == rows.first ? into : Into::add);
  });
}

}  // namespace

template <class T>
void forward(Mix const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  apply(p, x[0], y, Into::replace);
}
template <class T>
void push(Mix const& p, PrimitiveValues<T> const&, int, Batch<T const> dx, Batch<T> dy, Into into) {
  apply(p, dx, dy, into);
}
template <class T>
void pull(Mix const& p, PrimitiveValues<T> const&, int, Batch<T const> g, Batch<T> target, Into into) {
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    T* const sum = target.at(copy, target_row);
    if (into == Into::replace) std::fill_n(sum, target.size, T(0));
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; row < rows.last; ++row)
      for_runs(p, [&](long from, long to, double weight) { add_run(p.inner, static_cast<T>(weight), g.at(copy, row) + from, sum + to); });
  });
}

template <class T>
void forward(Join const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) put_operand(p, static_cast<int>(i), x[i], y, Into::replace);
}
template <class T>
void push(Join const& p, PrimitiveValues<T> const&, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  if (into == Into::replace) std::fill_n(dy.data, dy.count(), T(0));
  put_operand(p, operand, dx, dy, Into::add);
}
template <class T>
void pull(Join const& p, PrimitiveValues<T> const&, int operand, Batch<T const> g, Batch<T> target, Into into) {
  take_operand(p, operand, g, target, into);
}

INFINITILE_INSTANTIATE_PRIMITIVE(Mix)
INFINITILE_INSTANTIATE_PRIMITIVE(Join)

}  // namespace infinitile::primitive
