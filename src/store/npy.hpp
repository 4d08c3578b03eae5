#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace infinitile {

/// The array of a .npy file, numpy's format versions 1.0 to 3.0: little endian floats of 2, 4 or 8 bytes, integers of 1 to 8 bytes and
/// truth values.
struct NpyArray {
  std::vector<long> shape;
  bool integral = false;       ///< integers or truth values
  std::vector<double> values;  ///< row by row; an array in Fortran order is turned
};

/// Throws Error: no such file, not a .npy file, cut short, a type that is not a number.
NpyArray read_npy(std::filesystem::path const& path);

}  // namespace infinitile
