#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "plan/tile_grid.hpp"
#include "store/tile_file.hpp"

namespace infinitile {

/// When a run of tiles is closed: what a kill can cost is the run that is open.
struct RunLimits {
  double bytes = 256.0 * 1024 * 1024;
  double seconds = 20;
};

/// The limits above, or what the environment says: INFINITILE_RUN_SECONDS, so that tests see many short runs.
RunLimits run_limits();

/// Rank 0, before any rank makes its TileStore: makes the directory and removes what killed runs left unfinished.
void prepare_tile_directory(std::filesystem::path const& directory);

/// What lies finished in the directory, by looking at the files alone: the name and the index at the end of each, no HDF5. Files whose
/// index is torn are removed, with a line in the log, and so are files whose tiles are all there as means of more samples; files of another
/// job are refused with an Error. Plain values, so that rank 0 can look and send the list to all.
std::vector<TileRecord> find_tiles(std::filesystem::path const& directory, TileLayout const& layout);

/// What of a file of tiles does not hold: the bytes between the values, or values.
struct Damage {
  enum class Part : std::int32_t { structure, values };
  TileFileName file;
  Part part = Part::structure;
  friend auto operator<=>(Damage const&, Damage const&) = default;
};

/// The finished tiles of a job on disk. A tile is there if and only if it is complete: each rank writes a file of tiles under a temporary
/// name, closes it and renames it. Thousands of ranks must not mean millions of files, so a file holds a run of many tiles; restart needs
/// no list but the files themselves. There is no fsync: a file that a power cut tore is noticed by its checksums, and its tiles are missing
/// again. Cost: one pass for the checksum (10 GB/s), one for the transposition, and the copy into the page cache, about 2 GB/s per process,
/// which is the bound.
/// Tiles of running means may be put again and again, of more samples each time: what counts is the one of most samples, and a file of this
/// rank of which nothing counts any more is removed.
class TileStore {
public:
  /// Looks itself; with many ranks let rank 0 look and send.
  TileStore(std::filesystem::path directory, TileLayout layout, int rank, RunLimits limits = run_limits());
  TileStore(std::filesystem::path directory, TileLayout layout, int rank, std::vector<TileRecord> const& found,
            RunLimits limits = run_limits());
  TileStore(TileStore const&) = delete;
  TileStore& operator=(TileStore const&) = delete;
  /// Tiles that were put are kept, also on the way out after an error.
  ~TileStore();

  TileLayout const& layout() const { return layout_; }
  /// What a finished tile is the mean of; 0 where it is none, or not there.
  int samples(TileIndex tile) const;
  /// The finished tiles, in order.
  std::vector<TileIndex> present() const;
  bool has(TileIndex tile) const { return records_.contains({tile, 0}); }
  /// Those of `wanted` that are not finished, in the same order.
  std::vector<TileIndex> missing(std::span<TileIndex const> wanted) const;
  std::vector<TileRecord> records() const;
  /// What lies finished is now `found`: after all ranks wrote or verified.
  void learn(std::vector<TileRecord> const& found);

  /// Adds a tile to the open run: height x width values row by row for each kernel of the layout, in its order (the numbers of a pair together). Throws NumericalAnswer for
  /// a value that is not finite, Stopped when the disk is full; then the open run is gone and all runs before it stay.
  template <class T>
  void put(TileIndex tile, std::span<std::span<T const> const> kernels, int samples = 0);
  /// Closes the open run: all tiles put so far are finished.
  void flush();

  /// A tile's values, row by row. Throws Stopped when they are damaged (the file is then removed, and the same command computes its tiles
  /// again).
  template <class T>
  std::vector<T> get(TileIndex tile, std::size_t kernel);
  template <class T>
  void get(TileIndex tile, std::size_t kernel, std::span<T> values);

  /// Recomputes the checksums of a finished tile and gives its file where they do not hold, or it cannot be read. Changes nothing: other
  /// ranks may be reading that file.
  std::optional<Damage> find_damage(TileIndex tile);
  /// Removes a damaged file with a line in the log; all tiles in it are missing again. Once no rank reads it, on one rank. Does nothing
  /// when no tiles of it are known any more.
  void forget(Damage const& damage);

  double bytes_written() const { return bytes_written_; }

private:
  void remember(TileRecord const& record);
  void remove_outdated();
  std::string where(TileFileName name) const { return (directory_ / name.text()).string(); }

  std::filesystem::path directory_;
  TileLayout layout_;
  int rank_;
  RunLimits limits_;
  std::map<std::pair<TileIndex, int>, TileRecord> records_;
  std::set<TileFileName> verified_;  ///< files whose structure was checked
  std::unique_ptr<TileFileWriter> run_;
  std::set<TileFileName> own_means_;  ///< files of running means that were written here
  double bytes_written_ = 0;
};

}  // namespace infinitile
