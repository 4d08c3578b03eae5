#pragma once

#include "kernels/plane_plan.hpp"
#include "kernels/position_own.hpp"

// What every input knows of itself: the roots of its variances at every layer, features of activations, and the diagonal of the kernels.
// The table has its inputs and masks, and room for the rest.

namespace infinitile {

/// Layer by layer, since activations without a closed form are prepared for the variances that occur. Throws NumericalAnswer when a variance
/// leaves the range of the numbers. Memory: what variances need of every input at a time, all pairs of positions where a layer mixes them
/// before the last activation.
void fill_by_layers(PositionProgram const& program, PositionTable& table);

/// The same plane by plane: variances behind an inner pool need the planes of its windows alone, and the kernel of an input with itself one
/// of two equal planes. Memory: some planes per thread. Cost: rows x a strip of eight pairs, of which one is read. Throws NumericalAnswer
/// too where fourth powers of roots leave that range.
void fill_by_planes(PositionProgram const& program, PlanePlan const& plan, PositionTable& table);

namespace position_fill {

using Host = Kokkos::DefaultHostExecutionSpace;
using Dynamic = Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>>;

/// Before the step runs: prepares an activation, or makes room for attention.
void prepare_step(PositionProgram const& program, PositionTable& table, PositionStep const& s);
/// Behind it.
void require_finite(PositionProgram const& program, PositionTable const& table, PositionStep const& s);

/// Steps from `first` on, whose source, if it is not 0, has one position: the variances that somebody waits for, then the kernels of each
/// input with itself; ntk(i) is the tangent kernel before `first`.
void find_variances(PositionProgram const& program, PositionTable& table, std::size_t first);
void find_diagonal(PositionProgram const& program, PositionTable& table, std::size_t first, std::vector<double> const& ntk);

}  // namespace position_fill
}  // namespace infinitile
