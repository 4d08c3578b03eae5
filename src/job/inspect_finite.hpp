#pragma once

#include <string>
#include <vector>

#include "job/finite_reading.hpp"

namespace infinitile {

/// Of each node with parameters: how their terms go into the tangent kernel, in tiles of this side: "structured", or, where they differ, "w
/// structured, b contraction". Empty where there are none, and where the job wants no tangent kernel.
std::vector<std::string> ways_in_words(Network const& network, FiniteReading const& reading, int side);

/// What tiles of this side cost, in a line. `init`: how parameters are drawn; empty: not said.
std::string cost_in_words(FiniteReading const& reading, int side, Precision precision, std::string_view init = {});

}  // namespace infinitile
