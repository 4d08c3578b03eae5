#include "infinite/sparse_rows.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

bool selects(Rows const& rows) {
  return std::ranges::all_of(rows, [](auto const& row) { return row.empty() || (row.size() == 1 && row[0].weight == 1); });
}

bool select(std::vector<Rows> const& taps) {
  return std::ranges::all_of(taps, selects);
}

void add_picks(Rows const& rows, PositionMap& map) {
  for (auto const& row : rows) map.picks.push_back(row.empty() ? -1 : static_cast<int>(row[0].in));
}

void add_weights(Rows const& rows, PositionMap& map) {
  PositionTap& tap = map.taps.emplace_back();
  tap.first.push_back(0);
  for (auto const& row : rows) {
    for (Entry const& entry : row) {
      tap.in.push_back(static_cast<int>(entry.in));
      tap.weight.push_back(entry.weight);
    }
    tap.first.push_back(static_cast<int>(tap.in.size()));
  }
}

/// `tap(n)` is made when its turn comes: all of them together would need several times the memory of the map.
template <class Tap>
PositionMap write_map(long count, long in_positions, double scale, bool picks, Tap tap) {
  PositionMap map;
  map.in_positions = static_cast<int>(in_positions);
  map.scale = scale;
  map.tap_count = static_cast<int>(count);
  for (long n = 0; n < count; ++n) {
    Rows const& rows = tap(n);
    map.out_positions = static_cast<int>(rows.size());
    picks ? add_picks(rows, map) : add_weights(rows, map);
  }
  return map;
}

}  // namespace

void expect_room(double weights) {
  constexpr double most = 1 << 27;  // 1.6 GB; a window of 5 x 5 on images of 2,048 x 2,048 has three quarters of it
  if (weights > most)
    throw Error(text("all its windows together have ", weights, " numbers, and the infinite reading can hold ", static_cast<long>(most),
                     " at most. Make the window or the image smaller."));
}

Rows kronecker(std::vector<Rows> const& axes, std::span<long const> sizes) {
  double weights = 1;
  for (Rows const& rows : axes) {
    double along = 0;
    for (auto const& row : rows) along += static_cast<double>(row.size());
    weights *= along;
  }
  expect_room(weights);
  Rows out{{{0, 1}}};
  for (std::size_t a = 0; a < axes.size(); ++a) {
    Rows next;
    for (auto const& outer : out)
      for (auto const& inner : axes[a]) {
        auto& row = next.emplace_back();
        for (Entry const& x : outer)
          for (Entry const& y : inner) row.push_back({x.in * sizes[a] + y.in, x.weight * y.weight});
      }
    out = std::move(next);
  }
  return out;
}

PositionMap map_of(std::vector<Rows> const& taps, long in_positions, double scale) {
  auto const tap = [&](long n) -> Rows const& { return taps[at(n)]; };
  return write_map(static_cast<long>(taps.size()), in_positions, scale, select(taps), tap);
}

PositionMap map_of_axes(std::vector<std::vector<Rows>> const& axes, std::span<long const> sizes) {
  long count = 1;
  double weights = 1;
  for (auto const& taps : axes) {
    count *= static_cast<long>(taps.size());
    weights *= static_cast<double>(taps.size()) * static_cast<double>(taps.front().size());
  }
  expect_room(weights);
  auto const tap = [&](long n) {
    std::vector<Rows> one(axes.size());
    for (std::size_t a = axes.size(); a-- > 0; n /= static_cast<long>(axes[a].size())) one[a] = axes[a][at(n) % axes[a].size()];
    return kronecker(one, sizes);
  };
  return write_map(count, product_of(sizes), 1 / static_cast<double>(count), std::ranges::all_of(axes, select), tap);
}

}  // namespace infinitile
