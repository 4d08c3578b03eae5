#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "job/echo.hpp"
#include "job/frame.hpp"
#include "store/output_lock.hpp"

namespace infinitile {

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
  std::filesystem::path tiles() const { return path_ / "tiles"; }
  std::uint64_t fingerprint() const { return fingerprint_; }

private:
  std::filesystem::path path_;
  std::uint64_t fingerprint_;
  std::optional<OutputLock> lock_;  ///< rank 0 holds it
};

}  // namespace infinitile
