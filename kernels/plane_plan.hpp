#pragma once

#include <array>
#include <optional>
#include <vector>

#include "kernels/position_program.hpp"

namespace infinitile {

/// Three axes, the last ones being those that a network has; the first ones of fewer have size 1.
using Triple = std::array<int, 3>;

/// The planes of one level: for each axis the displacements d = p' - p that are wanted, ascending.
using Displacements = std::array<std::vector<int>, 3>;

/// The windows of a map along the three axes; an axis that the network does not have is one position wide.
using Windows = std::array<AxisWindow, 3>;
Windows windows_of(PositionMap const& map);

/// A run of steps in which every layer maps the plane of one displacement to the plane of one displacement, so that each plane goes through
/// all of them alone; and what takes its result in.
struct PlaneStage {
  std::size_t first = 0, sink = 0;  ///< steps first .. sink - 1, and the step that takes in
  int reg = 0;                      ///< in which the plane begins (stages after the first)
  Triple sizes{1, 1, 1};            ///< of the spatial axes at the beginning
  Triple strides{1, 1, 1};          ///< of the whole run: plane d at its end is plane strides d at its beginning
  Triple end_sizes{1, 1, 1};
  Displacements planes;  ///< at the end
};

/// A position program cut into stages; the steps behind the last sink act on one position.
struct PlanePlan {
  std::vector<PlaneStage> stages;
  std::size_t head = 0;  ///< the first step behind the last sink
};

/// How to run a program plane by plane. Nothing where some step mixes displacements in another way than by pooling, flatten or a global
/// pool (attention, resize, circular padding, ...), or where a branch goes around a pool: the general path takes those.
std::optional<PlanePlan> plan_planes(PositionProgram const& program);

/// The stages up to `stage`, with the planes alone that the variances behind its pool need; and the stage behind it with its zero plane.
PlanePlan plan_windows(PositionProgram const& program, PlanePlan const& plan, std::size_t stage);

/// Pairs of positions that all planes of a level have together.
double entries_of(Displacements const& planes, Triple sizes);

/// Cells of the largest plane, with its ring.
long largest_plane(PlanePlan const& plan);

/// Planes go through the layers side by side, as many as three quarters of a mebibyte hold of h and ntk, in vectors of 64 bytes: cells of each
/// register, enough for the largest plane.
long cells_of_register(int registers, long largest);

/// Rows to take at once: planes of one go side by side, unless there is but one of each.
int rows_at_once(PositionProgram const& program, PlanePlan const& plan);

/// Cells of h that a pass holds per pair of inputs, in registers and in levels; as many again of ntk.
double cells_of(PositionProgram const& program, PlanePlan const& plan);

}  // namespace infinitile
