#pragma once

#include <string_view>
#include <vector>

#include "finite/ntk_cost.hpp"

namespace infinitile {

/// The way that the term of a parameter goes into an empirical tangent kernel.
enum class TermWay { structured, contraction, vector_products };
std::string_view name_of(TermWay way);

/// Of each parameter of the program, in their order, for blocks of a size: what EmpiricalKernel does, and what is said about it.
std::vector<TermWay> find_ways(FiniteProgram const& program, BlockSize const& size, NtkMethod method);

}  // namespace infinitile
