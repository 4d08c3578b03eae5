#pragma once

#include "finite/program.hpp"
#include "kernels/empirical_terms.hpp"

// What the ways to an empirical tangent kernel cost, so that the cheapest can be taken. Units are multiplications inside of matrix products.

namespace infinitile {

/// The block that is computed.
struct BlockSize {
  OutputSplit outputs;
  int rows = 1, cols = 1;
  enum class Sides { two, same } sides = Sides::two;  ///< same: a batch with itself

  double samples() const { return sides == Sides::same ? rows : static_cast<double>(rows) + cols; }
  double pairs() const { return static_cast<double>(rows) * cols; }
  double count() const { return static_cast<double>(outputs.traced) * outputs.diagonal * outputs.full; }
  double output_pairs() const { return count() * outputs.full; }
};

/// One sample forward, or one tangent or cotangent of one sample through one operand.
double forward_cost(FiniteProgram const& program, Instruction const& instruction);
double forward_cost(FiniteProgram const& program);

/// Of one use of a parameter, all samples and outputs: with its Jacobian, and by its structure where there is a rule for it.
struct UseCost {
  double contraction = 0;
  double structured = 0;
};
UseCost use_cost(FiniteProgram const& program, Instruction const& instruction, int operand, BlockSize const& size);

/// Of the whole block by NTK-vector products.
double vector_products_cost(FiniteProgram const& program, BlockSize const& size);
/// Of carrying the cotangents of all outputs back to where parameters are used: what the other two ways share.
double carry_cost(FiniteProgram const& program, BlockSize const& size);

/// Does the structure of this use have a rule?
bool has_structure(FiniteProgram const& program, Instruction const& instruction, int operand);

}  // namespace infinitile
