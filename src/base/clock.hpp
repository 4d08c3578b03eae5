#pragma once

#include <chrono>
#include <string>

namespace infinitile {

/// Wall time since it was made.
class Stopwatch {
public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// 2026-11-21T08:15:00Z.
std::string utc_now();

}  // namespace infinitile
