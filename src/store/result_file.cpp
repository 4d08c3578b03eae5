#include "store/result_file.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/file.hpp"

namespace infinitile {

namespace fs = std::filesystem;

namespace {

std::string parent(std::string const& path) {
  auto const slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

/// Writes the datasets of one result file, and the coordinates of their axes once per group: readers such as xarray open one group at a
/// time.
class ResultWriter {
public:
  ResultWriter(hid_t file, std::string tiles) : file_(file), tiles_(std::move(tiles)) {}

  void write(Note const& note) {
    h5::Handle const group = h5::require_group(file_, note.path);
    for (auto const& attribute : note.attributes) h5::write_attribute(group, attribute);
  }

  void write(Array const& array) {
    std::vector<long> extents;
    for (Axis const& axis : array.axes) extents.push_back(axis.size);
    INFINITILE_EXPECT(std::accumulate(extents.begin(), extents.end(), 1L, std::multiplies<>()) == std::ssize(array.values));
    h5::Handle const group = h5::require_group(file_, parent(array.path));
    h5::Handle const dataset = h5::write_dataset(file_, array.path, extents, array.values.data());
    describe(dataset, array.description, array.units, array.attributes);
    attach_axes(dataset, parent(array.path), array.axes);
  }

  void write(TiledMatrix const& matrix, TileLayout const& layout, std::vector<TileRecord> const& tiles) {
    TileGrid const& grid = layout.grid;
    Axis const train{"train_index", grid.train()}, test{"test_index", grid.test()};
    Axis const rows = matrix.block == Block::train_train ? train : test, cols = matrix.block == Block::test_test ? test : train;
    bool const symmetric = matrix.block != Block::test_train, lower = symmetric && !layout.mirrored;
    h5::VirtualMatrix whole(layout.kept.extents(rows.size, cols.size));
    place_tiles(whole, matrix, layout, tiles);
    std::string const path = block_name(matrix.block) + "/" + matrix.kernel;
    h5::Handle const group = h5::require_group(file_, parent(path));
    hid_t const type = layout.precision == Precision::float64 ? h5::native_type<double>() : h5::native_type<float>();
    h5::Handle const dataset = whole.create(file_, path, type, lower ? 0 : std::numeric_limits<double>::quiet_NaN());
    describe(dataset, matrix.description, "", matrix.attributes);
    h5::write_attribute(dataset, {"stored", std::string(lower ? "lower" : "full")});
    std::vector<Axis> axes{rows, cols};
    for (KeptAxis const& axis : layout.kept.axes()) axes.push_back({axis.name, axis.size});
    attach_axes(dataset, parent(path), axes);
  }

private:
  static void describe(hid_t dataset, std::string const& description, std::string const& units, std::vector<h5::Attribute> const& others) {
    h5::write_attribute(dataset, {"description", description});
    if (!units.empty()) h5::write_attribute(dataset, {"units", units});
    for (auto const& attribute : others) h5::write_attribute(dataset, attribute);
  }

  void place_tiles(h5::VirtualMatrix& whole, TiledMatrix const& matrix, TileLayout const& layout,
                   std::vector<TileRecord> const& tiles) const {
    std::map<TileIndex, TileRecord const*> known;
    for (TileRecord const& record : tiles)
      if (layout.kernels[static_cast<std::size_t>(record.kernel)] == matrix.kernel) known[record.tile] = &record;
    for (TileIndex const tile : layout.grid.tiles_of(matrix.block)) {
      auto const at = known.find(tile);
      INFINITILE_EXPECT(at != known.end());
      TileRecord const& record = *at->second;
      Range const rows = layout.grid.range(tile.row), cols = layout.grid.range(tile.col);
      std::string const file = tiles_ + "/" + record.file.text();
      whole.place(file, tile_path(layout, record.kernel, tile.row, tile.col), rows.first, cols.first, rows.size(), cols.size());
      if (layout.is_mirrored(tile))
        whole.place(file, tile_path(layout, record.kernel, tile.col, tile.row), cols.first, rows.first, cols.size(), rows.size());
    }
  }

  /// An axis that a dataset has twice gets a second coordinate, train_index_2: xarray wants each name once.
  void attach_axes(hid_t dataset, std::string const& group, std::vector<Axis> const& axes) {
    std::map<std::string, int> seen;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      int const times = ++seen[axes[i].name];
      std::string const name = times == 1 ? axes[i].name : text(axes[i].name, "_", times);
      h5::attach_scale(dataset, static_cast<unsigned>(i), scale(group, {name, axes[i].size}), axes[i].name);
    }
  }

  hid_t scale(std::string const& group, Axis const& axis) {
    std::string const path = group.empty() ? axis.name : group + "/" + axis.name;
    auto const [place, fresh] = scales_.try_emplace(path);
    auto& [size, dataset] = place->second;
    if (fresh) {
      std::vector<long> index(static_cast<std::size_t>(axis.size));
      std::iota(index.begin(), index.end(), 0L);
      size = axis.size;
      dataset = h5::write_dataset(file_, path, {axis.size}, index.data());
      h5::make_scale(dataset, axis.name);
      h5::write_attribute(dataset, {"description", std::string("position along the axis, counted from 0")});
    }
    INFINITILE_EXPECT(size == axis.size);  // one name, one length in a group
    return dataset;
  }

  hid_t file_;
  std::string tiles_;
  std::map<std::string, std::pair<long, h5::Handle>> scales_;
};

void write_unfinished(fs::path const& part, ResultContents const& contents, TileLayout const& layout,
                      std::vector<TileRecord> const& tiles) {
  h5::Handle file = h5::create_file(part);
  {
    ResultWriter writer(file, contents.tiles);
    for (auto const& attribute : contents.provenance) h5::write_attribute(file, attribute);
    for (Note const& note : contents.notes) writer.write(note);
    for (Array const& array : contents.arrays) writer.write(array);
    for (TiledMatrix const& matrix : contents.matrices) writer.write(matrix, layout, tiles);
  }
  if (!file.release()) h5::check(-1, "cannot write " + part.string());
}

}  // namespace

void write_result(fs::path const& directory, ResultContents const& contents, TileLayout const& layout,
                  std::vector<TileRecord> const& tiles) {
  fs::path const path = directory / "result.h5";
  try {
    write_unfinished(unfinished(path), contents, layout, tiles);
    seal_file(unfinished(path));
    publish(path);
  } catch (...) {
    std::error_code none;
    fs::remove(unfinished(path), none);
    throw;
  }
}

bool result_is_intact(fs::path const& directory) {
  return seal_holds(directory / "result.h5");
}

std::string block_name(Block block) {
  switch (block) {
    case Block::train_train:
      return "train_train";
    case Block::test_train:
      return "test_train";
    case Block::test_test:
      return "test_test";
  }
  INFINITILE_EXPECT(false);
}

}  // namespace infinitile
