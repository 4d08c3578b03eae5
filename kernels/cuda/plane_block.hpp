#pragma once

#include <cmath>

#include "kernels/arc_cosine.hpp"
#include "kernels/cuda/plane_arrays.hpp"
#include "kernels/cuda/plane_torus.hpp"

// All layers of one pair of images, on all planes of positions, by one block of threads: the body of a launch on a GPU, and plain functions to
// the host, which runs it thread by thread in its tests.
//
// A Block says who the threads are and how they meet: phase(f) is f(thread, strip) on every thread, after which all meet; alone(f) the same
// without meeting, for what touches the thread's own strip only; threads() is how many there are.

namespace infinitile::plane_kernel {

#if defined(__CUDACC__)
#define INFINITILE_UNROLL _Pragma("unroll")
#else
#define INFINITILE_UNROLL
#endif

/// What a launch reads.
template <class R>
struct PlaneJob {
  int height = 1, width = 1, channels = 1, planes = 1, slots = 0, layer_count = 0;
  PlaneLayer<R> const* layers = nullptr;
  R const* inputs = nullptr;
  R const* roots = nullptr;
};

/// A thread's part of a plane: up to strip_rows rows of one column, in registers.
template <class R>
struct Strip {
  int seat = 0, number = 0;  ///< which plane of those at hand; which strip of its column
  int x = 0, first = 0;      ///< column and first row; nothing to do where the first row is behind the last
  TorusAxis down, along;
  R h[Seating::strip_rows] = {}, ntk[Seating::strip_rows] = {};
  PlaneSums sums;
};

INFINITILE_FN float reciprocal_root(float x) {
#if defined(__CUDA_ARCH__)
  return ::rsqrtf(x);
#else
  return 1 / std::sqrt(x);
#endif
}
INFINITILE_FN double reciprocal_root(double x) {
#if defined(__CUDA_ARCH__)
  return ::rsqrt(x);
#else
  return 1 / std::sqrt(x);
#endif
}

/// Weights and activation behind a window, for one entry: h and ntk are the sums over the window.
/// Formula  plane_step::Weights and plane_step::WeightsAndRelu in kernels/plane_relu.hpp, one entry at a time.
template <class R>
INFINITILE_FN void carry(PlaneLayer<R> const& layer, R r1, R r2, R& h, R* ntk) {
  constexpr R half = static_cast<R>(0.5), least_product = sizeof(R) == 4 ? static_cast<R>(1e-37) : static_cast<R>(1e-300);
  h *= layer.a;
  R const both = r1 * r2;
  if (layer.bends == 0) {
    R const k = both > 0 ? half * (r1 * r1 + r2 * r2) - h : 0;  // as position_step::covariance
    if (ntk != nullptr) *ntk = layer.trained * k + (layer.a * *ntk + layer.one);
    return;
  }
  R const away = r1 - r2, apart = h - (half * away) * away, above = apart > 0 ? apart : 0;
  R const w = above < 2 * both ? above : 2 * both, rest = both - w, other = both + rest;
  R const near = w < other ? w : other, product = near * both;
  R const root = both > 0 ? near * reciprocal_root(product > least_product ? product : least_product) : 1;
  R const end = root * root, straight = rest < 0 ? rest : 0;
  h = layer.level * (h + layer.turn * straight) - (layer.bend * (both * root)) * (end * dual_math::bow(end));
  if (ntk == nullptr) return;
  R const turned = (layer.bend * root) * dual_math::arc(end);
  R const slope = rest < 0 ? layer.product + turned : layer.level - turned;
  *ntk = slope * (layer.trained * rest + (layer.a * *ntk + layer.one));
}

/// One pair. `room` is what the threads share, Seating::bytes() of it. Side: of square images whose size the compiler knows, so that places are
/// distances it knows as well; 0 for all others.
template <class R, bool with_ntk, int Side>
class PairRun {
public:
  using Own = Strip<R>;

  INFINITILE_FN PairRun(PlaneJob<R> const& job, PlanePair const& pair, double* room)
      : job_(job),
        seating_(job.height, job.width, job.planes),
        inputs_{of_input(job.inputs, pair.row, job.channels), of_input(job.inputs, pair.col, job.channels)},
        roots_{of_input(job.roots, pair.row, job.slots), of_input(job.roots, pair.col, job.slots)},
        sums_(room),
        room_(reinterpret_cast<R*>(room)) {}

