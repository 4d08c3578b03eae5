#pragma once

#include <span>
#include <vector>

// Row-major arithmetic on the sizes of arrays.

namespace infinitile {

/// Sizes are checked to fit where a network is read.
inline int number(long n) {
  return static_cast<int>(n);
}

inline long product_of(std::span<long const> sizes) {
  long out = 1;
  for (long const size : sizes) out *= size;
  return out;
}

/// How far apart neighbours along each axis are.
inline std::vector<long> strides_of(std::span<long const> sizes) {
  std::vector<long> strides(sizes.size(), 1);
  for (std::size_t a = sizes.size(); a-- > 1;) strides[a - 1] = strides[a] * sizes[a];
  return strides;
}

/// The index of entry `place`, and the place of an index.
inline std::vector<long> index_of(long place, std::span<long const> sizes) {
  std::vector<long> index(sizes.size());
  for (std::size_t a = sizes.size(); a-- > 0; place /= sizes[a]) index[a] = place % sizes[a];
  return index;
}
inline long place_of(std::span<long const> index, std::span<long const> sizes) {
  long place = 0;
  for (std::size_t a = 0; a < sizes.size(); ++a) place = place * sizes[a] + index[a];
  return place;
}

}  // namespace infinitile
