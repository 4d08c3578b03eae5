#include "base/index.hpp"
#include "kernels/winograd.hpp"
#include "kernels/winograd_transforms.hpp"

namespace infinitile {

namespace {

using primitive::Convolve;
using namespace winograd;

/// The positions through the first tap that carry anything tell where the plane's edges are.
std::optional<PlaneWindows> guess_plane(Convolve const& p) {
  auto const pick = [&](int o, int tap) { return p.picks[at(static_cast<long>(o) * p.taps + tap)]; };
  PlaneWindows plane;
  for (int o = 0; o < p.out_positions && plane.in_width == 0; ++o)
    if (pick(o, 4) >= 0 && pick(o, 7) >= 0) plane.in_width = pick(o, 7) - pick(o, 4);
  if (plane.in_width <= 0 || p.in_positions % plane.in_width != 0) return std::nullopt;
  plane.in_height = p.in_positions / plane.in_width;
  int tap = 0;
  while (tap < 9 && pick(0, tap) < 0) ++tap;
  if (tap == 9) return std::nullopt;
  plane.top = tap / window - pick(0, tap) / plane.in_width;
  plane.left = tap % window - pick(0, tap) % plane.in_width;
  int const second_row = (2 - plane.top) * plane.in_width + 2 - plane.left;  // what its first output sees through tap (1, 2)
  plane.out_width = 1;
  while (plane.out_width < p.out_positions && pick(plane.out_width, 5) != second_row) ++plane.out_width;
  if (p.out_positions % plane.out_width != 0) return std::nullopt;
  plane.out_height = p.out_positions / plane.out_width;
  return plane;
}

bool is_plane(Convolve const& p, PlaneWindows const& plane) {
  long at = 0;
  for (int o = 0; o < p.out_positions; ++o)
    for (int t = 0; t < p.taps; ++t, ++at) {
      int const y = o / plane.out_width - plane.top + t / window, x = o % plane.out_width - plane.left + t % window;
      bool const inside = y >= 0 && y < plane.in_height && x >= 0 && x < plane.in_width;
      if (p.picks[static_cast<std::size_t>(at)] != (inside ? y * plane.in_width + x : -1)) return false;
    }
  return true;
}

}  // namespace

template <class T>
std::optional<PlaneWindows> find_plane(Convolve const& p) {
  constexpr int lanes = Registers<T>::lanes;
  if (p.taps != window * window || p.groups != 1 || p.in % lanes != 0 || p.out % lanes != 0) return std::nullopt;
  std::optional<PlaneWindows> const plane = guess_plane(p);
  if (!plane || !is_plane(p, *plane)) return std::nullopt;
  bool const pays = 3 * points * plane->tiles() < 2 * window * window * p.out_positions;  // half as many again at least
  return pays ? plane : std::nullopt;
}

template std::optional<PlaneWindows> find_plane<double>(Convolve const&);
template std::optional<PlaneWindows> find_plane<float>(Convolve const&);

}  // namespace infinitile
