#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "store/tile_store.hpp"

/// Tiles whose values tell where they belong, for the tests of the tile store.
namespace infinitile {

/// The value every test puts at a place: tells kernel, row and column, counted over train and test rows.
inline double value_at(int kernel, long row, long col) {
  return 1 + kernel * 0.25 + static_cast<double>(row) * 1000 + static_cast<double>(col);
}

template <class T>
std::vector<T> tile_values(TileGrid const& grid, TileIndex t, int kernel) {
  std::vector<T> values;
  for (long i = 0; i < grid.height(t); ++i)
    for (long j = 0; j < grid.width(t); ++j)
      values.push_back(static_cast<T>(value_at(kernel, t.row * grid.side() + i, t.col * grid.side() + j)));
  return values;
}

template <class T>
void put(TileStore& store, TileIndex t) {
  std::vector<std::vector<T>> values;
  for (std::size_t k = 0; k < store.layout().kernels.size(); ++k)
    values.push_back(tile_values<T>(store.layout().grid, t, static_cast<int>(k)));
  std::vector<std::span<T const>> const spans(values.begin(), values.end());
  store.put<T>(t, spans);
}

inline std::vector<TileIndex> all_tiles(TileGrid const& grid) {
  std::vector<TileIndex> all;
  for (Block const block : {Block::train_train, Block::test_train, Block::test_test})
    for (TileIndex const t : grid.tiles_of(block)) all.push_back(t);
  return all;
}

inline TileLayout layout_of(TileGrid const& grid, Precision precision = Precision::float64) {
  return {grid, {"nngp", "ntk"}, precision, true, 7};
}

template <class T>
bool holds(TileStore& store, TileIndex t) {
  for (std::size_t k = 0; k < store.layout().kernels.size(); ++k)
    if (store.get<T>(t, k) != tile_values<T>(store.layout().grid, t, static_cast<int>(k))) return false;
  auto const damaged = store.find_damage(t);
  if (damaged) store.forget(*damaged);
  return !damaged;
}

inline std::vector<std::filesystem::path> files_in(std::filesystem::path const& directory) {
  std::vector<std::filesystem::path> files;
  for (auto const& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

inline std::string content_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void write_content(std::filesystem::path const& path, std::string const& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace infinitile
