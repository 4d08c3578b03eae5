#include "infinite/infinite_kernel.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

InfiniteKernel::InfiniteKernel(TileGrid grid, PairProgram program, std::vector<InputRows> inputs, Precision precision)
    : grid_(grid), program_(std::move(program)), rows_(tabulate_rows(program_, std::move(inputs), precision)) {
  INFINITILE_EXPECT(rows_.rows == grid.train() + grid.test());
}

long InfiniteKernel::offset(int tile) const {
  return grid_.range(tile).first + (grid_.is_test(tile) ? grid_.train() : 0);
}

template <class T>
void InfiniteKernel::compute(Exec const& exec, std::vector<TileIndex> const& tiles, Get get, std::vector<Values<T>>& values) const {
  values.resize(tiles.size());
  std::vector<TileTask<T>> tasks;
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    Values<T>& out = values[t];
    out.tile = tiles[t];
    int const height = grid_.height(out.tile), width = grid_.width(out.tile);
    auto const size = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    out.nngp.resize(size);
    out.ntk.resize(get == Get::nngp ? 0 : size);
    tasks.push_back(
        {offset(out.tile.row), offset(out.tile.col), height, width, out.nngp.data(), get == Get::nngp ? nullptr : out.ntk.data()});
  }
  long const bad = compute_tiles(exec, program_, rows_, std::span<TileTask<T> const>(tasks));
  if (bad > 0)
    throw NumericalAnswer(text(bad, " kernel values in the tiles from (", tiles.front().row, ", ", tiles.front().col,
                               ") on are infinite or not a number: the variances leave the range of the numbers. Use smaller weights, or "
                               "data.scale: unit_sphere."));
}

template void InfiniteKernel::compute(Exec const&, std::vector<TileIndex> const&, Get, std::vector<Values<double>>&) const;
template void InfiniteKernel::compute(Exec const&, std::vector<TileIndex> const&, Get, std::vector<Values<float>>&) const;

std::vector<double> InfiniteKernel::nngp_diagonal(Block block) const {
  return part_of(rows_.nngp, block);
}
std::vector<double> InfiniteKernel::ntk_diagonal(Block block) const {
  return part_of(rows_.ntk, block);
}

std::vector<double> InfiniteKernel::part_of(LaunchVector<double> const& diagonal, Block block) const {
  INFINITILE_EXPECT(block != Block::test_train);
  double const* const first = diagonal.data() + (block == Block::test_test ? grid_.train() : 0);
  return {first, first + (block == Block::test_test ? grid_.test() : grid_.train())};
}

}  // namespace infinitile
