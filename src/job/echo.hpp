#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job/job.hpp"

namespace infinitile {

/// Hashes of what stands behind the keys that only say where to look.
struct Sources {
  std::uint64_t network = 0;   ///< Network::hash()
  std::uint64_t train = 0;     ///< the inputs, as they enter the network
  std::uint64_t test = 0;      ///< the same; 0 without test data
  std::uint64_t parameters{};  ///< the values of a file; 0 without one
  std::uint64_t arithmetic{};  ///< tile_arithmetic, or finite_arithmetic
  friend bool operator==(Sources const&, Sources const&) = default;
};

/// What tiles of two runs must share to be exchanged: the sources, data.shape, data.scale, and of kernel: kind, get, precision, tile,
/// store, and what its kind reads besides. Not in it: names, places and spelling (the hashes stand for what they lead to), labels,
/// kernel.test_test and posterior, which every run reads anew, and kernel.samples: running means go on to more.
std::uint64_t fingerprint(Job const& job, Sources const& sources);

/// The text of OUTPUT/job.yaml: the job as it ran, complete, with absolute paths, so that it can run again; the sources stand in a comment.
std::string echo_job(Job const& job, Sources const& sources);

/// A key whose value differs between two runs.
struct Change {
  std::string key;
  std::string before;
  std::string now;
  friend bool operator==(Change const&, Change const&) = default;
};

/// What keeps the tiles of one echo from serving the other; nothing when their fingerprints agree and no number of samples shrinks. A source
/// that changed is told by its keys, or, when those are the same, as the content behind them.
std::vector<Change> changed_keys(std::string const& before, std::string const& now);

}  // namespace infinitile
