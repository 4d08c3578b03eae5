#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "store/file.hpp"

namespace infinitile {

/// A file of named arrays: eight bytes with the length of the header, the header as JSON, the numbers, all little endian.
/// Source    huggingface/safetensors, README.md, section Format.
class Safetensors {
public:
  struct Array {
    std::string type;  ///< F64, F32, F16, BF16 and others
    std::vector<long> shape;
    std::uint64_t first = 0, last = 0;  ///< bytes of it, from the end of the header
  };

  /// Reads and checks the header. Throws Error for a file that is no such file or is damaged: cut short, a header too long or without a
  /// meaning, arrays beyond the end, over each other, with gaps between them, or of a size that their shape does not have.
  explicit Safetensors(std::filesystem::path const& path);

  std::map<std::string, Array> const& arrays() const { return arrays_; }
  /// Throws Error for an array that is missing or holds no floating numbers of 16, 32 or 64 bits.
  Array const& find(std::string const& name) const;
  std::vector<double> read(Array const& array, std::string const& where) const;

private:
  void check_places() const;

  std::string path_;
  PlainFile file_;
  std::uint64_t start_ = 0;  ///< of the numbers
  std::map<std::string, Array> arrays_;
};

/// Arrays of doubles, as F64. The file appears when it is complete, in place of one of that name.
struct NamedArray {
  std::string name;
  std::vector<long> shape;
  std::vector<double> const* values = nullptr;
};
void write_safetensors(std::filesystem::path const& path, std::vector<NamedArray> const& arrays);

}  // namespace infinitile
