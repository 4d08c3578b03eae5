#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "store/hdf5.hpp"
#include "store/tile_file.hpp"

namespace infinitile {

/// An axis of a dataset, with the coordinate 0, 1, ... size - 1 beside the dataset: train_index, test_index, output.
struct Axis {
  std::string name;
  long size = 0;
};

/// A dataset with its values, such as posterior/ntk/mean [test_index, output].
struct Array {
  std::string path;
  std::vector<Axis> axes;
  std::vector<double> values;  ///< row by row
  std::string description;
  std::string units;  ///< empty: none are written
  std::vector<h5::Attribute> attributes;
};

/// A kernel block as the tiles have it, such as train_train/nngp: a virtual dataset over the tile files.
struct TiledMatrix {
  Block block;
  std::string kernel;
  std::string description;
  std::vector<h5::Attribute> attributes;
};

/// A group that says something by its attributes, such as posterior/ntk (diag_reg, accuracy) or data/train/x (file, sha256).
struct Note {
  std::string path;
  std::vector<h5::Attribute> attributes;
};

/// All that result.h5 says. The caller fills it; units and meanings are the caller's.
struct ResultContents {
  std::vector<h5::Attribute> provenance;  ///< attributes of the root
  std::vector<Note> notes;
  std::vector<Array> arrays;
  std::vector<TiledMatrix> matrices;
  std::string tiles = "tiles";  ///< the directory of the tile files, seen from the result
};

/// Writes DIRECTORY/result.h5 under a temporary name, seals it with a checksum behind its end and renames it. Its virtual datasets find the
/// tile files by relative names, so the directory can be moved as a whole. In a complete matrix an entry whose tile file
/// is gone reads as NaN, not as a zero that looks like a value; with only the lower tiles stored the rest reads as 0. `tiles` must have
/// every tile of the matrices.
void write_result(std::filesystem::path const& directory, ResultContents const& contents, TileLayout const& layout,
                  std::vector<TileRecord> const& tiles);

/// Whether DIRECTORY/result.h5 is there, complete and unchanged since it was written; if not it is simply written again.
bool result_is_intact(std::filesystem::path const& directory);

/// The name of a block as in the file: train_train, test_train, test_test.
std::string block_name(Block block);

}  // namespace infinitile
