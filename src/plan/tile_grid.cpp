#include "plan/tile_grid.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace infinitile {

TileGrid::TileGrid(long train, long test, int side)
    : train_(train), test_(test), side_(static_cast<int>(std::min<long>(side, std::max(train, test)))) {
  INFINITILE_EXPECT(train > 0 && test >= 0 && side > 0);
}

Range TileGrid::range(int tile) const {
  INFINITILE_EXPECT(tile >= 0 && tile < tiles());
  bool const test = is_test(tile);
  long const first = static_cast<long>(test ? tile - train_tiles() : tile) * side_;
  return {first, std::min(first + side_, test ? test_ : train_)};
}

Block TileGrid::block(TileIndex t) const {
  INFINITILE_EXPECT(t.col >= 0 && t.col <= t.row && t.row < tiles());
  if (!is_test(t.row)) return Block::train_train;
  return is_test(t.col) ? Block::test_test : Block::test_train;
}

std::vector<TileIndex> TileGrid::tiles_of(Block block) const {
  bool const test_rows = block != Block::train_train;
  bool const test_cols = block == Block::test_test;
  std::vector<TileIndex> out;
  for (int col = test_cols ? train_tiles() : 0; col < (test_cols ? tiles() : train_tiles()); ++col)
    for (int row = block == Block::test_train ? train_tiles() : col; row < (test_rows ? tiles() : train_tiles()); ++row)
      out.push_back({row, col});
  return out;
}

double TileGrid::entries_of(Block block) const {
  double sum = 0;
  for (TileIndex const t : tiles_of(block)) sum += static_cast<double>(height(t)) * width(t);
  return sum;
}

int automatic_side(long train, double pair_flops) {
  constexpr double tile_flops = 1e10;
  long const side = std::clamp((train / 32 + 63) / 64 * 64, 256L, 2048L);
  long const affordable = pair_flops > 0 ? static_cast<long>(std::min(std::sqrt(tile_flops / pair_flops), 2048.0)) : side;
  return static_cast<int>(affordable >= side ? side : std::max(affordable / 16 * 16, 16L));
}

}  // namespace infinitile
