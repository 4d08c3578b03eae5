#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "infinite/infinite_kernel.hpp"
#include "kernels/primitive.hpp"
#include "plan/tile_grid.hpp"

namespace infinitile {

/// All samples of a job in the precision of its networks, train rows before test rows.
template <class T>
class FiniteInputs {
public:
  /// `rows`: one for each input of the network.
  explicit FiniteInputs(std::vector<InputRows> rows) {
    for (InputRows& input : rows) {
      sizes_.push_back(input.width);
      if constexpr (std::is_same_v<T, double>)
        numbers_.push_back(std::move(input.values));
      else
        numbers_.emplace_back(input.values.begin(), input.values.end());
    }
  }

  /// Some rows, one batch for each input; good as long as this lives.
  std::vector<Batch<T const>> rows(long first, int count) const {
    std::vector<Batch<T const>> out;
    for (std::size_t i = 0; i < numbers_.size(); ++i) out.emplace_back(numbers_[i].data() + first * sizes_[i], 1, count, sizes_[i]);
    return out;
  }
  /// Those of a tile's side.
  std::vector<Batch<T const>> rows_of(TileGrid const& grid, int tile) const {
    Range const range = grid.range(tile);
    return rows(range.first + (grid.is_test(tile) ? grid.train() : 0), static_cast<int>(range.size()));
  }

private:
  std::vector<std::vector<T>> numbers_;  ///< [rows][numbers of one sample], each
  std::vector<long> sizes_;              ///< of one sample, each
};

/// Throws NumericalAnswer where values that cannot stand in a result were found in `place`.
template <class T>
void expect_finite(std::vector<T> const& values, std::string const& place);

}  // namespace infinitile
