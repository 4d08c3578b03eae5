#pragma once

#include <optional>
#include <span>
#include <vector>

#include "finite/program.hpp"
#include "kernels/empirical_terms.hpp"

// What the ways to an empirical tangent kernel cost, so that the cheapest can be taken.

namespace infinitile {

/// How an empirical tangent kernel is computed; all agree up to rounding. Reference 3.1.
enum class NtkMethod {
  automatic,               ///< the cheapest by these costs; between the first and the last for each use of a parameter
  jacobian_contraction,    ///< the Jacobian of one parameter at a time, and its product with that of the other side
  ntk_vector_products,     ///< cotangents of one column at a time, pushed through all rows
  structured_derivatives,  ///< weights of products and convolutions by Gram matrices, never a Jacobian; the rest as by contraction
};

/// The block that is computed.
struct BlockSize {
  OutputSplit outputs;
  int rows = 1, cols = 1;
  enum class Sides { two, same } sides = Sides::two;  ///< same: a batch with itself

  double samples() const { return sides == Sides::same ? rows : static_cast<double>(rows) + cols; }
  double pairs() const { return static_cast<double>(rows) * cols; }
  /// Of a batch with itself, the lower triangle.
  double computed_pairs() const { return sides == Sides::same ? rows * (rows + 1.0) / 2 : pairs(); }
  double count() const { return static_cast<double>(outputs.traced) * outputs.diagonal * outputs.full; }
  double output_pairs() const { return count() * outputs.full; }
};

struct Cost {
  double multiplications = 0;  ///< inside of matrix products, half of their flops
  double numbers = 0;          ///< that go through memory beside them

  /// In multiplications. A number takes as long as ten: 10 GB/s against 50 G multiplications per second and core, both in float64.
  double total() const { return multiplications + 10 * numbers; }
  Cost& operator+=(Cost const& other);
  friend Cost operator+(Cost left, Cost const& right) { return left += right; }
  friend Cost operator*(double times, Cost const& each) { return {times * each.multiplications, times * each.numbers}; }
};

/// One sample forward, or one tangent or cotangent of one sample through one operand.
Cost forward_cost(FiniteProgram const& program, Instruction const& instruction);
Cost forward_cost(FiniteProgram const& program);

/// A place where a parameter is used: it is an operand of an instruction.
struct UsePlace {
  Instruction const* instruction = nullptr;
  int operand = 0;
};
/// Of each parameter, in the order of the program.
std::vector<std::vector<UsePlace>> find_uses(FiniteProgram const& program);

/// Of one parameter, all samples and outputs: with its Jacobian, and by its structure where there is a rule for it.
struct UseCost {
  Cost contraction;
  std::optional<Cost> structured{};

  /// Is it computed by its structure? The one place that says so.
  bool takes_structure(NtkMethod method) const {
    if (!structured || method != NtkMethod::automatic) return structured && method == NtkMethod::structured_derivatives;
    return structured->total() < contraction.total();
  }
};
UseCost use_cost(FiniteProgram const& program, std::span<UsePlace const> uses, BlockSize const& size);

/// Of the whole block by NTK-vector products.
Cost vector_products_cost(FiniteProgram const& program, BlockSize const& size);
/// Of carrying the cotangents of all outputs back to where parameters are used: what the other two ways share.
Cost carry_cost(FiniteProgram const& program, BlockSize const& size);
/// Of the whole block parameter by parameter: by contraction, by structure where there is a rule for it, or by the cheaper of both.
Cost uses_cost(FiniteProgram const& program, BlockSize const& size, NtkMethod method);

/// Does the whole block go by NTK-vector products?
bool goes_by_columns(FiniteProgram const& program, BlockSize const& size, NtkMethod method);

/// Of a block of the tangent kernel as the method computes it, the networks of both sides run forward.
Cost block_cost(FiniteProgram const& program, BlockSize const& size, NtkMethod method);

/// How often a primitive is called for one pass of the network, forward or back, however small the block; and for the block. Each call is a
/// launch, or a few.
double forward_calls(FiniteProgram const& program);
double block_calls(FiniteProgram const& program, BlockSize const& size, NtkMethod method);

/// The numbers that one sample of an evaluation holds at most, and the cotangents that are together on the way back: those of its largest value,
/// or of the results of all uses of one parameter.
struct SampleSize {
  double all = 0;
  double largest = 0;
};
SampleSize sample_size(FiniteProgram const& program);

/// Does the structure of a parameter have a rule? It has where it is the weights of products, convolutions or lookups, all of them alike
/// (are_alike), on numbers of the samples. What is used in different ways, such as a table that is looked up and multiplied with as well, is not.
bool has_structure(FiniteProgram const& program, std::span<UsePlace const> uses);

}  // namespace infinitile
