#include "base/hash.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

std::uint64_t checksum(std::span<std::byte const> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t checksum(std::string_view characters, std::uint64_t seed) {
  return checksum(std::as_bytes(std::span(characters)), seed);
}

std::string hexadecimal(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

namespace {

/// Calls `take` with each piece of the file.
template <class Take>
void read_in_pieces(std::string const& path, Take take) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) throw Error(text("cannot read the file ", path, ". Check the path and the permissions."));
  std::vector<std::byte> piece(std::size_t{1} << 22);
  while (std::size_t const got = std::fread(piece.data(), 1, piece.size(), file.get())) take(std::span(piece).first(got));
  if (std::ferror(file.get()) != 0) throw Error(text("reading the file ", path, " failed half way. Check the disk."));
}

}  // namespace

std::uint64_t file_checksum(std::string const& path) {
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> const state(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  read_in_pieces(path, [&](std::span<std::byte const> piece) { XXH3_64bits_update(state.get(), piece.data(), piece.size()); });
  return XXH3_64bits_digest(state.get());
}

std::string file_sha256(std::string const& path) {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> const context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  read_in_pieces(path, [&](std::span<std::byte const> piece) { EVP_DigestUpdate(context.get(), piece.data(), piece.size()); });
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  std::string out;
  for (unsigned int i = 0; i < length; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

}  // namespace infinitile
