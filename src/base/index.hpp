#pragma once

#include <cstddef>

namespace infinitile {

/// Positions, nodes and edges are counted in signed numbers, and containers are not.
inline std::size_t at(long i) {
  return static_cast<std::size_t>(i);
}

}  // namespace infinitile
