#pragma once

#include "kernels/pair_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The infinite-width reading of a network: what its layers do to the covariance and the tangent kernel of a pair of inputs
/// (neural_tangents rules, reference 2.2 to 2.12), as steps on registers. Throws Error, naming the layer, for what this reading does not
/// have.
///
/// Registers: a branching layer takes in each branch as soon as it is done, so there is one register per branching layer that is open, not
/// one per branch.
PairProgram compile_pair_program(Network const& network);

}  // namespace infinitile
