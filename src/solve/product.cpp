#include "solve/product.hpp"

#include "solve/panel.hpp"
#include "solve/update.hpp"

namespace infinitile {

namespace {

/// The tiles rows x cols of a symmetric matrix, loaded by their owners.
TileMatrix load_part(ProcessGrid const& grid, TileAxis rows, TileAxis cols, LoadTile const& load) {
  TileMatrix part(grid.distribution, grid.all.rank(), std::move(rows), std::move(cols), TileMatrix::Shape::rectangle);
  for (TileIndex const t : part.mine()) load(t, part.at(t));
  return part;
}

TileAxis piece(TileAxis const& axis, int first, int end) {
  return {first, {axis.sizes.begin() + (first - axis.first), axis.sizes.begin() + (end - axis.first)}};
}

}  // namespace

void add_product(ProcessGrid const& grid, double alpha, TileMatrix const& x, TileMatrix const& y, TileMatrix& c) {
  for (int k = x.cols().first; k < x.cols().end(); ++k) {
    LeftPanel left(grid, k, {{&x, x.rows().first}, {&y, y.rows().first}});
    left.wait();
    RightPanel const right(grid, left, 1);
    std::vector<TileUpdate> updates;
    for (TileIndex const t : c.mine()) updates.push_back({c.at(t), {{alpha, left.tile(0, t.row), transposed(right.tile(t.col))}}});
    run_updates(updates);
  }
}

TileMatrix times_symmetric(ProcessGrid const& grid, TileMatrix const& b, LoadTile const& load) {
  TileAxis const& axis = b.cols();
  TileMatrix product(grid.distribution, grid.all.rank(), b.rows(), axis, TileMatrix::Shape::rectangle);
  for (int k = 0; k < axis.end(); ++k) {
    TileMatrix const column =
        load_part(grid, piece(axis, k, axis.end()), piece(axis, k, k + 1), load);            // k(j, k), j ≥ k: right factors transposed
    TileMatrix const row = load_part(grid, piece(axis, k, k + 1), piece(axis, 0, k), load);  // k(k, j), j < k: right factors as they are
    LeftPanel left(grid, k, {{&b, b.rows().first}, {&column, k}});
    TopPanel top(grid, row, k, k);
    left.wait();
    RightPanel const right(grid, left, 1);
    top.wait();
    std::vector<TileUpdate> updates;
    for (TileIndex const t : product.mine())
      updates.push_back({product.at(t), {{1, left.tile(0, t.row), t.col < k ? Factor(top.tile(t.col)) : transposed(right.tile(t.col))}}});
    run_updates(updates);
  }
  return product;
}

}  // namespace infinitile
