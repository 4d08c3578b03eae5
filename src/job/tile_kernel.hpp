#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.hpp"
#include "infinite/infinite_kernel.hpp"
#include "job/problem.hpp"

namespace infinitile {

/// What computes the tiles of a job, whatever its kernel.kind; the seam between a run and the readings of its network. Tiles have the same bits
/// whoever computes them and whatever else is computed beside them.
class TileKernel {
public:
  template <class T>
  using Values = InfiniteKernel::Values<T>;

  virtual ~TileKernel() = default;

  /// How many tiles are best computed at once with so many threads.
  virtual int tiles_at_once(int threads) const = 0;
  /// Computes the tiles, into `values`, whose memory is used again; of a job's precision only. ntk is empty where the job does not want it.
  /// Throws NumericalAnswer, naming the tile, when a kernel value is infinite or not a number.
  virtual void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const = 0;
  virtual void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const = 0;
  /// Variances or tangent kernels of the test inputs with themselves, the numbers of a pair together, on every rank. Collective.
  virtual std::vector<double> test_diagonal(std::string_view kind, Communicator const& comm) = 0;
  /// What a kernel is, for the result file.
  virtual std::string describe(std::string_view kind) const = 0;
};

/// The one that the job asks for. Takes the inputs out of `problem`, unless the job also trains, and the
/// graphs of an infinite reading. Collective.
std::unique_ptr<TileKernel> make_tile_kernel(Job const& job, Problem& problem, Communicator const& comm);

}  // namespace infinitile
