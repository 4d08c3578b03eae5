#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace infinitile {

/// True for the errno of a full disk, an exceeded quota or a file size limit: what the same command survives once there is room.
bool is_full_disk(int code);

/// Throws what a failed write deserves: Stopped (exit 75) for a full disk, quota or size limit, with what to do; Error for the rest. `code`
/// is an errno.
[[noreturn]] void throw_write_failure(std::filesystem::path const& path, int code);

/// The directory exists and can be written, or Error says why not.
void make_output_directory(std::filesystem::path const& directory);

/// Where a file is written before it is complete: its name with .part behind it.
std::filesystem::path unfinished(std::filesystem::path const& path);

/// Gives the complete file unfinished(path) its name. No fsync: it costs more than all our writing, and a file that a power cut tore is
/// noticed by its checksum.
void publish(std::filesystem::path const& path);

/// A file open for reading or appending by plain system calls.
class PlainFile {
public:
  enum class Use { read, append };
  /// Throws Error when it cannot be opened.
  PlainFile(std::filesystem::path const& path, Use use);
  PlainFile(PlainFile const&) = delete;
  PlainFile& operator=(PlainFile const&) = delete;
  ~PlainFile();

  std::uint64_t size() const;
  /// Fills `bytes` from `offset`; false when the file ends before or the disk fails.
  [[nodiscard]] bool read_at(std::uint64_t offset, std::span<std::byte> bytes) const;
  void append(std::span<std::byte const> bytes);
  /// After the last append: some file systems tell of a full disk only now. Throws as append does.
  void close();

private:
  std::filesystem::path path_;
  int descriptor_;
};

/// Appends 16 bytes: a mark and the checksum of all before it. HDF5 does not look behind its end of file, so a sealed file reads as before.
void seal_file(std::filesystem::path const& path);
/// True when not a bit has changed since it was sealed; false for a missing, torn, changed or never sealed file.
bool seal_holds(std::filesystem::path const& path);

}  // namespace infinitile
