#pragma once

#include "kernels/device.hpp"

// All displacements of two images of n positions, packed into n planes of n positions each.
//
// Plane s has position y of the first image with y' = (y + s) mod n of the second: displacement s below the seam n − s, and s − n from there on.
// In two axes the four displacements (s or s − n, t or t − m) tile one n x m plane exactly, and all planes together have every pair of positions
// once; planes of one displacement each would leave three of four threads idle.
//
// The two sides of the seam are no neighbours: a window across it sees the border of either image. So cells are stored with a ring around each
// of the four parts, as the host has it around a plane of one displacement (kernels/plane_step.hpp), and a window needs no condition.

namespace infinitile::plane_kernel {

/// One axis of a torus plane. Places of the room: ring, positions below the seam, ring, ring, positions from the seam on, ring.
struct TorusAxis {
  int size = 1, shift = 0;

  INFINITILE_FN int seam() const { return size - shift; }
  /// y' − y.
  INFINITILE_FN int apart(int y) const { return y < seam() ? shift : shift - size; }
  INFINITILE_FN int room() const { return size + 4; }
  INFINITILE_FN int place(int y) const { return y < seam() ? y + 1 : y + 3; }
  /// The place of line 0, ..., 3 of the ring. Without a shift the last two are not used.
  INFINITILE_FN int ring(int line) const { return line == 0 ? 0 : line == 1 ? seam() + 1 : line == 2 ? seam() + 2 : size + 3; }

  /// What lies at a place: a position of either image, or outside of it.
  struct Sides {
    int own, theirs;
  };
  INFINITILE_FN Sides at(int place) const {
    bool const below = place <= seam() + 1;
    int const own = below ? place - 1 : place - 3;
    return {own, own + (below ? shift : shift - size)};
  }
  INFINITILE_FN bool inside(int y) const { return y >= 0 && y < size; }
};

/// Which strips of which planes the threads of a block have. A strip is a run of rows of one column; a block seats as many planes at a time as
/// its threads allow.
struct Seating {
  static constexpr int strip_rows = 8;
  static constexpr int most_threads = 128;
  static constexpr int most_cells = 3072;  ///< h and ntk in double are the 48 KB that any block may have

  int width = 1;
  int strips = 1;  ///< of one column
  int seats = 1;   ///< planes at a time
  int cells = 1;   ///< of the room of one plane, ring included

  INFINITILE_FN Seating(int height, int columns, int planes)
      : width(columns), strips((height + strip_rows - 1) / strip_rows), cells(TorusAxis{height}.room() * TorusAxis{columns}.room()) {
    int const by_threads = most_threads / (strips * width), by_cells = most_cells / cells,
              most = by_threads < by_cells ? by_threads : by_cells;
    seats = planes < most ? planes : most;
  }

  INFINITILE_FN int per_plane() const { return strips * width; }
  /// In whole warps.
  INFINITILE_FN int threads() const { return (seats * per_plane() + 31) / 32 * 32; }
  /// Shared memory: h and ntk of all seats; at the end two sums for each thread.
  template <class R>
  INFINITILE_FN long bytes() const {
    long const planes = 2L * seats * cells * static_cast<long>(sizeof(R)), sums = 2L * threads() * static_cast<long>(sizeof(double));
    return planes > sums ? planes : sums;
  }
};

}  // namespace infinitile::plane_kernel
