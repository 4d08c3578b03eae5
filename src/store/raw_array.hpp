#pragma once

#include <string>
#include <vector>

#include "store/dataset.hpp"

namespace infinitile {

/// An array as it is in its file.
struct RawArray {
  ArraySource source;
  std::vector<long> shape;
  bool integral = false;  ///< integers or truth values
  std::vector<double> values;
};

/// From an HDF5 file, or, where `file` is empty, the .npy file at that path. Throws Error where there are no numbers.
RawArray read_array(std::string const& file, std::string const& path);

/// Throws Error for NaN and infinity, with row and column. `shape` begins with the rows.
void expect_finite(ArraySource const& source, std::vector<long> const& shape, std::vector<double> const& values);

/// (3, 4), as numpy prints a shape.
std::string shape_text(std::vector<long> const& extents);

/// The numbers in an array, or in what is left of its shape from an axis on.
long product(std::vector<long> const& extents, std::size_t from = 0);

}  // namespace infinitile
