#pragma once

#include <algorithm>
#include <cstdlib>

#include "kernels/lanes.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_step.hpp"

// The steps of one plane: all pairs of positions (p, p + d) of one displacement d, for one row input against L columns.
//
// A convolution of stride 1 maps a plane to itself, since it reads (p + o, p + o + d) for each tap o alike; activations are pointwise. So a
// plane goes through all layers between two poolings alone, its h and ntk of L pairs in L2: no memory traffic grows with depth.
// Outside of an image a preactivation is zero, and h = ½ E[(u - 0)²] = ½ q there: with that, borders need no other formula.
//
// Cost  per entry, 3 x 3 convolution and ReLU, NNGP and NTK: 8 additions (the window is a sum along one axis, then along the other), 16
//       flops of distances and of the NTK, kernels/plane_relu.hpp for the ReLU: 53 operations in float, 80 in double, no division. Bytes: 32 to
//       and from L2 in float. Bound: two vector operations per cycle, 27 cycles per 16 entries in float, 40 per 8 in double.

namespace infinitile::plane_step {

using position_step::Sides;
using position_step::Value;

/// The positions of a plane: those p for which p and p + d both lie inside. Entries are row-major over them.
struct Box {
  Triple sizes{1, 1, 1};  ///< of the image
  Triple d{0, 0, 0};

  int low(std::size_t a) const { return std::max(0, -d[a]); }
  int extent(std::size_t a) const { return std::max(0, sizes[a] - std::abs(d[a])); }
  long count() const { return static_cast<long>(extent(0)) * extent(1) * extent(2); }
  /// p of the box's first position, and p' - p.
  int first() const { return (low(0) * sizes[1] + low(1)) * sizes[2] + low(2); }
  int apart() const { return (d[0] * sizes[1] + d[1]) * sizes[2] + d[2]; }

  /// f(p, p', entry).
  template <class F>
  void for_each(F f) const {
    int const shift = apart();
    long e = 0;
    for (int z = 0; z < extent(0); ++z)
      for (int y = 0; y < extent(1); ++y) {
        int const p = ((low(0) + z) * sizes[1] + low(1) + y) * sizes[2] + low(2);
        for (int x = 0; x < extent(2); ++x) f(p + x, p + x + shift, e++);
      }
  }
};

/// Reads a plane, and what lies around it.
template <class R, int L>
struct Source {
  Box box;
  Value<R> value;
  Sides<R> roots;

  bool inside(int z, int y, int x) const {
    return z >= 0 && z < box.extent(0) && y >= 0 && y < box.extent(1) && x >= 0 && x < box.extent(2);
  }
  long entry(int z, int y, int x) const { return (static_cast<long>(z) * box.extent(1) + y) * box.extent(2) + x; }

  /// h just outside: half the variance of the side that is still inside its image, if any.
  Lanes<R, L> around(int z, int y, int x) const {
    int const place[3] = {z, y, x};
    bool own = true, theirs = true;
    int p = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      int const here = box.low(a) + place[a], there = here + box.d[a];
      own &= here >= 0 && here < box.sizes[a];
      theirs &= there >= 0 && there < box.sizes[a];
      p = p * box.sizes[a] + here;
    }
    R const half = static_cast<R>(0.5);
    Lanes<R, L> h{};
    if (own) h += half * roots.row_at(p) * roots.row_at(p);
    if (theirs) {
      Lanes<R, L> const r = load_lanes<L>(roots.col_at(p + box.apart()));
      h += half * r * r;
    }
    return h;
  }
};

/// Adds the entry at (z, y, x), wherever it lies, to the sums of L pairs.
template <class R, int L>
void add_entry(Source<R, L> const& from, int z, int y, int x, R* h, R* t) {
  if (!from.inside(z, y, x)) {
    store_lanes(load_lanes<L>(h) + from.around(z, y, x), h);
    return;
  }
  long const e = from.entry(z, y, x) * L;
  store_lanes(load_lanes<L>(h) + load_lanes<L>(from.value.h + e), h);
  if (t != nullptr) store_lanes(load_lanes<L>(t) + load_lanes<L>(from.value.ntk + e), t);
}

/// out[x] = Σ_k in[x + k] for `count` entries; Taps is the length of the sum where it is known.
template <int Taps, int L, class R>
void sum_taps(R const* in, int taps, long count, R* out) {
  int const size = Taps > 0 ? Taps : taps;
  for (long x = 0; x < count; ++x) {
    Lanes<R, L> sum = load_lanes<L>(in + x * L);
    for (int k = 1; k < size; ++k) sum += load_lanes<L>(in + (x + k) * L);
    store_lanes(sum, out + x * L);
  }
}
template <int L, class R>
void sum_taps(R const* in, int taps, long count, R* out) {
  if (taps == 3) return sum_taps<3, L>(in, taps, count, out);
  sum_taps<0, L>(in, taps, count, out);
}

