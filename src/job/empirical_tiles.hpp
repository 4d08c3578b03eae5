#pragma once

#include <variant>

#include "base/precision.hpp"
#include "job/tile_kernel.hpp"

namespace infinitile {

/// Tiles of empirical kernels: each from the samples of its rows and columns, one tile after the other on all threads.
class EmpiricalTiles : public TileKernel {
public:
  /// `inputs`: for each input of the network its train rows followed by its test rows.
  EmpiricalTiles(TileGrid grid, FiniteReading reading, std::vector<InputRows> inputs, Precision precision);

  int tiles_at_once(int) const override { return 1; }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const override { compute_as(tiles, values); }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const override { compute_as(tiles, values); }
  /// Computed when it is asked for first, some test inputs by each rank.
  std::vector<double> test_diagonal(std::string_view kind, Communicator const& comm) override;
  std::string describe(std::string_view kind) const override;

private:
  /// The network and all samples in the precision of the tiles.
  template <class T>
  struct Samples {
    EmpiricalKernel<T> kernel;
    std::vector<std::vector<T>> inputs;  ///< [rows][numbers], each
    std::vector<long> sizes;             ///< of one sample, each

    Samples(FiniteReading const& reading, std::vector<InputRows> rows);
    std::vector<Batch<T const>> rows(long first, int count) const;
  };

  template <class T>
  void compute_as(std::vector<TileIndex> const& tiles, std::vector<Values<T>>& values) const;
  void fill_test_diagonal(Communicator const& comm);
  /// The place of a tile's first row among all samples.
  long offset(int tile) const { return grid_.range(tile).first + (grid_.is_test(tile) ? grid_.train() : 0); }

  TileGrid grid_;
  EmpiricalKernel<double>::Get get_;
  KernelLayout layout_;
  std::variant<Samples<double>, Samples<float>> samples_;
  std::vector<double> test_nngp_, test_ntk_;
};

}  // namespace infinitile
