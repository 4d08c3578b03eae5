#pragma once

#include <vector>

namespace infinitile {

/// One matrix M over positions, (out, in), sparse: row o has the entries first[o], ..., first[o + 1] - 1.
struct PositionTap {
  std::vector<int> first;
  std::vector<int> in;
  std::vector<double> weight;
};

/// A window along one axis: output o reads positions stride o + k - low, k < size, that are inside.
struct AxisWindow {
  int input = 1, output = 1;
  int size = 1, stride = 1, low = 0;
};

/// A layer that is linear in space: k' = scale Σ M k Mᵀ over its taps. A convolution has one tap per weight of its filter, a pooling one in
/// all. Positions are numbered row-major.
struct PositionMap {
  int in_positions = 1;
  int out_positions = 1;
  double scale = 1;
  int tap_count = 0;
  /// Where every row of every tap has at most one entry, of weight 1: picks[tap * out_positions + o] is the position it reads, or -1. A
  /// diagonal of k' then needs the diagonal of k alone, and h stays a sum of terms of one sign.
  std::vector<int> picks;
  std::vector<PositionTap> taps;  ///< otherwise

  /// What the map is, for those who can do it without a matrix: the taps of a window, all taps of a window at once with any weights, all
  /// positions at once, each position with itself.
  enum class Shape { any, window, pool, global, equal };
  Shape shape = Shape::any;
  std::vector<AxisWindow> axes;  ///< of window and pool

  bool is_selection() const { return taps.empty(); }
};

}  // namespace infinitile
