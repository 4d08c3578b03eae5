#pragma once

#include <filesystem>

namespace infinitile {

/// Where the system tells of memory; other places in tests.
struct MemoryFiles {
  std::filesystem::path proc = "/proc";
  std::filesystem::path groups = "/sys/fs/cgroup";
};

/// Bytes that this node can still give: what is available, and no more than any control group above this process leaves (Slurm's --mem, a
/// container), version 1 or 2. Pages of files that a group holds can be had back and do not count as used. Infinite where nothing is told.
double available_memory(MemoryFiles const& files = {});

}  // namespace infinitile
