#pragma once

// Golden kernels of infinite width: the cases of tests/reference/infinite_*.h5, and comparison with tiles.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/kernel_tile.hpp"
#include "plan/tile_grid.hpp"
#include "store/hdf5.hpp"
#include "support/catch.hpp"

namespace golden {

using namespace infinitile;

inline std::vector<double> read(hid_t group, std::string const& path) {
  return h5::read_all<double>(h5::open_dataset(group, "golden file", path), path);
}

inline double read_number(hid_t group, char const* name) {
  h5::Handle const attribute(H5Aopen(group, name, H5P_DEFAULT), H5Aclose);
  double value = 0;
  h5::check(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value), name);
  return value;
}

inline std::string read_words(hid_t group, char const* name) {
  h5::Handle const attribute(H5Aopen(group, name, H5P_DEFAULT), H5Aclose);
  h5::Handle const type(H5Aget_type(attribute), H5Tclose);
  char* words = nullptr;
  h5::check(H5Aread(attribute, type, &words), name);
  std::string const out(words);
  H5free_memory(words);
  return out;
}

/// All entries of a network on train and test rows, from tiles of a side: [row][col] of the stacked rows, lower triangle.
struct Lower {
  long n;
  std::vector<double> nngp, ntk;
  double at(std::vector<double> const& k, long i, long j) const { return k[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))]; }
};

/// All tiles, each by compute(task), which returns how many entries are no numbers.
template <class T, class Compute>
Lower compute_all(long n, long train, int side, Compute compute) {
  TileGrid const grid(train, n - train, side);
  auto const offset = [&](int tile) { return grid.range(tile).first + (grid.is_test(tile) ? train : 0); };
  Lower out{n, std::vector<double>(static_cast<std::size_t>(n * n)), std::vector<double>(static_cast<std::size_t>(n * n))};
  for (Block const block : {Block::train_train, Block::test_train, Block::test_test})
    for (TileIndex const t : grid.tiles_of(block)) {
      int const height = grid.height(t), width = grid.width(t);
      LaunchVector<T> nngp(static_cast<std::size_t>(height * width)), ntk(nngp.size());
      TileTask<T> const task{offset(t.row), offset(t.col), height, width, nngp.data(), ntk.data()};
      REQUIRE(compute(task) == 0);
      for (long i = 0; i < height; ++i)
        for (long j = 0; j < width; ++j) {
          auto const from = static_cast<std::size_t>(i * width + j);
          auto const to = static_cast<std::size_t>((offset(t.row) + i) * n + offset(t.col) + j);
          out.nngp[to] = nngp[from];
          out.ntk[to] = ntk[from];
        }
    }
  return out;
}

inline double largest(std::vector<double> const& values) {
  double most = 0;
  for (double const v : values) most = std::max(most, std::abs(v));
  return most;
}

/// Largest difference between a golden block and the rows and columns of `k` that it covers, relative to the block's largest entry.
inline double difference(Lower const& all, std::vector<double> const& k, std::vector<double> const& golden, long row0, long rows, long cols,
                         bool diagonal) {
  double most = 0;
  for (long i = 0; i < rows; ++i)
    for (long j = 0; j < cols; ++j) {
      double const expected = golden[static_cast<std::size_t>(i * cols + j)];
      most = std::max(most, std::abs(all.at(k, row0 + i, diagonal ? row0 + i : j) - expected));
      if (!std::isfinite(all.at(k, row0 + i, diagonal ? row0 + i : j))) return INFINITY;
    }
  double const scale = largest(golden);
  return scale > 0 ? most / scale : most;
}

inline std::vector<std::string> case_names(hid_t file) {
  std::vector<std::string> names;
  H5Literate(
      file, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, char const* name, H5L_info_t const*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
      },
      &names);
  return names;
}

/// Checks the golden blocks of one kind.
inline void check_blocks(hid_t group, Lower const& all, std::vector<double> const& k, std::string const& kind, long train, double allowed) {
  CHECK(difference(all, k, read(group, "train_train/" + kind), 0, train, train, false) <= allowed);
  CHECK(difference(all, k, read(group, "test_train/" + kind), train, all.n - train, train, false) <= allowed);
  CHECK(difference(all, k, read(group, "test_test/" + kind), train, all.n - train, 1, true) <= allowed);
}

/// Inputs of a case: train rows followed by test rows.
struct Inputs {
  std::vector<double> values;
  long train = 0, rows = 0;
  std::vector<long> shape;  ///< of one sample
};
inline Inputs read_inputs(hid_t group) {
  Inputs out;
  h5::Handle const x1 = h5::open_dataset(group, "golden file", "x1");
  std::vector<long> const sizes = h5::shape_of(x1).extents;
  out.values = read(group, "x1");
  std::vector<double> const x2 = read(group, "x2");
  out.values.insert(out.values.end(), x2.begin(), x2.end());
  out.train = sizes[0];
  long numbers = 1;
  for (std::size_t a = 1; a < sizes.size(); ++a) {
    out.shape.push_back(sizes[a]);
    numbers *= out.shape.back();
  }
  out.rows = static_cast<long>(out.values.size()) / numbers;
  return out;
}

/// Float64 tiles of compute(task) against a case: 1e-10, or ten times what float64 loses there.
inline void check_double(hid_t group, Lower const& all, long train) {
  check_blocks(group, all, all.nngp, "nngp", train, std::max(1e-10, 10 * read_number(group, "float64_loss_nngp")));
  check_blocks(group, all, all.ntk, "ntk", train, std::max(1e-10, 10 * read_number(group, "float64_loss_ntk")));
}
inline void check_single(hid_t group, Lower const& all, long train) {
  check_blocks(group, all, all.nngp, "nngp", train, 1e-5);
  check_blocks(group, all, all.ntk, "ntk", train, 1e-5);
}

}  // namespace golden
