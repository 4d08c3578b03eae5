#include "solve/tile_matrix.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace infinitile {

namespace {

TileAxis axis_of(TileGrid const& grid, int first, int end) {
  TileAxis axis{first, {}};
  for (int tile = first; tile < end; ++tile) axis.sizes.push_back(static_cast<int>(grid.range(tile).size()));
  return axis;
}

}  // namespace

TileAxis TileAxis::train(TileGrid const& grid) {
  return axis_of(grid, 0, grid.train_tiles());
}

TileAxis TileAxis::test(TileGrid const& grid) {
  return axis_of(grid, grid.train_tiles(), grid.tiles());
}

TileMatrix::TileMatrix(Distribution const& distribution, int rank, TileAxis rows, TileAxis cols, Shape shape)
    : rows_(std::move(rows)), cols_(std::move(cols)) {
  for (int col = cols_.first; col < cols_.end(); ++col)
    for (int row = rows_.first; row < rows_.end(); ++row)
      if (TileIndex const t{row, col}; distribution.owner(t) == rank && (shape == Shape::rectangle || col <= row)) {
        mine_.push_back(t);
        tiles_.emplace(t,
                       std::make_unique<double[]>(static_cast<std::size_t>(rows_.size(row)) * static_cast<std::size_t>(cols_.size(col))));
      }
}

TileMatrix::TileMatrix(Distribution const& distribution, int rank, TileGrid const& grid, Block block)
    : TileMatrix(distribution, rank, block == Block::train_train ? TileAxis::train(grid) : TileAxis::test(grid),
                 block == Block::test_test ? TileAxis::test(grid) : TileAxis::train(grid),
                 block == Block::test_train ? Shape::rectangle : Shape::lower) {}

Matrix TileMatrix::at(TileIndex t) {
  auto const found = tiles_.find(t);
  INFINITILE_EXPECT(found != tiles_.end());
  return {found->second.get(), rows_.size(t.row), cols_.size(t.col)};
}

ConstMatrix TileMatrix::at(TileIndex t) const {
  return const_cast<TileMatrix*>(this)->at(t);
}

double largest_entry(TileMatrix const& matrix) {
  double largest = 0;
  for (TileIndex const t : matrix.mine()) {
    ConstMatrix const tile = matrix.at(t);
    for (int i = 0; i < tile.rows; ++i)
      for (int j = 0; j < tile.cols; ++j) {
        if (!std::isfinite(tile(i, j))) return HUGE_VAL;
        largest = std::max(largest, std::abs(tile(i, j)));
      }
  }
  return largest;
}

}  // namespace infinitile