  /// The sums over all planes, known to thread 0.
  template <class Block>
  INFINITILE_FN void run(Block& block, PlaneSums* out) {
    for (int first = 0; first < job_.planes; first += seating_.seats) {
      block.alone([&](int thread, Own& s) { begin(thread, first, s); });
      for (int n = 0; n < job_.layer_count; ++n) {
        PlaneLayer<R> const layer = job_.layers[n];
        if (layer.taps == 1) {
          block.alone([&](int, Own& s) { carry_strip(layer, s); });
          continue;
        }
        block.phase([&](int thread, Own& s) { share(thread, layer.before, s); });
        block.phase([&](int, Own& s) { carry_windows(layer, s); });
      }
      block.alone([&](int, Own& s) { add_up(s); });
    }
    reduce(block);
    block.alone([&](int thread, Own&) {
      if (thread == 0) *out = {sums_[0], with_ntk ? sums_[block.threads()] : 0};
    });
  }

private:
  /// Of the row input and of the column input.
  struct Two {
    R const *own, *theirs;
  };
  INFINITILE_FN R const* of_input(R const* all, int input, int lines) const { return all + static_cast<long>(input) * lines * positions(); }
  INFINITILE_FN Two roots(int slot) const { return {roots_.own + slot * positions(), roots_.theirs + slot * positions()}; }

  INFINITILE_FN R* h_of(Own const& s) const { return room_ + s.seat * seating_.cells; }
  INFINITILE_FN R* ntk_of(Own const& s) const { return h_of(s) + seating_.seats * seating_.cells; }
  INFINITILE_FN int height() const { return Side > 0 ? Side : job_.height; }
  INFINITILE_FN int width() const { return Side > 0 ? Side : job_.width; }
  INFINITILE_FN int positions() const { return height() * width(); }
  INFINITILE_FN int pitch() const { return width() + 4; }

  /// One entry of a strip, as its threads walk down the column.
  struct Entry {
    int p, other;  ///< positions
    int cell;      ///< place in the room
    bool anew;     ///< the one above is no neighbour, or of another strip
  };
  /// f(i, entry) for the entries of a strip; i is known to the compiler, so that registers can be arrays.
  template <class F>
  INFINITILE_FN void for_each_entry(Own const& s, F f) const {
    int const p = s.first * width() + s.x, turn = s.down.seam() - s.first;
    int const other = p + s.down.shift * width() + s.along.apart(s.x), cell = (s.first + 1) * pitch() + s.along.place(s.x);
    INFINITILE_UNROLL
    for (int i = 0; i < Seating::strip_rows; ++i) {
      bool const behind = i >= turn;
      if (s.first + i < height())
        f(i, Entry{p + i * width(), other + i * width() - (behind ? positions() : 0), cell + (behind ? i + 2 : i) * pitch(),
                   i == 0 || i == turn});
    }
  }

  /// Takes a seat at the planes from `first_plane` on: h from differences of the inputs, so that near duplicates begin with all their digits.
  INFINITILE_FN void begin(int thread, int first_plane, Own& s) const {
    s.seat = thread / seating_.per_plane();
    int const place = thread % seating_.per_plane(), plane = first_plane + s.seat;
    s.x = place % width();
    s.number = place / width();
    s.first = s.seat < seating_.seats && plane < job_.planes ? s.number * Seating::strip_rows : height();
    s.down = {height(), plane / width()};
    s.along = {width(), plane % width()};
    R const weight = static_cast<R>(0.5) / static_cast<R>(job_.channels);
    for_each_entry(s, [&](int i, Entry const& e) {
      R sum = 0;
      for (int c = 0; c < job_.channels; ++c) {
        R const apart = inputs_.own[c * positions() + e.p] - inputs_.theirs[c * positions() + e.other];
        sum += apart * apart;
      }
      s.h[i] = weight * sum;
      s.ntk[i] = 0;
    });
  }

