#include "job/text_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/file.hpp"

namespace infinitile {

void write_text_file(std::filesystem::path const& path, std::string const& words) {
  errno = 0;
  std::ofstream file(unfinished(path), std::ios::binary | std::ios::trunc);
  file << words;
  file.close();  // a full disk may be noticed only here
  if (!file) {
    int const why = errno;
    std::remove(unfinished(path).c_str());
    throw_write_failure(path, why);
  }
  publish(path);
}

std::string read_text_file(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open() || std::filesystem::is_directory(path))
    throw Error(text("cannot read the file ", path.string(), ". Check the path and its permissions."));
  std::string words((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return words;
}

std::string shown(std::filesystem::path const& path) {
  std::error_code none;
  std::string const near = std::filesystem::proximate(path, none).string();
  return none || near.starts_with("..") ? path.string() : near;
}

}  // namespace infinitile
