#pragma once

#include <string>
#include <vector>

#include "store/tile_store.hpp"

namespace infinitile {

/// A tile of means over the first so many networks of a seed, in float64 whatever the networks are computed in. It is a function of that
/// number alone: networks are added one by one in their order, so it does not matter where a run stopped in between.
struct RunningTile {
  TileIndex tile;
  int samples = 0;
  /// Row by row, of one kernel.
  struct Kernel {
    std::vector<double> means, squares;  ///< squares: sums of squared deviations from the mean
  };
  std::vector<Kernel> kernels;

  /// The tile as the store has it, or the mean over no network.
  static RunningTile load(TileStore& store, TileIndex tile);
  void save(TileStore& store) const;

  /// Adds the next network: the values of each kernel, row by row.
  template <class T>
  void add(std::vector<std::vector<T> const*> const& values);
};

/// How running means lie on disk: float64, lower tiles, for each kernel its means and its squares.
TileLayout layout_of_means(TileGrid const& grid, std::vector<std::string> const& kernels, std::uint64_t fingerprint);

}  // namespace infinitile
