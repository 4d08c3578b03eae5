#pragma once

#include <span>

#include "job/finite_inputs.hpp"
#include "job/finite_reading.hpp"
#include "job/running_tile.hpp"

namespace infinitile {

/// The finite networks of a seed, whose parameters are drawn one network after the other, and their kernels.
template <class T>
class RandomNetworks {
public:
  /// `kernels`: nngp, ntk or both. `rows`: for each input of the network, train rows before test rows.
  RandomNetworks(TileGrid grid, FiniteReading reading, std::vector<std::string> kernels, std::uint64_t seed, std::vector<InputRows> rows);

  /// Adds network number `sample` to those of the tiles that are means of the ones before it; each row that they need goes through the network
  /// once. Throws NumericalAnswer where a value is infinite or not a number, and Stopped after a signal: then some tiles have the network, the
  /// others have nothing of it.
  void add(int sample, std::span<RunningTile> tiles) const;

private:
  using Get = typename EmpiricalKernel<T>::Get;
  /// The rows of one tile's side.
  struct Side {
    std::vector<Batch<T const>> samples;
    Evaluation<T> values;
  };

  TileGrid grid_;
  FiniteReading reading_;
  std::vector<std::string> kernels_;
  Get get_;
  std::uint64_t seed_;
  FiniteInputs<T> inputs_;
};

/// What a network may cost on a group, about ten seconds of a core: ranks hear of each other between networks.
inline constexpr double flops_of_a_group = 5e11;

/// The tiles in groups that go through the networks together, each as large as memory allows. Tiles of a group lie near each other in both
/// directions, so that they share rows: they are cut from a Z-order curve.
std::vector<std::vector<TileIndex>> groups_of(std::vector<TileIndex> tiles, TileGrid const& grid, FiniteReading const& reading,
                                              int kernels);

}  // namespace infinitile
