#pragma once

#include <filesystem>

namespace infinitile {

/// Keeps a second run off an output directory for as long as it lives. Rank 0 holds it. The kernel drops the lock when the process ends,
/// however it ends, so nothing is left to clean up after a crash. Where the file system has no locks a warning says so and the run goes on.
class OutputLock {
public:
  /// Locks DIRECTORY/.lock, or throws an Error that names host and process of the run that has it.
  explicit OutputLock(std::filesystem::path const& directory);
  OutputLock(OutputLock&& other) noexcept;
  OutputLock& operator=(OutputLock&&) = delete;
  ~OutputLock();

private:
  int descriptor_ = -1;
};

}  // namespace infinitile
