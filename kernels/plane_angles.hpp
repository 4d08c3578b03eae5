#pragma once

#include <vector>

#include "kernels/position_program.hpp"

namespace infinitile {

/// What is known of the angles between inputs before any is looked at: none is beyond π/2 where no covariance is negative.
enum class Angles { any, acute };

/// Per step, what is known of the register that it writes in place (its target), before it.
///
/// Behind a ReLU, or any other a min(x, 0) + b max(x, 0) of one sign, all covariances are E[φ(u) φ(v)] ≥ 0, and convolutions, dense layers,
/// pools, sums and products of such stay so. That halves the cases of the arc-cosine dual.
std::vector<Angles> known_angles(PositionProgram const& program);

}  // namespace infinitile
