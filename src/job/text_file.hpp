#pragma once

#include <filesystem>
#include <string>

namespace infinitile {

/// Writes a whole file under a temporary name and renames it: the name never stands for half a file. Throws Stopped for a full disk, Error
/// for the rest.
void write_text_file(std::filesystem::path const& path, std::string const& words);

/// Throws Error when it cannot be read.
std::string read_text_file(std::filesystem::path const& path);

/// A path as a user would write it: relative to the current directory if it lies below.
std::string shown(std::filesystem::path const& path);

}  // namespace infinitile
