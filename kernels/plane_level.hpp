#pragma once

#include <vector>

#include "kernels/plane_step.hpp"

namespace infinitile {

/// Behind a pool: all planes that the next stage begins with, of L pairs. Planes of the stage before are added up as they come.
template <class R, int L>
class PlaneLevel {
public:
  using Value = plane_step::Value<R>;
  using Box = plane_step::Box;

  /// The stage that begins here, and the pool before it.
  void make_room(PlaneStage const& stage, PositionMap const& pool, bool with_ntk) {
    sizes_ = stage.sizes;
    for (std::size_t a = 0; a < 3; ++a)
      for (int const d : stage.planes[a]) planes_[a].push_back(d * stage.strides[a]);
    long cells = 0;
    for_each_plane([&](Box const& plane) {
      offsets_.push_back(cells);
      cells += plane.count();
    });
    h_.resize(static_cast<std::size_t>(cells * L));
    if (with_ntk) ntk_.resize(h_.size());
    PositionTap const& tap = pool.taps.front();
    for (std::size_t o = 0; o < static_cast<std::size_t>(pool.out_positions); ++o)
      weights_.push_back(static_cast<R>(tap.weight[static_cast<std::size_t>(tap.first[o])]));  // all of a window have the same
    Windows const w = windows_of(pool);
    for (std::size_t a = 0; a < 3; ++a)
      for (int d = 1 - w[a].input; d < w[a].input; ++d) meetings_[a].push_back(find_meetings(a, w[a], d));
  }

  void clear() {
    std::fill(h_.begin(), h_.end(), R(0));
    std::fill(ntk_.begin(), ntk_.end(), R(0));
  }

  void copy_plane(Box const& plane, Value to) const {
    long from = offsets_[static_cast<std::size_t>(number_of(plane.d))] * L;
    plane.for_each([&](int, int, long cell) {
      std::copy_n(h_.data() + from, L, to.h + cell * L);
      if (to.ntk != nullptr) std::copy_n(ntk_.data() + from, L, to.ntk + cell * L);
      from += L;
    });
  }

  /// h and ntk of a plane before the pool, each times the weights of the two windows that it is in.
  void add(Box const& from, Value v) {
    auto const of_axis = [&](std::size_t a) -> Meetings const& {
      return meetings_[a][static_cast<std::size_t>(from.d[a] + from.sizes[a] - 1)];
    };
    for (Meeting const& z : of_axis(0))
      for (Meeting const& y : of_axis(1)) {
        int const row = (z.own * sizes_[1] + y.own) * sizes_[2], col = (z.theirs * sizes_[1] + y.theirs) * sizes_[2];
        std::size_t const plane = (z.plane * planes_[1].size() + y.plane) * planes_[2].size();
        int const before = z.place * y.extent + y.place;
        for (Meeting const& x : of_axis(2)) {
          long const cell = (offsets_[plane + x.plane] + static_cast<long>(before) * x.extent + x.place) * L;
          long const source = from.cell(z.entry, y.entry, x.entry) * L;
          R const share = weights_[static_cast<std::size_t>(row + x.own)] * weights_[static_cast<std::size_t>(col + x.theirs)];
          store_lanes(load_lanes<L>(h_.data() + cell) + share * load_lanes<L>(v.h + source), h_.data() + cell);
          if (v.ntk != nullptr) store_lanes(load_lanes<L>(ntk_.data() + cell) + share * load_lanes<L>(v.ntk + source), ntk_.data() + cell);
        }
      }
  }

