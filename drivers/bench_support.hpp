#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "base/log.hpp"
#include "job/frame.hpp"

// What benchmarks share.

namespace infinitile {

/// Seconds that `work` takes on the slowest rank; the best of `times`.
template <class Work>
double best_seconds(Communicator const& comm, int times, Work work) {
  double best = 1e300;
  for (int i = 0; i < times; ++i) {
    comm.barrier();
    Stopwatch const clock;
    work();
    best = std::min(best, comm.all_reduce(clock.seconds(), Reduction::max));
  }
  return best;
}

inline std::vector<double> random_numbers(std::size_t count) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> out(count);
  for (double& x : out) x = uniform(random);
  return out;
}

}  // namespace infinitile
