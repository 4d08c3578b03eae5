#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.hpp"
#include "infinite/infinite_kernel.hpp"
#include "job/frame.hpp"
#include "job/problem.hpp"
#include "plan/distribution.hpp"

namespace infinitile {

/// What is going to be asked of a TileKernel, for what it prepares.
struct TileWork {
  Context const& context;
  std::filesystem::path directory;  ///< of the run
  std::uint64_t fingerprint = 0;    ///< of the job
  Distribution const& distribution;
  std::vector<TileIndex> missing;  ///< the tiles that this rank is going to ask for
};

/// What computes the tiles of a job, whatever its kernel.kind; the seam between a run and the readings of its network. Tiles have the same bits
/// whoever computes them and whatever else is computed beside them.
class TileKernel {
public:
  /// A tile of kernel values, row by row, height x width, for each of the names.
  template <class T>
  struct Values {
    TileIndex tile;
    std::vector<LaunchVector<T>> kernels;
  };

  explicit TileKernel(std::vector<std::string> names) : names_(std::move(names)) {}
  virtual ~TileKernel() = default;

  /// What is computed of each pair, in the order of the values: nngp, ntk, those of kernel.get.
  std::vector<std::string> const& names() const { return names_; }
  /// What all ranks do together before tiles are asked for. Throws Stopped after a signal, with what is done kept.
  virtual void prepare(TileWork const&) {}
  /// How many tiles are best computed at once with so many threads.
  virtual int tiles_at_once(int threads) const = 0;
  /// Computes the tiles, into `values`, whose memory is used again; of a job's precision only.
  /// Throws NumericalAnswer, naming the tile, when a kernel value is infinite or not a number.
  virtual void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const = 0;
  virtual void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const = 0;
  /// One of the names, of the test inputs with themselves, the numbers of a pair together, on every rank. Collective.
  virtual std::vector<double> test_diagonal(std::string_view kind, Communicator const& comm) = 0;
  /// Does the diagonal cost so much that a run keeps it for the next one?
  virtual bool keeps_diagonal() const = 0;
  /// What it is, for the result file.
  virtual std::string describe(std::string_view kind) const = 0;

private:
  std::vector<std::string> names_;
};

/// The one that the job asks for. Takes the inputs out of `problem`, unless the job also trains, and the
/// graphs of an infinite reading. Collective.
std::unique_ptr<TileKernel> make_tile_kernel(Job const& job, Problem& problem, Communicator const& comm);

}  // namespace infinitile
