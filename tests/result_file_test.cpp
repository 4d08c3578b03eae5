#include "store/result_file.hpp"

#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <thread>

#include <hdf5_hl.h>

#include "base/error.hpp"
#include "store/tile_store.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;
namespace fs = std::filesystem;

namespace {

/// Symmetric in row and column of the matrix of train and test rows.
template <class T>
T value_at(int kernel, long row, long col) {
  return static_cast<T>(kernel + 1) + static_cast<T>(std::min(row, col)) / 64 + static_cast<T>(std::max(row, col)) * 4;
}

/// Every tile of the layout on disk, written by two ranks in several runs.
template <class T>
std::vector<TileRecord> write_tiles(fs::path const& directory, TileLayout const& layout) {
  fs::path const tiles = directory / "tiles";
  prepare_tile_directory(tiles);
  TileGrid const& grid = layout.grid;
  for (int rank = 0; rank < 2; ++rank) {
    TileStore store(tiles, layout, rank, std::vector<TileRecord>{}, RunLimits{.bytes = 5000});
    int turn = 0;
    for (Block const block : {Block::train_train, Block::test_train, Block::test_test})
      for (TileIndex const t : grid.tiles_of(block)) {
        if (turn++ % 2 != rank) continue;
        long const row = grid.range(t.row).first + (grid.is_test(t.row) ? grid.train() : 0),
                   col = grid.range(t.col).first + (grid.is_test(t.col) ? grid.train() : 0);
        std::vector<std::vector<T>> values(layout.kernels.size());
        for (std::size_t k = 0; k < values.size(); ++k)
          for (long i = 0; i < grid.height(t); ++i)
            for (long j = 0; j < grid.width(t); ++j) values[k].push_back(value_at<T>(static_cast<int>(k), row + i, col + j));
        std::vector<std::span<T const>> const spans(values.begin(), values.end());
        store.put<T>(t, spans);
      }
  }
  return find_tiles(tiles, layout);
}

ResultContents contents_of(TileLayout const& layout) {
  ResultContents contents;
  contents.provenance = {{"version", std::string("0.1")}, {"ranks", 2L}, {"duration", 1.5}, {"hosts", std::vector<std::string>{"a", "b"}}};
  contents.notes = {{"data/train/x", {{"file", std::string("digits.h5")}, {"sha256", std::string("00ff")}}},
                    {"posterior/ntk", {{"diag_reg", 1e-4}}}};
  Axis const test{"test_index", 3}, output{"output", 2};
  contents.arrays = {{"posterior/ntk/mean", {test, output}, {1, 2, 3, 4, 5, 6}, "predictive mean", "", {}},
                     {"posterior/ntk/variance", {test}, {7, 8, 9}, "predictive variance", "1", {}},
                     {"posterior/ntk/covariance", {test, test}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, "predictive covariance", "", {}}};
  for (auto const& kernel : layout.kernels)
    for (Block const block : {Block::train_train, Block::test_train, Block::test_test})
      contents.matrices.push_back({block, kernel, "a kernel", {}});
  return contents;
}

std::vector<double> read(fs::path const& directory, std::string const& path) {
  h5::Handle const file = h5::open_file(directory / "result.h5");
  return h5::read_all<double>(h5::open_dataset(file, "result.h5", path), path);
}

std::string text_attribute(hid_t object, char const* name) {
  char* words = nullptr;
  h5::check(H5LTget_attribute_string(object, ".", name, reinterpret_cast<char*>(&words)), "attribute");
  std::string const value = words;
  free(words);
  return value;
}

}  // namespace

