#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/precision.hpp"
#include "plan/kept_axes.hpp"
#include "plan/tile_grid.hpp"
#include "store/hdf5.hpp"

namespace infinitile {

/// What all tiles of a job have in common.
struct TileLayout {
  TileGrid grid;
  std::vector<std::string> kernels;  ///< "nngp", "ntk"
  Precision precision = Precision::float64;
  /// Symmetric blocks have each tile below the diagonal a second time, transposed: virtual datasets can place, not transpose.
  bool mirrored = false;
  std::uint64_t fingerprint = 0;  ///< of everything that decides the values
  KeptAxes kept{};                ///< the numbers of each pair

  std::size_t value_size() const { return static_cast<std::size_t>(bytes_of(precision)); }
  /// Of one kernel of a tile.
  std::size_t count(TileIndex t) const {
    return static_cast<std::size_t>(grid.height(t)) * static_cast<std::size_t>(grid.width(t)) * static_cast<std::size_t>(kept.count());
  }
  bool is_mirrored(TileIndex t) const { return mirrored && t.row != t.col && grid.block(t) != Block::test_train; }
  /// Fingerprint and shape in one number: files of another layout are of another job.
  std::uint64_t identity() const;
};

/// RANK-RUN.h5: the rank that wrote it, and its how-manieth it is.
struct TileFileName {
  std::int32_t rank = 0;
  std::int32_t run = 0;
  std::string text() const;
  friend auto operator<=>(TileFileName const&, TileFileName const&) = default;
};
std::optional<TileFileName> parse_tile_file_name(std::string const& name);

/// Where the values of one kernel of a tile lie: plain bytes, row by row, at an offset of a file.
struct TileRecord {
  TileIndex tile;
  std::int32_t kernel = 0;
  TileFileName file;
  std::int32_t samples = 0;  ///< what the values are means of; 0 where they are no means
  std::uint64_t offset = 0;
  std::uint64_t mirror_offset = 0;  ///< of the transposed copy; 0 where there is none
  std::uint64_t checksum = 0;       ///< of the values
};

/// Name of a tile's dataset inside its file: KERNEL/ROW_COL; the transposed copy has row and column the other way round.
std::string tile_path(TileLayout const& layout, int kernel, int row, int col);

/// Writes one file of finished tiles: an HDF5 file with a dataset for each kernel and tile, which result.h5 refers to, and behind its end
/// an index for ourselves.
///   HDF5 file | TileRecord ... | Footer
/// The index lets a restart read a few bytes per file, and notices damage before HDF5 meets it: HDF5 may hang or crash on a broken file.
/// Each dataset is one piece, allocated at once, never filled, and written by one call straight from the caller's memory.
class TileFileWriter {
public:
  TileFileWriter(std::filesystem::path const& directory, TileLayout const& layout, TileFileName name);
  TileFileWriter(TileFileWriter const&) = delete;
  TileFileWriter& operator=(TileFileWriter const&) = delete;
  /// What was not finished is removed.
  ~TileFileWriter();

  /// One kernel of a tile; `values` has height x width entries row by row, with the numbers of each pair together.
  template <class T>
  void add(TileIndex tile, int kernel, std::span<T const> values, int samples = 0);
  /// Closes the file, writes its index and gives it its name; returns the index.
  std::vector<TileRecord> finish();

  bool contains(TileIndex tile) const;
  double bytes() const { return bytes_; }
  double seconds() const { return age_.seconds(); }

private:
  template <class T>
  std::uint64_t write(std::string const& path, std::vector<long> const& extents, std::span<T const> values);
  std::filesystem::path path_;
  TileLayout layout_;
  TileFileName name_;
  h5::Handle file_;
  std::vector<TileRecord> records_;
  std::vector<std::byte> transposed_;
  Stopwatch age_;
  double bytes_ = 0;
};

/// The index of a tile file, or nothing when the file is torn. Throws Error when it belongs to another job.
std::optional<std::vector<TileRecord>> read_tile_index(std::filesystem::path const& directory, TileFileName name, TileLayout const& layout);

/// Whether all that is not values, HDF5's own structures, is as it was written.
bool structure_holds(std::filesystem::path const& directory, TileFileName name, TileLayout const& layout);
/// Whether the values have their checksum, and the transposed copy is the transposed values.
bool values_hold(std::filesystem::path const& directory, TileRecord const& record, TileLayout const& layout);

}  // namespace infinitile