/// One row of sums along the last axis, stride 1: out[x] = Σ_k in[x + k - low]. Outside rows have no ntk.
template <class R, int L>
void sum_along(Source<R, L> const& from, AxisWindow const& w, int y, int count, R* h, R* t) {
  bool const inside = from.inside(0, y, 0);
  int const first = inside ? std::min(w.low, count) : count;
  int const last = inside ? std::clamp(from.box.extent(2) - w.size + w.low + 1, first, count) : count;
  auto const at_edge = [&](int x) {
    long const place = static_cast<long>(x) * L;
    std::fill(h + place, h + place + L, R(0));
    if (t != nullptr) std::fill(t + place, t + place + L, R(0));
    for (int k = 0; k < w.size; ++k) add_entry(from, 0, y, x + k - w.low, h + place, t == nullptr ? nullptr : t + place);
  };
  for (int x = 0; x < first; ++x) at_edge(x);
  for (int x = last; x < count; ++x) at_edge(x);
  if (first == last) return;
  long const in = from.entry(0, y, first - w.low) * L, out = static_cast<long>(first) * L;
  sum_taps<L>(from.value.h + in, w.size, last - first, h + out);
  if (t != nullptr) sum_taps<L>(from.value.ntk + in, w.size, last - first, t + out);
}

/// One row of an output plane: entries e, e + 1, ... at positions (p, p'), (p + 1, p' + 1), ..., and the sums of the window there.
template <class R>
struct Row {
  int p = 0, other = 0, width = 0;
  long e = 0;
  R const *h = nullptr, *ntk = nullptr;  ///< ntk null: not wanted
};

/// Rows that convolve() and what comes behind it need, each of the output's width.
inline long rows_of_room(Windows const& w) {
  return 2L * w[1].size + 6;
}

/// Every entry as a plain sum over taps: any stride, any number of axes.
template <class R, int L, class Each>
void convolve_plainly(Source<R, L> const& from, Windows const& w, Box const& out, R* room, Each each) {
  int const width = out.extent(2), shift = out.apart();
  long const row_numbers = static_cast<long>(width) * L;
  bool const with_ntk = from.value.ntk != nullptr;
  R* const h = room;
  R* const t = with_ntk ? room + row_numbers : nullptr;
  auto const first = [&](std::size_t axis, int o) { return w[axis].stride * (out.low(axis) + o) - w[axis].low - from.box.low(axis); };
  long e = 0;
  for (int z = 0; z < out.extent(0); ++z)
    for (int y = 0; y < out.extent(1); ++y, e += width) {
      std::fill(room, room + 2 * row_numbers, R(0));
      for (int x = 0; x < width; ++x) {
        long const place = static_cast<long>(x) * L;
        for (int a = 0; a < w[0].size; ++a)
          for (int b = 0; b < w[1].size; ++b)
            for (int c = 0; c < w[2].size; ++c)
              add_entry(from, first(0, z) + a, first(1, y) + b, first(2, x) + c, h + place, with_ntk ? t + place : nullptr);
      }
      int const p = ((out.low(0) + z) * out.sizes[1] + out.low(1) + y) * out.sizes[2] + out.low(2);
      each(Row<R>{p, p + shift, width, e, h, t}, room + 2 * row_numbers);
    }
}

/// Stride 1 in two axes: sums along rows, kept for as many rows as the window is high, then down the columns.
template <class R, int L, class Each>
void convolve_rows(Source<R, L> const& from, Windows const& w, Box const& out, R* room, Each each) {
  int const width = out.extent(2), height = out.extent(1), taps = w[1].size, shift = out.apart();
  long const row_numbers = static_cast<long>(width) * L;
  bool const with_ntk = from.value.ntk != nullptr;
  R* const rows_t = room + taps * row_numbers;
  R* const h = room + 2 * taps * row_numbers;
  R* const t = with_ntk ? h + row_numbers : nullptr;
  auto const ring = [&](R* rows, int y) { return rows + static_cast<long>(y % taps) * row_numbers; };
  // Both boxes begin at the same position.
  auto const sum_row = [&](int y) { sum_along(from, w[2], y - w[1].low, width, ring(room, y), with_ntk ? ring(rows_t, y) : nullptr); };
  auto const sum_down = [&](R const* rows, R* sums) {
    if (taps == 3) {
      for (long i = 0; i < row_numbers; i += L)
        store_lanes(load_lanes<L>(rows + i) + load_lanes<L>(rows + row_numbers + i) + load_lanes<L>(rows + 2 * row_numbers + i), sums + i);
      return;
    }
    std::copy(rows, rows + row_numbers, sums);
    for (int k = 1; k < taps; ++k)
      for (long i = 0; i < row_numbers; i += L) store_lanes(load_lanes<L>(sums + i) + load_lanes<L>(rows + k * row_numbers + i), sums + i);
  };
  for (int y = 0; y + 1 < taps; ++y) sum_row(y);
  for (int y = 0; y < height; ++y) {
    sum_row(y + taps - 1);
    sum_down(room, h);
    if (with_ntk) sum_down(rows_t, t);
    int const p = (out.low(1) + y) * out.sizes[2] + out.low(2);
    each(Row<R>{p, p + shift, width, static_cast<long>(y) * width, h, t}, h + 2 * row_numbers);
  }
}

/// each(row, spare room of four rows) for every row of the output plane. `room`: rows_of_room(w) rows.
template <class R, int L, class Each>
void convolve(Source<R, L> const& from, Windows const& w, Box const& out, R* room, Each each) {
  bool const rows = w[0].size == 1 && w[0].stride == 1 && w[1].stride == 1 && w[2].stride == 1 && out.sizes[0] == 1;
  if (rows) {
    convolve_rows(from, w, out, room, each);
  } else {
    convolve_plainly(from, w, out, room, each);
  }
}

}  // namespace infinitile::plane_step