TEMPLATE_TEST_CASE("the virtual matrices are the matrices", "[result_file]", double, float) {
  auto const [train, test, side] = GENERATE(table<long, long, int>({{5, 3, 1}, {8, 4, 4}, {23, 3, 4}, {10, 3, 64}}));
  Precision const precision = sizeof(TestType) == 8 ? Precision::float64 : Precision::float32;
  bool const mirrored = GENERATE(true, false);
  Scratch const scratch;
  TileLayout const layout{{train, test, side}, {"nngp", "ntk"}, precision, mirrored, 1};
  write_result(scratch.path(), contents_of(layout), layout, write_tiles<TestType>(scratch.path(), layout));
  CHECK(result_is_intact(scratch.path()));
  for (int k = 0; k < 2; ++k) {
    std::string const kernel = layout.kernels[static_cast<std::size_t>(k)];
    auto const expect = [&](std::string const& name, long rows, long cols, long row0, long col0) {
      auto const values = read(scratch.path(), name + "/" + kernel);
      REQUIRE(std::ssize(values) == rows * cols);
      bool right = true;
      for (long i = 0; i < rows; ++i)
        for (long j = 0; j < cols; ++j) {
          bool const stored = mirrored || name == "test_train" || j / side <= i / side;
          right &= values[static_cast<std::size_t>(i * cols + j)]
                   == (stored ? static_cast<double>(value_at<TestType>(k, row0 + i, col0 + j)) : 0);
        }
      CHECK(right);
    };
    expect("train_train", train, train, 0, 0);
    expect("test_train", test, train, train, 0);
    expect("test_test", test, test, train, train);
  }
  h5::Handle const file = h5::open_file(scratch / "result.h5");
  h5::Handle const matrix = h5::open_dataset(file, "", "train_train/ntk");
  h5::Handle const type(H5Dget_type(matrix), H5Tclose);
  CHECK(H5Tget_size(type) == sizeof(TestType));
  CHECK(text_attribute(matrix, "stored") == (mirrored ? "full" : "lower"));
  CHECK(text_attribute(h5::open_dataset(file, "", "test_train/ntk"), "stored") == "full");
}

TEST_CASE("where pairs have several numbers the other half has inputs and outputs exchanged", "[result_file]") {
  // Numbers (o, o', w): symmetric in (row, o) and (col, o'), with w of its own.
  auto const number = [](long row, long col, long o, long other, long w) {
    long const a = row * 2 + o, b = col * 2 + other;
    return static_cast<double>(std::min(a, b) * 1000 + std::max(a, b) + w * 1000000);
  };
  auto const pair = [&](std::vector<double>& into, long row, long col) {
    for (long const o : {0, 1})
      for (long const other : {0, 1})
        for (long const w : {0, 1, 2}) into.push_back(number(row, col, o, other, w));
  };
  Scratch const scratch;
  KeptAxes const kept({{"output", 2, 1}, {"output", 2, 0}, {"position", 3, 2}});
  TileLayout const layout{{9, 3, 4}, {"ntk"}, Precision::float64, true, 1, kept};
  prepare_tile_directory(scratch / "tiles");
  {
    TileStore store(scratch / "tiles", layout, 0);
    for (Block const block : {Block::train_train, Block::test_train})
      for (TileIndex const t : layout.grid.tiles_of(block)) {
        std::vector<double> values;
        for (long i = 0; i < layout.grid.height(t); ++i)
          for (long j = 0; j < layout.grid.width(t); ++j)
            pair(values, layout.grid.range(t.row).first + i, layout.grid.range(t.col).first + j);
        std::vector<std::span<double const>> const spans{values};
        store.put<double>(t, spans);
        store.flush();
        CHECK(store.get<double>(t, 0) == values);
        CHECK(!store.find_damage(t));
      }
  }
  ResultContents contents;
  for (Block const block : {Block::train_train, Block::test_train}) contents.matrices.push_back({block, "ntk", "a kernel", {}});
  write_result(scratch.path(), contents, layout, find_tiles(scratch / "tiles", layout));
  h5::Handle const file = h5::open_file(scratch / "result.h5");
  for (auto const& [name, rows] : {std::pair("train_train/ntk", 9L), std::pair("test_train/ntk", 3L)}) {
    CHECK(h5::shape_of(h5::open_dataset(file, "", name)).extents == std::vector<long>{rows, 9, 2, 2, 3});
    std::vector<double> expected;
    for (long row = 0; row < rows; ++row)
      for (long col = 0; col < 9; ++col) pair(expected, row, col);
    CHECK(read(scratch.path(), name) == expected);
  }
}

