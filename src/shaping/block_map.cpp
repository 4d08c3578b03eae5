#include "shaping/block_map.hpp"

#include <algorithm>

namespace infinitile {

namespace {

double repeated(BlockMap::Map const& r, int times, double x) {
  for (int i = 0; i < times; ++i) x = r(x);
  return x;
}

}  // namespace

double BlockMap::whole(double start, Map const& r) const {
  double x = start;
  for (Block const& block : blocks)
    for (int i = 0; i < block.times; ++i) {
      double const share = block.shortcut_weight * block.shortcut_weight;
      double const shortcut = block.projection ? r(x) : x;
      x = repeated(r, block.then, share * shortcut + (1 - share) * repeated(r, block.activations, x));
    }
  return repeated(r, then, x);
}

double BlockMap::largest(double start, Map const& r) const {
  double most = std::max(start, whole(start, r));
  for (Block const& block : blocks) most = std::max(most, repeated(r, block.activations, start));
  return most;
}

}  // namespace infinitile
