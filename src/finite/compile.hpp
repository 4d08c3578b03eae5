#pragma once

#include <string>
#include <vector>

#include "finite/program.hpp"
#include "finite/write_masked.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The finite network that a network stands for: its output as a function of its inputs and parameters; what the output does not depend on
/// is left out. Every value is stored with its positions in written order, then its channels. Scales of parameterization ntk stand in the
/// program, so parameters are as drawn. An aggregate layer has a further input: the weights (receivers, senders) of the graph, dense.
/// Masks are further inputs, behind those of the network and before graphs: for each of its masks the positions, 1 where one is there.
/// `init` is how its parameters are drawn.
/// Throws Error, naming the layer: a width is missing, an activation has no function, dropout in mode train, a filter that suo does not fill.
/// Formulas: neural_tangents, reference 2.3, 2.4, 2.9 and 2.11.
FiniteProgram compile_finite(Network const& network, MaskedNodes const& masks = {}, Init init = Init::gaussian);

/// What the finite reading says of each node, for `infinitile inspect`: "yes"; "needs widths", where one that its parameters need is left out;
/// "no"; "not computed".
std::vector<std::string> finite_support(Network const& network);

}  // namespace infinitile
