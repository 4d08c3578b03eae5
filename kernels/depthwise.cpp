#include "kernels/depthwise.hpp"

#include <algorithm>

namespace infinitile::primitive {

namespace {

constexpr int block = 128 / sizeof(float);  // channels whose sums are in registers
constexpr int positions_at_once = 256;      // of a piece of work

/// to[c] ← [to[c] +] scale Σ_i a(i)[c] b(i)[c] over i < count for `channels` channels; terms without an a are left out.
template <class T, class Left, class Right>
void add_products(int count, int channels, T scale, Left const& a, Right const& b, T* to, Into into) {
  for (int first = 0; first < channels; first += block) {
    int const width = std::min(block, channels - first);
    T sum[block]{};
    for (int i = 0; i < count; ++i) {
      T const* const left = a(i);
      if (left == nullptr) continue;
      T const* const right = b(i) + first;
      if (width == block)
        for (int c = 0; c < block; ++c) sum[c] += left[first + c] * right[c];
      else
        for (int c = 0; c < width; ++c) sum[c] += left[first + c] * right[c];
    }
    for (int c = 0; c < width; ++c) to[first + c] = (into == Into::add ? to[first + c] : T(0)) + scale * sum[c];
  }
}

/// The numbers under a tap, or none.
template <class T>
T* under(Convolve const& p, T* x, int position, int tap) {
  int const pick = p.picks[static_cast<std::size_t>(position) * static_cast<std::size_t>(p.taps) + static_cast<std::size_t>(tap)];
  return pick < 0 ? nullptr : x + static_cast<long>(pick) * p.in;
}

}  // namespace

bool is_depthwise(Convolve const& p) {
  return p.groups > 1 && p.groups == p.in && p.in == p.out;
}

template <class T>
void depthwise_forward(Convolve const& p, Batch<T const> x, Batch<T const> w, Batch<T> y, Into into) {
  int const panels = (p.out_positions + positions_at_once - 1) / positions_at_once;
  parallel_for_tiles(y.copies * y.rows * panels, [&](int piece) {
    int const copy = piece / panels / y.rows, row = piece / panels % y.rows, first = piece % panels * positions_at_once;
    T const *const from = x.at(copy, row), *const weights = w.at(copy, row);
    for (int o = first; o < std::min(first + positions_at_once, p.out_positions); ++o)
      add_products(
          p.taps, p.in, static_cast<T>(p.scale), [&](int t) { return under(p, from, o, t); },
          [&](int t) { return weights + static_cast<long>(t) * p.in; }, y.at(copy, row) + static_cast<long>(o) * p.in, into);
  });
}

template <class T>
void depthwise_pull_input(Convolve const& p, Batch<T const> w, Batch<T const> g, Batch<T> target, Into into) {
  auto const scale = static_cast<T>(p.scale);
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    T* const sum = target.at(copy, target_row);
    if (into == Into::replace) std::fill_n(sum, target.size, T(0));
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; row < rows.last; ++row)
      for (int o = 0; o < p.out_positions; ++o)
        for (int t = 0; t < p.taps; ++t)
          if (T* const to = under(p, sum, o, t); to != nullptr) {
            T const *const from = g.at(copy, row) + static_cast<long>(o) * p.in, *const weights =
                                                                                     w.at(0, row) + static_cast<long>(t) * p.in;
            for (int c = 0; c < p.in; ++c) to[c] += scale * from[c] * weights[c];
          }
  });
}

template <class T>
void depthwise_pull_weights(Convolve const& p, Batch<T const> x, Batch<T const> g, Batch<T> target, Into into) {
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; row < rows.last; ++row)
      for (int t = 0; t < p.taps; ++t)
        add_products(
            p.out_positions, p.in, static_cast<T>(p.scale), [&](int o) { return under(p, x.at(0, row), o, t); },
            [&](int o) { return g.at(copy, row) + static_cast<long>(o) * p.in; }, target.at(copy, target_row) + static_cast<long>(t) * p.in,
            row == rows.first ? into : Into::add);
  });
}

#define INFINITILE_DEPTHWISE(T)                                                                        \
  template void depthwise_forward(Convolve const&, Batch<T const>, Batch<T const>, Batch<T>, Into);    \
  template void depthwise_pull_input(Convolve const&, Batch<T const>, Batch<T const>, Batch<T>, Into); \
  template void depthwise_pull_weights(Convolve const&, Batch<T const>, Batch<T const>, Batch<T>, Into);
INFINITILE_DEPTHWISE(double)
INFINITILE_DEPTHWISE(float)

}  // namespace infinitile::primitive
