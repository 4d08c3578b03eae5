#pragma once

#include "kernels/lanes.hpp"
#include "kernels/plane_box.hpp"
#include "kernels/position_step.hpp"

// The steps of one plane: all pairs of positions (p, p + d) of one displacement d, for one row input against L columns.
//
// A convolution of stride 1 maps a plane to itself, since it reads (p + o, p + o + d) for each tap o alike; activations are pointwise. So a
// plane goes through all layers between two poolings alone, its h and ntk of L pairs in L2: no memory traffic grows with depth.
// Outside of an image a preactivation is zero, and h = ½ E[(u - 0)²] = ½ q there: with that, borders need no other formula.

namespace infinitile::plane_step {

using position_step::Sides;
using position_step::Value;

/// Reads a plane, and what lies around it.
template <class R, int L>
struct Source {
  Box box;
  Value<R> value;
  Sides<R> roots;

  bool inside(int z, int y, int x) const {
    return z >= 0 && z < box.extent(0) && y >= 0 && y < box.extent(1) && x >= 0 && x < box.extent(2);
  }

  /// h just outside: half the variance of the side that is still inside its image, if any.
  Lanes<R, L> around(int z, int y, int x) const {
    int const place[3] = {z, y, x};
    bool own = true, theirs = true;
    for (std::size_t a = 0; a < 3; ++a) {
      Inside const here = inside(a, place[a]);
      own &= here.own;
      theirs &= here.theirs;
    }
    int const p = box.position(z, y, x);
    R const half = static_cast<R>(0.5);
    Lanes<R, L> h{};
    if (own) h += half * roots.row_at(p) * roots.row_at(p);
    if (theirs) {
      Lanes<R, L> const r = load_lanes<L>(roots.col_at(p + box.apart()));
      h += half * r * r;
    }
    return h;
  }

  /// Fills the ring of cells around each image, in images of two axes.
  void fill_ring() const {
    int const height = box.extent(1), width = box.extent(2);
    for (int const y : {-1, height}) {
      fill_line(y, -1, 0, 1, 1);
      fill_line(y, 0, 0, 1, width);
      fill_line(y, width, 0, 1, 1);
    }
    for (int const x : {-1, width}) fill_line(0, x, 1, 0, height);
  }

private:
  /// Which of the two sides is inside of its image at place `x` of the box along axis a.
  struct Inside {
    bool own, theirs;
  };
  Inside inside(std::size_t a, int x) const {
    int const here = box.low(a) + x, there = here + box.d[a];
    return {here >= 0 && here < box.sizes[a], there >= 0 && there < box.sizes[a]};
  }

  /// `count` cells from (y, x) on, along one axis; each is as much inside as the first.
  void fill_line(int y, int x, int down, int along, int count) const {
    Inside const ys = inside(1, y), xs = inside(2, x);
    bool const own = ys.own && xs.own, theirs = ys.theirs && xs.theirs;
    int const step = down * box.sizes[2] + along, p = box.position(0, y, x);
    long const to_step = (down * box.pitch() + along) * L, to = box.cell(0, y, x) * L;
    R const half = static_cast<R>(0.5);
    if (own) {  // both sides are nowhere inside, since then the cell would be an entry
      R const* const row = roots.row + p * Sides<R>::stride;
      for (int i = 0; i < count; ++i) {
        R const r = row[i * step * Sides<R>::stride];
        store_lanes(Lanes<R, L>{} + half * r * r, value.h + to + i * to_step);
      }
    } else if (theirs) {
      R const* const col = roots.col_at(p + box.apart());
      for (int i = 0; i < count; ++i) {
        Lanes<R, L> const r = load_lanes<L>(col + i * step * Sides<R>::stride);
        store_lanes(half * r * r, value.h + to + i * to_step);
      }
    } else {
      for (int i = 0; i < count; ++i) store_lanes(Lanes<R, L>{}, value.h + to + i * to_step);
    }
    for (int i = 0; value.ntk != nullptr && i < count; ++i) store_lanes(Lanes<R, L>{}, value.ntk + to + i * to_step);
  }
};

/// One row of an output plane: the windows that its entries read, and where the layer behind writes.
template <class R>
struct Row {
  R const *h = nullptr, *ntk = nullptr;  ///< the first cell of the first window, or its sum; ntk null: not wanted
  long pitch = 0;                        ///< numbers from one row of the window to the next
  R *h_out = nullptr, *ntk_out = nullptr;
  int width = 0;
  Sides<R> roots;  ///< behind the layer's weights, from the row's first entry on
};

/// layer.block<Taps, L, N, with_ntk>(row, x) for neighbours x, ..., x + N - 1, from the row's first to its last.
template <int Taps, int L, bool with_ntk, class R, class Layer>
void run_in_blocks(Layer const& layer, Row<R> const& row) {
  constexpr int most = sizeof(R) == 4 ? 6 : 5;
  for (int x = 0; x < row.width;) {
    auto const block = [&]<int N>() {
      layer.template block<Taps, L, N, with_ntk>(row, x);
      x += N;
    };
    int const left = row.width - x, even = left / ((left + most - 1) / most);
    switch (left < 3 ? 1 : even) {
      case 6:
        block.template operator()<6>();
        break;
      case 5:
        block.template operator()<5>();
        break;
      case 4:
        block.template operator()<4>();
        break;
      case 3:
        block.template operator()<3>();
        break;
      default:
        block.template operator()<1>();
    }
  }
}
template <int Taps, int L, class R, class Layer>
void run_row(Layer const& layer, Row<R> const& row) {
  row.ntk == nullptr ? run_in_blocks<Taps, L, false>(layer, row) : run_in_blocks<Taps, L, true>(layer, row);
}

/// What a convolution needs around the sums: how far its windows reach.
struct Reach {
  bool three = false;  ///< 3 x 3 of stride 1, cells of the ring at most
  bool ring = false;   ///< any window in two axes that reads no further than the ring

