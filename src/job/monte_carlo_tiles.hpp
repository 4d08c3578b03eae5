#pragma once

#include <map>
#include <variant>

#include "job/random_networks.hpp"
#include "job/tile_kernel.hpp"

namespace infinitile {

/// Means of the kernels of finite networks whose parameters are drawn, and the standard errors of the means, named KERNEL_error. A unit of
/// finished work is a tile that is the mean of the first so many networks. It lies in a store of its own, RUN/samples, from where a run
/// that was stopped goes on, and a run of more samples. Tiles of the result are made of it when all networks are in.
/// Each network goes through all tiles of a group (groups_of) before the next one is drawn.
class MonteCarloTiles : public TileKernel {
public:
  /// `inputs`: for each input of the network its train rows followed by its test rows.
  MonteCarloTiles(Job const& job, TileGrid grid, FiniteReading reading, std::vector<InputRows> inputs);

  void prepare(TileWork const& work) override;
  int tiles_at_once(int) const override { return 1; }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const override { compute_as(tiles, values); }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const override { compute_as(tiles, values); }
  std::vector<double> test_diagonal(std::string_view kind, Communicator const&) override { return test_diagonals_.at(std::string(kind)); }
  bool keeps_diagonal() const override { return false; }
  std::string describe(std::string_view kind) const override;

private:
  void open_means(TileWork const& work, std::vector<TileIndex> const& wanted);
  void draw_networks(TileWork const& work, std::vector<TileIndex> const& wanted);
  void fill_test_diagonals(TileWork const& work);
  template <class T>
  void compute_as(std::vector<TileIndex> const& tiles, std::vector<Values<T>>& values) const;
  /// The diagonal tiles of the test inputs that this rank owns.
  std::vector<TileIndex> own_test_tiles(TileWork const& work) const;

  TileGrid grid_;
  int samples_;
  std::vector<std::string> kernels_;  ///< nngp, ntk
  FiniteReading reading_;
  std::variant<RandomNetworks<double>, RandomNetworks<float>> networks_;
  std::unique_ptr<TileStore> means_;
  std::map<std::string, std::vector<double>> test_diagonals_;  ///< by name
};

}  // namespace infinitile