TEST_CASE("the directory can be moved, and read from anywhere", "[result_file]") {
  Scratch const scratch;
  TileLayout const layout{{9, 3, 4}, {"nngp", "ntk"}, Precision::float64, true, 1};
  fs::create_directory(scratch / "before");
  write_result(scratch / "before", contents_of(layout), layout, write_tiles<double>(scratch / "before", layout));
  auto const first = read(scratch / "before", "train_train/ntk");
  fs::rename(scratch / "before", scratch / "after");
  CHECK(read(scratch / "after", "train_train/ntk") == first);
  fs::path const here = fs::current_path();
  fs::current_path("/");
  CHECK(read(scratch / "after", "train_train/ntk") == first);
  fs::current_path(scratch / "after");
  CHECK(read("", "train_train/ntk") == first);
  fs::current_path(here);
}

TEST_CASE("a missing tile file reads as NaN, not as zeros", "[result_file]") {
  Scratch const scratch;
  TileLayout const layout{{9, 3, 4}, {"nngp", "ntk"}, Precision::float64, true, 1};
  write_result(scratch.path(), contents_of(layout), layout, write_tiles<double>(scratch.path(), layout));
  fs::remove_all(scratch / "tiles");
  for (double const value : read(scratch.path(), "train_train/nngp")) CHECK(std::isnan(value));
}

TEST_CASE("every axis has a coordinate and a label", "[result_file]") {
  Scratch const scratch;
  TileLayout const layout{{9, 3, 4}, {"nngp", "ntk"}, Precision::float64, true, 1};
  write_result(scratch.path(), contents_of(layout), layout, write_tiles<double>(scratch.path(), layout));
  h5::Handle const file = h5::open_file(scratch / "result.h5");
  for (auto const& path : h5::dataset_paths(file)) {
    h5::Handle const dataset = h5::open_dataset(file, "", path);
    CHECK(!text_attribute(dataset, "description").empty());
    if (H5DSis_scale(dataset) > 0) continue;
    auto const extents = h5::shape_of(dataset).extents;
    for (unsigned axis = 0; axis < extents.size(); ++axis) {
      INFO(path << " axis " << axis);
      CHECK(H5DSget_num_scales(dataset, axis) == 1);
      char label[64] = "";
      CHECK(H5DSget_label(dataset, axis, label, sizeof label) > 0);
      std::string const name = label;
      CHECK((name == "train_index" || name == "test_index" || name == "output"));
    }
  }
  CHECK(h5::read_all<long>(h5::open_dataset(file, "", "train_train/train_index_2"), "axis")
        == std::vector<long>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(text_attribute(file, "version") == "0.1");
  CHECK(text_attribute(h5::require_group(file, "data/train/x"), "sha256") == "00ff");
  CHECK(read(scratch.path(), "posterior/ntk/mean") == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(text_attribute(h5::open_dataset(file, "", "posterior/ntk/variance"), "units") == "1");
}

TEST_CASE("writing again gives the same bytes, and any change is noticed", "[result_file]") {
  Scratch const scratch;
  CHECK(!result_is_intact(scratch.path()));
  TileLayout const layout{{9, 3, 4}, {"nngp", "ntk"}, Precision::float64, true, 1};
  auto const tiles = write_tiles<double>(scratch.path(), layout);
  auto const content = [&] {
    std::ifstream file(scratch / "result.h5", std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  write_result(scratch.path(), contents_of(layout), layout, tiles);
  std::string const first = content();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 would note the second in which a dataset was made
  write_result(scratch.path(), contents_of(layout), layout, tiles);
  CHECK(content() == first);
  for (std::size_t at = 0; at < first.size(); at += 101) {
    std::string changed = first;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    std::ofstream(scratch / "result.h5", std::ios::binary) << changed;
    REQUIRE(!result_is_intact(scratch.path()));
    std::ofstream(scratch / "result.h5", std::ios::binary) << first.substr(0, at);
    REQUIRE(!result_is_intact(scratch.path()));
  }
}

TEST_CASE("a result that cannot be written leaves the old one", "[result_file]") {
  Scratch const scratch;
  TileLayout const layout{{9, 3, 4}, {"nngp", "ntk"}, Precision::float64, true, 1};
  auto const tiles = write_tiles<double>(scratch.path(), layout);
  write_result(scratch.path(), contents_of(layout), layout, tiles);
  fs::create_directory(scratch / "result.h5.part");
  CHECK(message_of<Error>([&] {
          write_result(scratch.path(), contents_of(layout), layout, tiles);
        }).starts_with("cannot write " + (scratch / "result.h5.part").string()));
  CHECK(result_is_intact(scratch.path()));
}