  Reach(Windows const& w) {
    auto const near = [](AxisWindow const& a) { return a.low <= 1 && (a.output - 1) * a.stride - a.low + a.size - 1 <= a.input; };
    ring = w[0].input == 1 && w[0].output == 1 && w[0].size == 1 && near(w[1]) && near(w[2]);
    three = ring && w[1].size == 3 && w[2].size == 3 && w[1].stride == 1 && w[2].stride == 1;
  }
};

/// Sums over windows of any size and stride, entry by entry.
template <class R, int L>
class PlainSums {
public:
  PlainSums(Source<R, L> const& from, Windows const& w, Box const& out) : from_(from), w_(w), out_(out), ring_(Reach(w).ring) {}

  /// One row of sums; t null: not wanted.
  void sum(int z, int y, R* h, R* t) const {
    for (int x = 0; x < out_.extent(2); ++x) {
      Lanes<R, L> sum_h{}, sum_t{};
      for (int a = 0; a < w_[0].size; ++a)
        for (int b = 0; b < w_[1].size; ++b)
          for (int c = 0; c < w_[2].size; ++c) add(first(0, z) + a, first(1, y) + b, first(2, x) + c, sum_h, sum_t);
      store_lanes(sum_h, h + static_cast<long>(x) * L);
      if (t != nullptr) store_lanes(sum_t, t + static_cast<long>(x) * L);
    }
  }

private:
  int first(std::size_t a, int o) const { return w_[a].stride * (out_.low(a) + o) - w_[a].low - from_.box.low(a); }

  void add(int z, int y, int x, Lanes<R, L>& h, Lanes<R, L>& t) const {
    if (!ring_ && !from_.inside(z, y, x)) {
      h += from_.around(z, y, x);
      return;
    }
    long const place = from_.box.cell(z, y, x) * L;
    h += load_lanes<L>(from_.value.h + place);
    if (from_.value.ntk != nullptr) t += load_lanes<L>(from_.value.ntk + place);
  }

  Source<R, L> const& from_;
  Windows const& w_;
  Box const& out_;
  bool ring_;
};

/// Sums over windows of stride 1 in two axes: along rows first, kept for as many rows as the window is high, then down the columns.
template <class R, int L>
class RunningSums {
public:
  static bool fits(Windows const& w) { return w[0].input == 1 && w[0].size == 1 && w[1].stride == 1 && w[2].stride == 1; }

  /// `room`: 2 x height of the window rows.
  RunningSums(Source<R, L> const& from, Windows const& w, Box const& out, R* room)
      : from_(from),
        w_(w),
        width_(out.extent(2)),
        taps_(w[1].size),
        numbers_(static_cast<long>(width_) * L),
        h_(room),
        t_(room + taps_ * numbers_) {
    for (int y = 0; y + 1 < taps_; ++y) sum_row(y);
  }

