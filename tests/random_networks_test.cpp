#include "job/random_networks.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "finite/compile.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

FiniteReading reading_of(std::string const& words, EmpiricalKernel<double>::Get get) {
  auto const signatures = activation_signatures();
  FiniteReading reading;
  reading.program = compile_finite(read_network(parse_yaml(words, "test"), ReadContext{"test", "", {{5}}, signatures}));
  reading.get = get;
  return reading;
}

std::vector<TileIndex> all_tiles(TileGrid const& grid) {
  std::vector<TileIndex> tiles;
  for (Block const block : {Block::train_train, Block::test_train, Block::test_test})
    for (TileIndex const tile : grid.tiles_of(block)) tiles.push_back(tile);
  return tiles;
}

constexpr auto nngp = EmpiricalKernel<double>::Get::nngp, both = EmpiricalKernel<double>::Get::nngp_and_ntk;

}  // namespace

TEST_CASE("groups have each tile once, stay within memory and share rows", "[random_networks]") {
  TileGrid const grid(100'000, 7'000, 256);
  std::vector<TileIndex> tiles = all_tiles(grid), found;
  FiniteReading const reading = reading_of("[{dense: {out_dim: 2}}]", nngp);
  for (auto const& group : groups_of(tiles, grid, reading, 1)) {
    double numbers = 0;
    std::set<int> sides;
    for (TileIndex const tile : group) {
      numbers += 2.0 * grid.height(tile) * grid.width(tile);
      sides.insert({tile.row, tile.col});
      found.push_back(tile);
    }
    for (int const side : sides) numbers += numbers_of_a_row(reading) * static_cast<double>(grid.range(side).size());
    CHECK(numbers <= numbers_of_a_group);
    CHECK(sides.size() * sides.size() <= 36 * group.size());  // a square of n tiles has 2 √n, a strip n
  }
  std::ranges::sort(tiles);
  std::ranges::sort(found);
  CHECK(found == tiles);
}

/// The rows of a tile in three groups of different company, against the networks one by one.
TEST_CASE("a tile is the mean over the networks, whatever is computed beside it", "[random_networks]") {
  TileGrid const grid(7, 4, 3);
  FiniteReading const reading = reading_of("[{dense: {out_dim: 6, b_std: 0.3}}, relu, {dense: {out_dim: 2}}]", both);
  std::vector<double> x(11 * 5);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i * i));
  RandomNetworks<double> const networks(grid, reading, {"nngp", "ntk"}, 8, {{5, x}});
  auto const fresh = [](TileIndex tile, std::size_t size) {
    RunningTile::Kernel const zero{std::vector<double>(size, 0), std::vector<double>(size, 0)};
    return RunningTile{tile, 0, {zero, zero}};
  };
  std::vector<RunningTile> alone{fresh({3, 1}, 9)}, together{fresh({1, 1}, 9), fresh({3, 1}, 9), fresh({4, 3}, 3)};
  for (int sample = 0; sample < 5; ++sample) {
    networks.add(sample, alone);
    networks.add(sample, together);
    networks.add(sample, together);  // these have it already
  }
  CHECK(alone[0].samples == 5);
  CHECK(together[1].samples == 5);
  std::vector<double> nngp_sum(9, 0), ntk_sum(9, 0);
  for (std::uint64_t sample = 0; sample < 5; ++sample) {
    EmpiricalKernel<double> const kernel(reading.program, draw_parameters(reading.program.parameters, {8, sample}), {},
                                         NtkMethod::automatic);
    // Tile row 3 is the first of the test inputs, rows 7 to 9; tile column 1 has train rows 3 to 5.
    Batch<double const> const rows(x.data() + 7 * 5, 1, 3, 5), cols(x.data() + 3 * 5, 1, 3, 5);
    auto const block = kernel.between({&rows, 1}, {&cols, 1});
    for (std::size_t i = 0; i < 9; ++i) {
      nngp_sum[i] += block.nngp[i];
      ntk_sum[i] += block.ntk[i];
    }
  }
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(alone[0].kernels[0].means[i] == Approx(nngp_sum[i] / 5).epsilon(1e-13));
    CHECK(alone[0].kernels[1].means[i] == Approx(ntk_sum[i] / 5).epsilon(1e-13));
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(alone[0].kernels[k].means[i] == together[1].kernels[k].means[i]);
      CHECK(alone[0].kernels[k].squares[i] == together[1].kernels[k].squares[i]);
    }
  }
}
