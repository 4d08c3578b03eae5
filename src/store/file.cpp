#include "store/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace fs = std::filesystem;

bool is_full_disk(int code) {
  return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

void throw_write_failure(fs::path const& path, int code) {
  if (is_full_disk(code))
    throw Stopped(text("cannot write ", path.string(), ": ", std::strerror(code),
                       ". Make room and run the same command again: it goes on from there."));
  throw Error(
      text("cannot write ", path.string(), ": ", std::strerror(code), ". Check the path and its permissions, or choose another --output."));
}

void make_output_directory(fs::path const& directory) {
  std::error_code failure;
  fs::create_directories(directory, failure);
  if (failure) throw_write_failure(directory, failure.value());
  if (!fs::is_directory(directory)) throw_write_failure(directory, ENOTDIR);
  if (::access(directory.c_str(), W_OK | X_OK) != 0) throw_write_failure(directory, errno);
}

fs::path unfinished(fs::path const& path) {
  fs::path part = path;
  return part += ".part";
}

void publish(fs::path const& path) {
  if (std::rename(unfinished(path).c_str(), path.c_str()) != 0) throw_write_failure(path, errno);
}

PlainFile::PlainFile(fs::path const& path, Use use)
    : path_(path), descriptor_(::open(path.c_str(), (use == Use::read ? O_RDONLY : O_RDWR | O_APPEND) | O_CLOEXEC)) {
  if (descriptor_ >= 0) return;
  if (use == Use::append) throw_write_failure(path, errno);
  throw Error(text("cannot read ", path.string(), ": ", std::strerror(errno), ". Check the path and its permissions."));
}

PlainFile::~PlainFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PlainFile::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_write_failure(path_, errno);
}

std::uint64_t PlainFile::size() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool PlainFile::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t const got = ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

void PlainFile::append(std::span<std::byte const> bytes) {
  while (!bytes.empty()) {
    ssize_t const done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw_write_failure(path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

namespace {

struct Seal {
  std::array<char, 8> mark{'i', 'n', 'f', 'i', 's', 'e', 'a', 'l'};
  std::uint64_t checksum = 0;
};

/// The checksum of the first `size` bytes, each piece seeded with the one before it; nothing when they cannot be read.
std::optional<std::uint64_t> checksum_of(PlainFile const& file, std::uint64_t size) {
  std::vector<std::byte> piece(std::size_t{1} << 20);
  std::uint64_t sum = size;
  for (std::uint64_t at = 0; at < size; at += piece.size()) {
    auto const part = std::span(piece).first(std::min<std::uint64_t>(piece.size(), size - at));
    if (!file.read_at(at, part)) return std::nullopt;
    sum = checksum(part, sum);
  }
  return sum;
}

}  // namespace

void seal_file(fs::path const& path) {
  PlainFile file(path, PlainFile::Use::append);
  auto const sum = checksum_of(file, file.size());
  if (!sum) throw Error(text("cannot read back ", path.string(), ", which was just written. Check the disk."));
  Seal const seal{.checksum = *sum};
  file.append(std::as_bytes(std::span(&seal, 1)));
  file.close();
}

bool seal_holds(fs::path const& path) {
  std::error_code none;
  if (!fs::is_regular_file(path, none)) return false;
  PlainFile const file(path, PlainFile::Use::read);
  std::uint64_t const size = file.size();
  Seal seal;
  if (size < sizeof seal || !file.read_at(size - sizeof seal, std::as_writable_bytes(std::span(&seal, 1)))) return false;
  return seal.mark == Seal{}.mark && checksum_of(file, size - sizeof seal) == seal.checksum;
}

}  // namespace infinitile