  /// Rows in order, from 0 on.
  void sum(int, int y, R* h, R* t) {
    sum_row(y + taps_ - 1);
    sum_down(h_, h);
    if (t != nullptr) sum_down(t_, t);
  }

private:
  R* line(R* rows, int y) const { return rows + static_cast<long>(y % taps_) * numbers_; }

  void sum_down(R const* rows, R* sums) const {
    for (long i = 0; i < numbers_; i += L) {
      Lanes<R, L> sum = load_lanes<L>(rows + i);
      for (int k = 1; k < taps_; ++k) sum += load_lanes<L>(rows + k * numbers_ + i);
      store_lanes(sum, sums + i);
    }
  }

  /// Both boxes begin at the same position.
  void sum_row(int number) {
    int const y = number - w_[1].low;
    for (int x = 0; x < width_; ++x) {
      Lanes<R, L> h{}, t{};
      for (int k = 0; k < w_[2].size; ++k) {
        int const place = x + k - w_[2].low;
        if (!from_.inside(0, y, place)) {
          h += from_.around(0, y, place);
          continue;
        }
        long const cell = from_.box.cell(0, y, place) * L;
        h += load_lanes<L>(from_.value.h + cell);
        if (from_.value.ntk != nullptr) t += load_lanes<L>(from_.value.ntk + cell);
      }
      store_lanes(h, line(h_, number) + static_cast<long>(x) * L);
      if (from_.value.ntk != nullptr) store_lanes(t, line(t_, number) + static_cast<long>(x) * L);
    }
  }

  Source<R, L> const& from_;
  Windows const& w_;
  int width_, taps_;
  long numbers_;
  R *h_, *t_;
};

/// Rows of numbers that convolve() needs, each of the output's width.
inline long rows_of_room(Windows const& w) {
  return 2L * w[1].size + 2;
}

/// layer(row) for every row of the output plane: 3 x 3 windows as they lie in the plane, `Taps` 3, all others as sums, `Taps` 1.
template <class R, int L, class Layer>
void convolve(Source<R, L> const& from, Windows const& w, Box const& out, Sides<R> roots, Value<R> to, R* room, Layer const& layer) {
  Reach const reach(w);
  bool const with_ntk = to.ntk != nullptr;
  if (reach.ring) from.fill_ring();
  auto const for_each_row = [&](auto make) {
    for (int z = 0; z < out.extent(0); ++z)
      for (int y = 0; y < out.extent(1); ++y) {
        long const cell = out.cell(z, y, 0) * L;
        int const p = out.position(z, y, 0);
        // The next row's roots come from the last cache, whose lines the processor does not fetch ahead across pages.
        R const* const next = roots.col_at(p + out.apart() + out.sizes[2]);
        for (int x = 0; y + 1 < out.extent(1) && x < out.extent(2); ++x) __builtin_prefetch(next + x * Sides<R>::stride);
        Row<R> row{nullptr, nullptr, 0, to.h + cell, with_ntk ? to.ntk + cell : nullptr, out.extent(2), roots.from(p, p + out.apart())};
        make(z, y, row);
      }
  };
  if (reach.three) {
    for_each_row([&](int, int y, Row<R>& row) {
      long const first = from.box.cell(0, out.low(1) + y - w[1].low - from.box.low(1), out.low(2) - w[2].low - from.box.low(2)) * L;
      row.h = from.value.h + first;
      row.ntk = with_ntk ? from.value.ntk + first : nullptr;
      row.pitch = from.box.pitch() * L;
      run_row<3, L>(layer, row);
    });
    return;
  }
  R* const h = room;
  R* const t = with_ntk ? room + static_cast<long>(out.extent(2)) * L : nullptr;
  auto const by_sums = [&](auto sums) {
    for_each_row([&](int z, int y, Row<R>& row) {
      sums.sum(z, y, h, t);
      row.h = h;
      row.ntk = t;
      run_row<1, L>(layer, row);
    });
  };
  if (RunningSums<R, L>::fits(w) && !reach.ring) {
    by_sums(RunningSums<R, L>(from, w, out, room + 2L * out.extent(2) * L));
  } else {
    by_sums(PlainSums<R, L>(from, w, out));
  }
}

}  // namespace infinitile::plane_step
