#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace infinitile {

/// Numbers that a run computes once: the file is there under its name when it is complete. `identity` says what they belong to. Throws Stopped
/// when the disk is full.
void write_numbers(std::filesystem::path const& path, std::uint64_t identity, std::span<double const> numbers);

/// The same bits again; nothing where there is no such file, it belongs to something else, or a bit of it has changed.
std::optional<std::vector<double>> read_numbers(std::filesystem::path const& path, std::uint64_t identity);

}  // namespace infinitile
