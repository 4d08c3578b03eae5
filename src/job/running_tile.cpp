#include "job/running_tile.hpp"

#include "base/error.hpp"
#include "base/index.hpp"
#include "kernels/running_mean.hpp"

namespace infinitile {

RunningTile RunningTile::load(TileStore& store, TileIndex tile) {
  TileLayout const& layout = store.layout();
  RunningTile out{tile, store.samples(tile), std::vector<Kernel>(layout.kernels.size() / 2)};
  long const size = static_cast<long>(layout.grid.height(tile)) * layout.grid.width(tile);
  for (std::size_t k = 0; k < out.kernels.size(); ++k) {
    for (auto* const numbers : {&out.kernels[k].means, &out.kernels[k].squares}) numbers->assign(at(size), 0);
    if (out.samples == 0) continue;
    store.get<double>(tile, 2 * k, out.kernels[k].means);
    store.get<double>(tile, 2 * k + 1, out.kernels[k].squares);
  }
  return out;
}

void RunningTile::save(TileStore& store) const {
  std::vector<std::span<double const>> arrays;
  for (Kernel const& kernel : kernels) arrays.insert(arrays.end(), {kernel.means, kernel.squares});
  store.put<double>(tile, arrays, samples);
}

template <class T>
void RunningTile::add(std::vector<std::vector<T> const*> const& values) {
  INFINITILE_EXPECT(values.size() == kernels.size());
  ++samples;
  for (std::size_t k = 0; k < kernels.size(); ++k) add_to_means<T>(*values[k], samples, kernels[k].means, kernels[k].squares);
}
template void RunningTile::add(std::vector<std::vector<double> const*> const&);
template void RunningTile::add(std::vector<std::vector<float> const*> const&);

TileLayout layout_of_means(TileGrid const& grid, std::vector<std::string> const& kernels, std::uint64_t fingerprint) {
  TileLayout layout{grid, {}, Precision::float64, false, fingerprint};
  for (auto const& kernel : kernels) layout.kernels.insert(layout.kernels.end(), {kernel, kernel + "_squares"});
  return layout;
}

}  // namespace infinitile
