#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "job/echo.hpp"
#include "job/frame.hpp"
#include "store/output_lock.hpp"

namespace infinitile {

/// Throws Error when the output directory holds another job, before any work is done for this one. Writes nothing.
void refuse_other_job(Job const& job, Sources const& sources);

/// The output directory of one run: made where it was missing, locked against a second run, known to hold this job and no other, with its
/// job.yaml and, from here on, log.txt; the frame writes its report.json at the end. Nothing in it changes before all that holds.
class RunDirectory {
public:
  /// Collective. Throws Error on every rank: not writable, in use, or the tiles there belong to another job, with the keys that differ.
  RunDirectory(Job const& job, Sources const& sources, Context const& context);
  RunDirectory(RunDirectory const&) = delete;
  RunDirectory& operator=(RunDirectory const&) = delete;
  ~RunDirectory();

  std::filesystem::path const& path() const { return path_; }
  /// Means over another number of samples have tiles of their own, so that a result is whole until the next one takes its place.
  std::filesystem::path tiles() const { return samples_ == 0 ? path_ / "tiles" : path_ / "tiles" / std::to_string(samples_); }
  /// Of the job, and of its tiles: as many samples as it has now.
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::uint64_t tiles_fingerprint() const;
  /// Once no result refers to them. On one rank.
  void remove_other_tiles() const;

private:
  std::filesystem::path path_;
  std::uint64_t fingerprint_;
  int samples_;                     ///< of a job of means; else 0
  std::optional<OutputLock> lock_;  ///< rank 0 holds it
};

}  // namespace infinitile