  /// Writes a strip for its neighbours, and its share of the ring.
  INFINITILE_FN void share(int thread, int slot, Own const& s) const {
    if (s.first >= height()) return;
    R *const h = h_of(s), *const ntk = ntk_of(s);
    int const column = s.along.place(s.x);
    for_each_entry(s, [&](int i, Entry const& e) {
      h[e.cell] = s.h[i];
      if constexpr (with_ntk) ntk[e.cell] = s.ntk[i];
    });
    Two const border = roots(slot);
    for (int line = s.number; line < 4; line += seating_.strips) write_ring(s, border, s.down.ring(line), column);
    for (int n = thread % seating_.per_plane(); n < 4 * s.down.room(); n += seating_.per_plane())
      write_ring(s, border, n / 4, s.along.ring(n % 4));
  }

  /// Outside of an image a preactivation is 0, so that h is half the variance of the side that is still inside, if any.
  INFINITILE_FN void write_ring(Own const& s, Two const& border, int row, int column) const {
    TorusAxis::Sides const y = s.down.at(row), x = s.along.at(column);
    R sum = 0;
    if (s.down.inside(y.own) && s.along.inside(x.own)) {
      R const r = border.own[y.own * width() + x.own];
      sum += r * r;
    }
    if (s.down.inside(y.theirs) && s.along.inside(x.theirs)) {
      R const r = border.theirs[y.theirs * width() + x.theirs];
      sum += r * r;
    }
    int const cell = row * pitch() + column;
    h_of(s)[cell] = static_cast<R>(0.5) * sum;
    if constexpr (with_ntk) ntk_of(s)[cell] = 0;
  }

  /// Sums over 3 x 3 cells on the way down a column, along rows first, each of which is read once.
  struct Window {
    R above = 0, here = 0;
    INFINITILE_FN static R row(R const* cell) { return cell[-1] + cell[0] + cell[1]; }
    INFINITILE_FN void begin(R const* cell, int pitch) {
      above = row(cell - pitch);
      here = row(cell);
    }
    INFINITILE_FN R next(R const* cell, int pitch) {
      R const below = row(cell + pitch), sum = above + here + below;
      above = here;
      here = below;
      return sum;
    }
  };

  /// A window and what is behind it, entry by entry; the window begins anew behind the seam.
  INFINITILE_FN void carry_windows(PlaneLayer<R> const& layer, Own& s) const {
    Two const r = roots(layer.after);
    R const *const h = h_of(s), *const ntk = ntk_of(s);
    Window sum_h, sum_ntk;
    for_each_entry(s, [&](int i, Entry const& e) {
      if (e.anew) {
        sum_h.begin(h + e.cell, pitch());
        if constexpr (with_ntk) sum_ntk.begin(ntk + e.cell, pitch());
      }
      s.h[i] = sum_h.next(h + e.cell, pitch());
      if constexpr (with_ntk) s.ntk[i] = sum_ntk.next(ntk + e.cell, pitch());
      carry(layer, r.own[e.p], r.theirs[e.other], s.h[i], with_ntk ? &s.ntk[i] : nullptr);
    });
  }
  INFINITILE_FN void carry_strip(PlaneLayer<R> const& layer, Own& s) const {
    Two const r = roots(layer.after);
    for_each_entry(s, [&](int i, Entry const& e) { carry(layer, r.own[e.p], r.theirs[e.other], s.h[i], with_ntk ? &s.ntk[i] : nullptr); });
  }

  /// In double, as one pair has a million entries.
  INFINITILE_FN void add_up(Own& s) const {
    for_each_entry(s, [&](int i, Entry const&) {
      s.sums.h += static_cast<double>(s.h[i]);
      if constexpr (with_ntk) s.sums.ntk += static_cast<double>(s.ntk[i]);
    });
  }

  /// In a tree, whose shape depends on nothing but the number of threads: the same bits every time.
  template <class Block>
  INFINITILE_FN void reduce(Block& block) const {
    int const threads = block.threads();
    double *const h = sums_, *const ntk = sums_ + threads;
    block.phase([&](int thread, Own const& s) {
      h[thread] = s.sums.h;
      if constexpr (with_ntk) ntk[thread] = s.sums.ntk;
    });
    for (int width = threads; width > 1; width = (width + 1) / 2) {
      int const half = (width + 1) / 2;
      block.phase([&](int thread, Own const&) {
        if (thread + half >= width) return;
        h[thread] += h[thread + half];
        if constexpr (with_ntk) ntk[thread] += ntk[thread + half];
      });
    }
  }

  PlaneJob<R> const& job_;
  Seating seating_;
  Two inputs_, roots_;
  double* sums_;
  R* room_;
};

}  // namespace infinitile::plane_kernel
