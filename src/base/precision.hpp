#pragma once

namespace infinitile {

/// What a tile is stored in. Layers of float32 tiles run in float too, where its range allows (kernels/row_table.hpp); all else is float64.
enum class Precision { float64, float32 };

constexpr int bytes_of(Precision precision) {
  return precision == Precision::float64 ? 8 : 4;
}

}  // namespace infinitile
