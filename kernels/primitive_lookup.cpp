#include "kernels/primitive_lookup.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile::primitive {

namespace {

template <class T>
void expect_indices(Lookup const& p, Batch<T const> x) {
  for (long i = 0; i < x.count(); ++i)
    if (!(x.data[i] >= static_cast<T>(-p.entries) && x.data[i] < static_cast<T>(p.entries) && x.data[i] == std::floor(x.data[i])))
      throw Error(text("the index ", x.data[i], " is looked up in a table of ", p.entries, " entries; whole numbers from 0 to ",
                       p.entries - 1, " are needed. Check the inputs."));
}

}  // namespace

template <class T>
void forward(Lookup const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  expect_indices(p, x[0]);
  for_each_sample(1, y.rows, [&](int, int row) {
    for (int i = 0; i < p.count; ++i)
      std::copy_n(x[1].at(0, row) + static_cast<long>(p.entry(x[0].at(0, row)[i])) * p.width, p.width,
                  y.at(0, row) + static_cast<long>(i) * p.width);
  });
}
template <class T>
void push(Lookup const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  for_each_sample(dy.copies, dy.rows, [&](int copy, int row) {
    T* out = dy.at(copy, row);
    if (operand == 0) {
      if (into == Into::replace) std::fill_n(out, dy.size, T(0));
      return;
    }
    for (int i = 0; i < p.count; ++i) {
      T const* const in = dx.at(copy, row) + static_cast<long>(p.entry(at.operands[0].at(0, row)[i])) * p.width;
      for (int c = 0; c < p.width; ++c, ++out) *out = in[c] + (into == Into::add ? *out : T(0));
    }
  });
}
template <class T>
void pull(Lookup const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    T* const sum = target.at(copy, target_row);
    if (into == Into::replace) std::fill_n(sum, target.size, T(0));
    if (operand == 0) return;
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; row < rows.last; ++row)
      for (int i = 0; i < p.count; ++i) {
        T* const out = sum + static_cast<long>(p.entry(at.operands[0].at(0, row)[i])) * p.width;
        T const* const in = g.at(copy, row) + static_cast<long>(i) * p.width;
        for (int c = 0; c < p.width; ++c) out[c] += in[c];
      }
  });
}

INFINITILE_INSTANTIATE_PRIMITIVE(Lookup)

}  // namespace infinitile::primitive
