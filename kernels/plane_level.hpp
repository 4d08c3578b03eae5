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

  void make_room(PlaneStage const& stage, bool with_ntk) {
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
  void add(PositionMap const& pool, Windows const& w, Box const& from, Value v) {
    PositionTap const& tap = pool.taps.front();
    auto const weight = [&](int o) { return tap.weight[static_cast<std::size_t>(tap.first[static_cast<std::size_t>(o)])]; };
    auto const flat = [&](Triple const& q) { return (q[0] * sizes_[1] + q[1]) * sizes_[2] + q[2]; };
    from.for_each([&](int p, int, long e) {
      Triple const here{p / (from.sizes[1] * from.sizes[2]), p / from.sizes[2] % from.sizes[1], p % from.sizes[2]};
      Triple const there{here[0] + from.d[0], here[1] + from.d[1], here[2] + from.d[2]};
      for_each_output(w, here, [&](Triple const& o) {
        for_each_output(w, there, [&](Triple const& other) {
          long const cell = cell_of(o, other);
          if (cell < 0) return;
          R const share = static_cast<R>(weight(flat(o)) * weight(flat(other)));
          R* const to = h_.data() + cell * L;
          for (int l = 0; l < L; ++l) to[l] += share * v.h[e * L + l];
          if (v.ntk == nullptr) return;
          R* const to_ntk = ntk_.data() + cell * L;
          for (int l = 0; l < L; ++l) to_ntk[l] += share * v.ntk[e * L + l];
        });
      });
    });
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
      auto const found = std::lower_bound(planes_[a].begin(), planes_[a].end(), d[a]);
      if (found == planes_[a].end() || *found != d[a]) return -1;
      number = number * static_cast<long>(planes_[a].size()) + (found - planes_[a].begin());
    }
    return number;
  }

  long cell_of(Triple const& o, Triple const& other) const {
    Box const plane{sizes_, {other[0] - o[0], other[1] - o[1], other[2] - o[2]}};
    long const number = number_of(plane.d);
    if (number < 0) return -1;
    int const z = o[0] - plane.low(0), y = o[1] - plane.low(1), x = o[2] - plane.low(2);
    return offsets_[static_cast<std::size_t>(number)] + (static_cast<long>(z) * plane.extent(1) + y) * plane.extent(2) + x;
  }

  /// f(o) for every output whose window has position p.
  template <class F>
  static void for_each_output(Windows const& w, Triple const& p, F f) {
    Triple first{}, last{};
    for (std::size_t a = 0; a < 3; ++a) {
      int const begin = p[a] + w[a].low - w[a].size + 1;
      first[a] = begin <= 0 ? 0 : (begin + w[a].stride - 1) / w[a].stride;
      last[a] = std::min((p[a] + w[a].low) / w[a].stride, w[a].output - 1);
    }
    for (int z = first[0]; z <= last[0]; ++z)
      for (int y = first[1]; y <= last[1]; ++y)
        for (int x = first[2]; x <= last[2]; ++x) f(Triple{z, y, x});
  }

  Displacements planes_;
  Triple sizes_{1, 1, 1};
  std::vector<long> offsets_;  ///< of each plane, in cells
  LaneVector<R> h_, ntk_;      ///< one cell after the other, without rings
};

}  // namespace infinitile
