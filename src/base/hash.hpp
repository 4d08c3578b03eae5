#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace infinitile {

/// XXH3 of some bytes: notices damage, not malice. About 10 GB/s. `seed` chains several pieces.
std::uint64_t checksum(std::span<std::byte const> bytes, std::uint64_t seed = 0);
std::uint64_t checksum(std::string_view characters, std::uint64_t seed = 0);

/// The checksum of a whole file, read in pieces. Throws Error when it cannot be read.
std::uint64_t file_checksum(std::string const& path);

/// SHA-256 of a whole file in lower-case hexadecimal, for provenance. Throws Error when it cannot be read.
std::string file_sha256(std::string const& path);

/// 16 lower-case hexadecimal digits.
std::string hexadecimal(std::uint64_t value);

}  // namespace infinitile
