#pragma once

#include <optional>

#include "kernels/primitive_convolve.hpp"

namespace infinitile {

/// A convolution of 3 x 3 taps without strides on a plane: output (y, x) reads input (y − top + i, x − left + j) through tap (i, j), zeros
/// outside.
struct PlaneWindows {
  int in_height = 0, in_width = 0, out_height = 0, out_width = 0;
  int top = 0, left = 0;

  /// Squares of 4 x 4 outputs that cover the plane.
  int tile_rows() const { return (out_height + 3) / 4; }
  int tile_cols() const { return (out_width + 3) / 4; }
  int tiles() const { return tile_rows() * tile_cols(); }
};

/// Squares from which on transforms are made up for: of the weights, once for all samples, and of their cotangents, for each target.
constexpr int least_tiles_forward = 8, least_tiles_of_weights = 4;

/// What p is, where it is such a convolution and F(4 x 4, 3 x 3) pays: channels that fill vectors, squares that are not mostly outside.
template <class T>
std::optional<PlaneWindows> find_plane(primitive::Convolve const& p);

// The three ways through such a convolution by 36 products per square of outputs and pair of channels, where the plain sum has 144. Squares are
// transformed a few dozen at once, so that they stay in the cache, and multiplied at each of the 36 points by (squares, in) times (in, out)
// products. Rounding is that of 36 terms more: relative to the largest number about 5 units in the last place per layer, see winograd_test.

/// y (+)= the convolution of x with weights w, which all samples share.
template <class T>
void winograd_forward(primitive::Convolve const& p, PlaneWindows const& plane, Batch<T const> x, T const* w, Batch<T> y, Into into);

/// target (+)= the cotangent of x from those of the result.
template <class T>
void winograd_pull_input(primitive::Convolve const& p, PlaneWindows const& plane, T const* w, Batch<T const> g, Batch<T> target, Into into);

/// target (+)= the cotangents of weights (taps, channels, out), of the `channels` input channels from `first` on.
template <class T>
void winograd_pull_weights(primitive::Convolve const& p, PlaneWindows const& plane, Batch<T const> x, Batch<T const> g, int first,
                           int channels, Batch<T> target, Into into);

}  // namespace infinitile
