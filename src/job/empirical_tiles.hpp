#pragma once

#include <variant>

#include "base/precision.hpp"
#include "job/finite_inputs.hpp"
#include "job/tile_kernel.hpp"

namespace infinitile {

/// Tiles of empirical kernels: each from the samples of its rows and columns, one tile after the other on all threads.
class EmpiricalTiles : public TileKernel {
public:
  /// `inputs`: for each input of the network its train rows followed by its test rows.
  EmpiricalTiles(std::vector<std::string> names, TileGrid grid, FiniteReading reading, std::vector<InputRows> inputs, Precision precision);

  int tiles_at_once(int) const override { return 1; }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const override { compute_as(tiles, values); }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const override { compute_as(tiles, values); }
  /// Computed when it is asked for first, some test inputs by each rank.
  std::vector<double> test_diagonal(std::string_view kind, Communicator const& comm) override;
  bool keeps_diagonal() const override { return true; }
  std::string describe(std::string_view kind) const override;

private:
  /// The network and all samples in the precision of the tiles.
  template <class T>
  struct Samples {
    EmpiricalKernel<T> kernel;
    FiniteInputs<T> inputs;

    Samples(FiniteReading const& reading, std::vector<InputRows> rows);
  };

  template <class T>
  void compute_as(std::vector<TileIndex> const& tiles, std::vector<Values<T>>& values) const;
  void fill_test_diagonal(Communicator const& comm);

  TileGrid grid_;
  EmpiricalKernel<double>::Get get_;
  KernelLayout layout_;
  std::variant<Samples<double>, Samples<float>> samples_;
  std::vector<double> test_nngp_, test_ntk_;
};

}  // namespace infinitile
