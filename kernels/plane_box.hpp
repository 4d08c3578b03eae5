#pragma once

#include <algorithm>
#include <cstdlib>

#include "kernels/plane_plan.hpp"

namespace infinitile::plane_step {

/// The positions of a plane: those p for which p and p + d both lie inside.
///
/// Arrays of a plane have one cell for each, row-major, and a ring of one cell around each image of the last two axes, for what a window reads
/// of outside.
struct Box {
  Triple sizes{1, 1, 1};  ///< of the image
  Triple d{0, 0, 0};

  int low(std::size_t a) const { return std::max(0, -d[a]); }
  int extent(std::size_t a) const { return std::max(0, sizes[a] - std::abs(d[a])); }
  long count() const { return static_cast<long>(extent(0)) * extent(1) * extent(2); }
  /// p' - p.
  int apart() const { return (d[0] * sizes[1] + d[1]) * sizes[2] + d[2]; }
  /// p of the place (z, y, x) of the box.
  int position(int z, int y, int x) const { return ((low(0) + z) * sizes[1] + low(1) + y) * sizes[2] + low(2) + x; }

  /// From one row of cells to the next.
  long pitch() const { return extent(2) + 2; }
  /// With y and x from -1 to the extent.
  long cell(int z, int y, int x) const { return (static_cast<long>(z) * (extent(1) + 2) + y + 1) * pitch() + x + 1; }
  long cells() const { return extent(0) * (extent(1) + 2) * pitch(); }

  /// f(p, p', cell).
  template <class F>
  void for_each(F f) const {
    int const shift = apart();
    for (int z = 0; z < extent(0); ++z)
      for (int y = 0; y < extent(1); ++y) {
        int const p = position(z, y, 0);
        long const first = cell(z, y, 0);
        for (int x = 0; x < extent(2); ++x) f(p + x, p + x + shift, first + x);
      }
  }
};

}  // namespace infinitile::plane_step
