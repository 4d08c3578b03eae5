#pragma once

#include <vector>

#include "kernels/cuda/plane_arrays.hpp"
#include "kernels/kernel_tile.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_table.hpp"

namespace infinitile::plane_kernel {

/// Can a GPU run the planes of a program? Images of two axes up to 32 x 32 in one stage without a pool in between, and one layer after the
/// other: 3 x 3 windows of stride 1 with SAME padding, 1 x 1 windows, weights, and activations of ReLU's family without shifts.
bool fits_plane_kernel(PositionProgram const& program, PlanePlan const& plan);

/// The program and its table as arrays, in the numbers of the planes. The inputs are rounded to them: what is computed is the kernel of inputs
/// that far away, the same for every pair.
template <class R>
PlaneArrays<R> plane_arrays(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table);

/// The pairs that a tile needs: all of them, or those below its diagonal.
template <class T>
std::vector<PlanePair> pairs_of(TileTask<T> const& task) {
  std::vector<PlanePair> pairs;
  for (int i = 0; i < task.rows; ++i)
    for (int j = 0; j < (task.row0 == task.col0 ? i : task.cols); ++j)
      pairs.push_back({static_cast<int>(task.row0) + i, static_cast<int>(task.col0) + j});
  return pairs;
}

}  // namespace infinitile::plane_kernel
