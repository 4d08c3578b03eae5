#include "infinite/infinite_kernel.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "kernels/position_tile.hpp"

namespace infinitile {

namespace {

/// Windows can pass over all that a mask leaves of an input: its kernels are then 0, which a user should know.
void warn_of_nothing_left(PositionProgram const& program, PositionTable const& table) {
  if (program.output_mask < 0) return;
  InputLines<double> const& there = table.there[static_cast<std::size_t>(program.output_mask)];
  std::vector<long> gone;
  for (long i = 0; i < table.rows; ++i)
    if (*there.at(0, i) == 0) gone.push_back(i);
  if (gone.empty()) return;
  log_warning(text("nothing is left of ", gone.size(), " of ", table.rows, " inputs behind the masks of the last layer; row ", gone.front(),
                   " (train rows first, counted from 0) is the first. Their kernels are 0. Take them out, or pad on both sides."));
}

std::variant<RowTable, PositionTable> tabulate(InfiniteProgram const& program, std::vector<InputRows> inputs, Precision precision,
                                               std::vector<Graphs> graphs) {
  if (auto const* const pairs = std::get_if<PairProgram>(&program)) return tabulate_rows(*pairs, std::move(inputs), precision);
  PositionProgram const& positions = std::get<PositionProgram>(program);
  PositionTable table = tabulate_positions(positions, std::move(inputs), precision, std::move(graphs));
  warn_of_nothing_left(positions, table);
  return table;
}

}  // namespace

InfiniteKernel::InfiniteKernel(TileGrid grid, InfiniteProgram program, std::vector<InputRows> inputs, Precision precision,
                               std::vector<Graphs> graphs)
    : grid_(grid), program_(std::move(program)), table_(tabulate(program_, std::move(inputs), precision, std::move(graphs))) {
  std::visit([&](auto const& table) { INFINITILE_EXPECT(table.rows == grid.train() + grid.test()); }, table_);
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
  std::span<TileTask<T> const> const work(tasks);
  auto const* const pairs = std::get_if<PairProgram>(&program_);
  long const bad = pairs != nullptr
                       ? compute_tiles(exec, *pairs, std::get<RowTable>(table_), work)
                       : compute_position_tiles(exec, std::get<PositionProgram>(program_), std::get<PositionTable>(table_), work);
  if (bad > 0)
    throw NumericalAnswer(text(bad, " kernel values in the tiles from (", tiles.front().row, ", ", tiles.front().col,
                               ") on are infinite or not a number: the variances leave the range of the numbers. Use smaller weights, or "
                               "data.scale: unit_sphere."));
}

template void InfiniteKernel::compute(Exec const&, std::vector<TileIndex> const&, Get, std::vector<Values<double>>&) const;
template void InfiniteKernel::compute(Exec const&, std::vector<TileIndex> const&, Get, std::vector<Values<float>>&) const;

template <class Numbers>
std::vector<double> InfiniteKernel::part_of(Numbers const& diagonal, Block block) const {
  INFINITILE_EXPECT(block != Block::test_train);
  double const* const first = diagonal.data() + (block == Block::test_test ? grid_.train() : 0);
  return {first, first + (block == Block::test_test ? grid_.test() : grid_.train())};
}

std::vector<double> InfiniteKernel::nngp_diagonal(Block block) const {
  return std::visit([&](auto const& table) { return part_of(table.nngp, block); }, table_);
}
std::vector<double> InfiniteKernel::ntk_diagonal(Block block) const {
  return std::visit([&](auto const& table) { return part_of(table.ntk, block); }, table_);
}

}  // namespace infinitile
