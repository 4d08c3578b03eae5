#include "plan/tile_grid.hpp"

#include <set>

#include "plan/distribution.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("the tiles of the lower triangle cover every pair once", "[tile_grid]") {
  auto const [train, test, side] = GENERATE(table<long, long, int>({{1, 0, 4}, {4, 1, 4}, {23, 7, 4}, {24, 24, 5}, {40, 3, 64}}));
  TileGrid const grid(train, test, side);
  std::set<std::pair<long, long>> seen;
  for (Block const block : {Block::train_train, Block::test_train, Block::test_test}) {
    for (TileIndex const t : grid.tiles_of(block)) {
      CHECK(grid.block(t) == block);
      Range const rows = grid.range(t.row), cols = grid.range(t.col);
      long const row_shift = grid.is_test(t.row) ? train : 0, col_shift = grid.is_test(t.col) ? train : 0;
      for (long i = rows.first; i < rows.last; ++i)
        for (long j = cols.first; j < cols.last; ++j)
          if (i + row_shift >= j + col_shift) CHECK(seen.emplace(i + row_shift, j + col_shift).second);
    }
  }
  long const n = train + test;
  CHECK(static_cast<long>(seen.size()) == n * (n + 1) / 2);
}

TEST_CASE("no rank of a large grid owns much more than its share", "[distribution]") {
  int const ranks = GENERATE(1, 2, 3, 4, 6, 64, 4096);
  Distribution const distribution(ranks);
  CHECK(distribution.ranks() == ranks);
  TileGrid const grid(16 * 64L * distribution.cols(), 0, 16);
  std::vector<long> owned(static_cast<std::size_t>(ranks), 0);  // millions of tiles: not a check for each
  for (TileIndex const t : grid.tiles_of(Block::train_train)) ++owned.at(static_cast<std::size_t>(distribution.owner(t)));
  double const share = static_cast<double>(grid.tiles_of(Block::train_train).size()) / ranks;
  auto const [least, most] = std::minmax_element(owned.begin(), owned.end());
  CHECK(static_cast<double>(*least) >= 0.94 * share);
  CHECK(static_cast<double>(*most) <= 1.06 * share);
}

TEST_CASE("the automatic side is a multiple of 64 between 256 and 2048", "[tile_grid]") {
  long const n = GENERATE(1, 100, 1437, 8192, 60000, 1000000);
  int const side = automatic_side(n);
  CHECK(side % 64 == 0);
  CHECK((side >= 256 && side <= 2048));
}

TEST_CASE("tiles of costly pairs are small, so that a signal does not wait long", "[tile_grid]") {
  CHECK(automatic_side(1437, 230) == automatic_side(1437));  // three fully connected layers
  CHECK(automatic_side(1437, 1e10 / (100 * 100)) == 96);     // 1e10 flops a tile, in steps of 16
  CHECK(automatic_side(100'000, 1e10 / (100 * 100)) == 96);
  CHECK(automatic_side(1437, 1e12) == 16);  // but not smaller than that
}