  /// When all planes are in: k' = Σ w w' (½ (q + q') − h), so h' = Σ w w' h + ½ (q1' − W' Σ w q1) + ½ (q2' − W Σ w' q2), W = Σ w.
  void to_distances(PositionMap const& pool, plane_step::Sides<double> before, plane_step::Sides<double> after) {
    WindowSums const sums = window_sums(pool, before);
    std::size_t number = 0;
    for_each_plane([&](Box const& plane) {
      R* h = h_.data() + offsets_[number++] * L;
      plane.for_each([&](int o, int other, long) {
        auto const own = static_cast<std::size_t>(o), theirs = static_cast<std::size_t>(other);
        double const r1 = after.row_at(o), row = r1 * r1 - sums.weights[theirs] * sums.row[own];
        double const* const r2 = after.col_at(other);
        double const* const col = sums.col.data() + static_cast<long>(other) * L;
        for (int l = 0; l < L; ++l) h[l] += static_cast<R>(0.5 * (row + (r2[l] * r2[l] - sums.weights[own] * col[l])));
        h += L;
      });
    });
  }

private:
  /// Σ w q over the window of each output, of the row input and of the columns; and the sum of the weights.
  struct WindowSums {
    std::vector<double> row, col, weights;
  };
  static WindowSums window_sums(PositionMap const& pool, plane_step::Sides<double> roots) {
    PositionTap const& tap = pool.taps.front();
    WindowSums sums;
    for (std::size_t o = 0; o < static_cast<std::size_t>(pool.out_positions); ++o) {
      double row = 0, weights = 0, col[L] = {};
      for (auto n = static_cast<std::size_t>(tap.first[o]); n < static_cast<std::size_t>(tap.first[o + 1]); ++n) {
        double const w = tap.weight[n], r1 = roots.row_at(tap.in[n]);
        double const* const r2 = roots.col_at(tap.in[n]);
        row += w * r1 * r1;
        weights += w;
        for (int l = 0; l < L; ++l) col[l] += w * r2[l] * r2[l];
      }
      sums.row.push_back(row);
      sums.weights.push_back(weights);
      sums.col.insert(sums.col.end(), col, col + L);
    }
    return sums;
  }

  template <class F>
  void for_each_plane(F f) const {
    for (int const d0 : planes_[0])
      for (int const d1 : planes_[1])
        for (int const d2 : planes_[2]) f(Box{sizes_, {d0, d1, d2}});
  }

  /// Which of the planes; -1 where it is not wanted.
  long number_of(Triple d) const {
    long number = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      long const along = number_of(a, d[a]);
      if (along < 0) return -1;
      number = number * static_cast<long>(planes_[a].size()) + along;
    }
    return number;
  }
  long number_of(std::size_t a, int d) const {
    auto const found = std::lower_bound(planes_[a].begin(), planes_[a].end(), d);
    return found == planes_[a].end() || *found != d ? -1 : found - planes_[a].begin();
  }

  /// Along one axis: an entry of a plane before the pool that is in the window of output `own` on one side and of `theirs` on the other.
  struct Meeting {
    int entry = 0;
    int own = 0, theirs = 0;
    std::size_t plane = 0;  ///< which displacement `theirs` − `own` is, of those of the level
    int place = 0;          ///< of `own` in that plane
    int extent = 0;         ///< of that plane
  };
  using Meetings = std::vector<Meeting>;

  Meetings find_meetings(std::size_t a, AxisWindow const& w, int d) const {
    Meetings out;
    int const low = std::max(0, -d), extent = w.input - std::abs(d);
    for (int entry = 0; entry < extent; ++entry)
      for_each_output(w, low + entry, [&](int own) {
        for_each_output(w, low + entry + d, [&](int theirs) {
          int const apart = theirs - own;
          long const number = number_of(a, apart);
          if (number < 0) return;
          out.push_back({entry, own, theirs, static_cast<std::size_t>(number), own - std::max(0, -apart), sizes_[a] - std::abs(apart)});
        });
      });
    return out;
  }

  /// f(o) for every output whose window has position p.
  template <class F>
  static void for_each_output(AxisWindow const& w, int p, F f) {
    int const begin = p + w.low - w.size + 1;
    int const first = begin <= 0 ? 0 : (begin + w.stride - 1) / w.stride, last = std::min((p + w.low) / w.stride, w.output - 1);
    for (int o = first; o <= last; ++o) f(o);
  }

  Displacements planes_;
  Triple sizes_{1, 1, 1};
  std::vector<long> offsets_;                      ///< of each plane, in cells
  std::vector<R> weights_;                         ///< of each output's window
  std::array<std::vector<Meetings>, 3> meetings_;  ///< per axis, for displacements 1 − input, ..., input − 1
  LaneVector<R> h_, ntk_;                          ///< one cell after the other, without rings
};

}  // namespace infinitile
