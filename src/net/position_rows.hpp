#pragma once

#include <vector>

#include "net/positions.hpp"

// What layers do to positions, as sparse matrices: the one place where every reading of a network learns it.

namespace infinitile {

/// A sparse matrix over positions, (out, in), row by row. Most layers act along each spatial axis by itself: a matrix per axis says what they do.
struct Entry {
  long in = 0;
  double weight = 1;
};
using Rows = std::vector<std::vector<Entry>>;

/// The position that output o of a window reads through tap k; -1 where that is outside.
long window_source(WindowAxis const& axis, long o, long k);
/// The same of conv_transpose: the i with stride i - k + low = o; -1 where there is none.
long transposed_source(WindowAxis const& axis, long o, long k);

/// All that the windows along an axis read, tap by tap, with weights of 1.
Rows window_rows(WindowAxis const& axis);

/// A resize along one axis. Pixel centres lie at half-integers; linear is a triangle, with antialias as wide as an output pixel where that
/// is more. Source: jax.image.resize, reference 2.11.
Rows resize_rows(long in, long out, ImageResize const& op);

/// The sizes of a product with a constant, batch and channels, which pass through, counted as 1.
struct ProductSizes {
  std::vector<long> input;
  std::vector<long> output;
  std::vector<long> contracted;
};
ProductSizes product_sizes(DotGeneral const& op, Node const& input);
/// All positions of the product. Without a constant it is the identity.
Rows product_rows(DotGeneral const& op, Node const& input);

}  // namespace infinitile
