// Structured terms of convolutions and of parameters that are used several times, as those of one product; declared in
// kernels/empirical_terms.hpp.
#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "kernels/empirical_terms.hpp"

namespace infinitile {

namespace {

/// (positions, groups, width) to (groups, positions, width).
template <class T>
void sort_by_group(T const* from, int positions, int groups, int width, T* to) {
  for (int group = 0; group < groups; ++group)
    for (int p = 0; p < positions; ++p, to += width) std::copy_n(from + (static_cast<long>(p) * groups + group) * width, width, to);
}

/// A use as one of a product, and the memory that it takes, if any.
template <class T>
struct ProductUse {
  Numbers<T> x, g;
  WeightUse<T> use;
};

/// Products as they are, tables as products of one number by a row each.
primitive::MatrixProduct product_of(primitive::MatrixProduct const& p) {
  return with_groups_merged(p);
}
primitive::MatrixProduct product_of(primitive::Convolve const& p) {
  return product_of_windows(p);
}
primitive::MatrixProduct product_of(primitive::Lookup const& p) {
  primitive::MatrixProduct out;
  out.m = p.count;
  out.n = p.width;
  return out;
}

template <class P, class T>
ProductUse<T> use_of(P const&, WeightUse<T> const& side) {
  return {{}, {}, side};
}
template <class T>
ProductUse<T> use_of(primitive::Convolve const& p, WeightUse<T> const& side) {
  int const width = p.taps * (p.in / p.groups), rows = side.x.rows;
  ProductUse<T> out{Numbers<T>(1, rows, static_cast<long>(p.out_positions) * p.groups * width), {}, {{}, side.g}};
  primitive::for_each_sample(1, rows, [&](int, int row) {
    T* const to = out.x.batch().at(0, row);
    if (p.groups == 1) return primitive::gather_windows(p, side.x.at(0, row), to);
    T* const windows = primitive::scratch<T>(static_cast<std::size_t>(out.x.batch().size));
    primitive::gather_windows(p, side.x.at(0, row), windows);
    sort_by_group(windows, p.out_positions, p.groups, width, to);
  });
  out.use.x = out.x.batch();
  if (p.groups == 1) return out;
  out.g = Numbers<T>(side.g.copies, side.g.rows, side.g.size);
  primitive::for_each_sample(side.g.copies, side.g.rows, [&](int copy, int row) {
    sort_by_group(side.g.at(copy, row), p.out_positions, p.groups, p.out / p.groups, out.g.batch().at(copy, row));
  });
  out.use.g = out.g.batch();
  return out;
}

/// The product that has the positions of all of them; the scales are in what the weights multiply.
primitive::MatrixProduct joined(std::span<primitive::MatrixProduct const> products) {
  primitive::MatrixProduct out = products[0];
  out.m = 0;
  for (primitive::MatrixProduct const& p : products) out.m += p.m;
  out.left_grouped = true;
  out.scale = 1;
  return out;
}

template <class P, class T>
ProductUse<T> joined(std::span<SharedUse<P, T> const> uses, std::span<primitive::MatrixProduct const> products,
                     WeightUse<T> SharedUse<P, T>::*side) {
  primitive::MatrixProduct const all = joined(products);
  WeightUse<T> const& first = uses[0].*side;
  long const k = all.k, n = all.n;
  ProductUse<T> out{
      Numbers<T>(1, first.x.rows, all.groups * all.m * k), Numbers<T>(first.g.copies, first.g.rows, all.groups * all.m * n), {}};
  out.use = {out.x.batch(), out.g.batch()};
  long before = 0;
  for (std::size_t u = 0; u < uses.size(); before += products[u].m, ++u) {
    primitive::MatrixProduct const& p = products[u];
    ProductUse<T> const each = use_of(*uses[u].primitive, uses[u].*side);
    auto const scale = static_cast<T>(p.scale);
    primitive::for_each_sample(1, first.x.rows, [&](int, int row) {
      for (long group = 0; group < p.groups; ++group) {
        T const* const from = each.use.x.at(0, row) + (p.left_grouped ? group * p.m * k : 0);
        T* const to = out.x.batch().at(0, row) + (group * all.m + before) * k;
        for (long i = 0; i < p.m * k; ++i) to[i] = scale * from[i];
      }
    });
    primitive::for_each_sample(first.g.copies, first.g.rows, [&](int copy, int row) {
      for (long group = 0; group < p.groups; ++group)
        std::copy_n(each.use.g.at(copy, row) + group * p.m * n, p.m * n, out.g.batch().at(copy, row) + (group * all.m + before) * n);
    });
  }
  return out;
}

void add_joined(primitive::Lookup p, primitive::MatrixProduct const& all, auto const& left, auto const& right, auto const& sum) {
  p.count = all.m;
  add_weight_term(p, left, right, sum);
}
void add_joined(auto const&, primitive::MatrixProduct const& all, auto const& left, auto const& right, auto const& sum) {
  add_weight_term(all, left, right, sum);
}

}  // namespace

bool are_alike(primitive::MatrixProduct const& one, primitive::MatrixProduct const& other) {
  primitive::MatrixProduct const a = with_groups_merged(one), b = with_groups_merged(other);
  return a.groups == b.groups && a.k == b.k && a.n == b.n && a.transpose_right == b.transpose_right;
}
bool are_alike(primitive::Convolve const& one, primitive::Convolve const& other) {
  return one.groups == other.groups && one.taps == other.taps && one.in == other.in && one.out == other.out;
}
bool are_alike(primitive::Lookup const& one, primitive::Lookup const& other) {
  return one.entries == other.entries && one.width == other.width;
}

primitive::MatrixProduct product_of_windows(primitive::Convolve const& p) {
  primitive::MatrixProduct out;
  out.groups = p.groups;
  out.m = p.out_positions;
  out.k = p.taps * (p.in / p.groups);
  out.n = p.out / p.groups;
  out.scale = p.scale;
  return out;
}

template <class T>
void add_weight_term(primitive::Convolve const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum) {
  ProductUse<T> const one = use_of(p, left), other = left.g.data == right.g.data ? one : use_of(p, right);
  add_weight_term(product_of_windows(p), one.use, other.use, sum);
}

template <class P, class T>
void add_weight_term(std::span<SharedUse<P, T> const> uses, TermSum<T> sum) {
  std::vector<primitive::MatrixProduct> products;
  for (auto const& each : uses) {
    INFINITILE_EXPECT(are_alike(*each.primitive, *uses[0].primitive));
    products.push_back(product_of(*each.primitive));
  }
  bool const same = uses[0].left.g.data == uses[0].right.g.data;
  ProductUse<T> const left = joined<P, T>(uses, products, &SharedUse<P, T>::left),
                      right = same ? left : joined<P, T>(uses, products, &SharedUse<P, T>::right);
  add_joined(*uses[0].primitive, joined(products), left.use, right.use, sum);
}

#define INFINITILE_WEIGHT_TERMS(T)                                                                                 \
  template void add_weight_term(primitive::Convolve const&, WeightUse<T> const&, WeightUse<T> const&, TermSum<T>); \
  template void add_weight_term(std::span<SharedUse<primitive::MatrixProduct, T> const>, TermSum<T>);              \
  template void add_weight_term(std::span<SharedUse<primitive::Convolve, T> const>, TermSum<T>);                   \
  template void add_weight_term(std::span<SharedUse<primitive::Lookup, T> const>, TermSum<T>);
INFINITILE_WEIGHT_TERMS(double)
INFINITILE_WEIGHT_TERMS(float)

}  // namespace infinitile
