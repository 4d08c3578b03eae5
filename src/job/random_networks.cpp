#include "job/random_networks.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/index.hpp"
#include "base/text.hpp"
#include "comm/agreed_stop.hpp"

namespace infinitile {

template <class T>
RandomNetworks<T>::RandomNetworks(TileGrid grid, FiniteReading reading, std::vector<std::string> kernels, std::uint64_t seed,
                                  std::vector<InputRows> rows)
    : grid_(grid),
      reading_(std::move(reading)),
      kernels_(std::move(kernels)),
      get_(static_cast<Get>(reading_.get)),
      seed_(seed),
      inputs_(std::move(rows)) {}

template <class T>
void RandomNetworks<T>::add(int sample, std::span<RunningTile> tiles) const {
  auto const& specs = reading_.program.parameters;
  EmpiricalKernel<T> const network(reading_.program, draw_parameters(specs, {seed_, static_cast<std::uint64_t>(sample)}), reading_.axes,
                                   reading_.method, cotangents_at_once);
  std::map<int, Side> sides;
  auto const side_of = [&](int tile) -> Side const& {
    auto const known = sides.find(tile);
    if (known != sides.end()) return known->second;
    auto const rows = inputs_.rows_of(grid_, tile);
    return sides.emplace(tile, Side{rows, network.evaluate(rows, get_)}).first->second;
  };
  for (RunningTile& running : tiles) {
    if (running.samples != sample) continue;
    stop_if_signalled();
    TileIndex const tile = running.tile;
    Side const &row = side_of(tile.row), &col = side_of(tile.col);
    auto const block =
        tile.row == tile.col ? network.within(row.values, row.samples, get_) : network.between(row.values, col.values, col.samples, get_);
    std::vector<std::vector<T> const*> values;
    for (auto const& kernel : kernels_) {
      values.push_back(kernel == "nngp" ? &block.nngp : &block.ntk);
      expect_finite(*values.back(), text("tile (", tile.row, ", ", tile.col, ") of network ", sample));
    }
    running.add(values);
  }
}

template class RandomNetworks<double>;
template class RandomNetworks<float>;

namespace {

/// The place of a tile on the curve that fills quarters of the matrix before it goes on: bits of row and column in turn.
std::uint64_t place_on_curve(TileIndex tile) {
  std::uint64_t place = 0;
  for (int bit = 0; bit < 31; ++bit) {
    place |= static_cast<std::uint64_t>(tile.row >> bit & 1) << (2 * bit + 1);
    place |= static_cast<std::uint64_t>(tile.col >> bit & 1) << 2 * bit;
  }
  return place;
}

}  // namespace

std::vector<std::vector<TileIndex>> groups_of(std::vector<TileIndex> tiles, TileGrid const& grid, FiniteReading const& reading,
                                              int kernels) {
  std::ranges::sort(tiles, {}, place_on_curve);
  double const row_numbers = numbers_of_a_row(reading), pair_flops = cost_of(reading, grid.side()).pair_flops;
  std::vector<std::vector<TileIndex>> groups;
  std::set<int> sides;
  double numbers = 0, flops = 0;
  for (TileIndex const tile : tiles) {
    auto const numbers_with = [&] {
      double more = 2.0 * kernels * grid.height(tile) * grid.width(tile);
      for (int const side : std::set{tile.row, tile.col})
        if (!sides.contains(side)) more += row_numbers * static_cast<double>(grid.range(side).size());
      return numbers + more;
    };
    if (groups.empty() || numbers_with() > numbers_of_a_group || flops > flops_of_a_group) {
      groups.emplace_back();
      sides.clear();
      numbers = flops = 0;
    }
    numbers = numbers_with();
    flops += pair_flops * grid.height(tile) * grid.width(tile);
    sides.insert({tile.row, tile.col});
    groups.back().push_back(tile);
  }
  return groups;
}

}  // namespace infinitile
