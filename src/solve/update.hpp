#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/linear_algebra.hpp"

namespace infinitile {

/// What one tile is to gain: the sum of alpha left right over its products, added one after the other, so that the tile stays in the cache
/// meanwhile. `lower`: right is leftᵀ, alpha is -1, and only the lower triangle is wanted.
struct TileUpdate {
  enum class Part { whole, lower };
  struct Product {
    double alpha;
    ConstMatrix left;
    Factor right;
  };
  Matrix target;
  std::vector<Product> products;
  Part part = Part::whole;
};

inline void run_update(TileUpdate const& update) {
  for (auto const& [alpha, left, right] : update.products) {
    if (update.part == TileUpdate::Part::lower) {
      syrk(left, update.target);
    } else {
      gemm(alpha, left, right, 1, update.target);
    }
  }
}

/// Runs the updates on the host's threads. MPI moves data only while it is called, so until arrived() says that nothing is on its way
/// the work goes in slices, with a call between them.
template <class Arrived>
void run_updates(std::span<TileUpdate const> updates, Arrived const& arrived) {
  constexpr std::size_t slice = 16;
  while (!updates.empty()) {
    std::size_t const size = arrived() ? updates.size() : std::min(slice, updates.size());
    parallel_for_tiles(static_cast<int>(size), [&](int i) { run_update(updates[static_cast<std::size_t>(i)]); });
    updates = updates.subspan(size);
  }
}

inline void run_updates(std::span<TileUpdate const> updates) {
  run_updates(updates, [] { return true; });
}

}  // namespace infinitile
