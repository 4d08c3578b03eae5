#pragma once

namespace infinitile {

/// What a tile is stored in. All mathematics between the inner products and the tile is float64 in both.
enum class Precision { float64, float32 };

constexpr int bytes_of(Precision precision) {
  return precision == Precision::float64 ? 8 : 4;
}

}  // namespace infinitile
