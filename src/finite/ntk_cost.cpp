#include "finite/ntk_cost.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/index.hpp"
#include "net/ops.hpp"

namespace infinitile {

namespace {

/// A number that goes through memory takes as long as so many multiplications: 10 GB/s against 50 G multiplications per second and core.
constexpr double memory = 10;

/// The sizes of a weight's use: `groups` times an (m, k) matrix against (k, n).
struct WeightSize {
  double groups = 1, m = 1, k = 1, n = 1;
};

WeightSize size_of(primitive::MatrixProduct const& p) {
  return {static_cast<double>(p.groups), static_cast<double>(p.m), static_cast<double>(p.k), static_cast<double>(p.n)};
}
WeightSize size_of(primitive::Convolve const& p) {
  return {static_cast<double>(p.groups), static_cast<double>(p.out_positions), static_cast<double>(p.taps) * p.in / p.groups,
          static_cast<double>(p.out) / p.groups};
}

double structured_cost(WeightSize const& w, BlockSize const& size) {
  double const once = w.m * w.m * w.k, turn = size.count() * w.m * w.m * w.n, ends = size.output_pairs() * w.m * w.n;
  if (w.m == 1) return size.pairs() * w.groups * (w.k + ends + 2 * memory * size.outputs.diagonal * size.outputs.full * size.outputs.full);
  double const pairs = size.sides == BlockSize::Sides::same ? (size.pairs() + size.rows) / 2 : size.pairs();
  return pairs * w.groups * (once + turn + ends);
}

/// Cotangents of each index are added up, then meet where both samples have it: of indices at random, count / entries of them.
double structured_cost(primitive::Lookup const& p, BlockSize const& size) {
  double const count = p.count, shared = std::min(count, 1 + count * count / p.entries);
  return memory * size.samples() * size.count() * count * p.width + size.pairs() * size.output_pairs() * shared * p.width;
}

}  // namespace

double forward_cost(FiniteProgram const& program, Instruction const& instruction) {
  double const numbers = memory * static_cast<double>(program.value(instruction.result).size);
  auto const products = [](WeightSize const& w) { return w.groups * w.m * w.k * w.n; };
  return numbers
         + std::visit(
             Overloaded{
                 [&](primitive::MatrixProduct const& p) { return products(size_of(p)); },
                 [&](primitive::Convolve const& p) { return products(size_of(p)) + memory * static_cast<double>(p.picks.size()) * p.in; },
                 [](primitive::Mix const& p) { return static_cast<double>(p.outer) * p.inner * static_cast<double>(p.matrix.in.size()); },
                 [](auto const&) { return 0.0; }},
             instruction.primitive);
}

double forward_cost(FiniteProgram const& program) {
  double sum = 0;
  for (Instruction const& i : program.instructions) sum += forward_cost(program, i);
  return sum;
}

bool has_structure(FiniteProgram const& program, Instruction const& instruction, int operand) {
  if (operand != 1 || program.value(instruction.operands[0]).is_shared) return false;
  return std::visit(Overloaded{[](primitive::MatrixProduct const& p) { return has_weight_term(p); },
                               [](primitive::Convolve const& p) { return has_weight_term(p); },
                               [](primitive::Lookup const& p) { return has_weight_term(p); }, [](auto const&) { return false; }},
                    instruction.primitive);
}

UseCost use_cost(FiniteProgram const& program, Instruction const& instruction, int operand, BlockSize const& size) {
  auto const numbers = static_cast<double>(program.value(instruction.operands[at(operand)]).size);
  UseCost out;
  out.contraction = size.samples() * size.count() * (forward_cost(program, instruction) + 2 * memory * numbers)
                    + size.pairs() * size.output_pairs() * numbers;
  out.structured = std::numeric_limits<double>::infinity();
  if (has_structure(program, instruction, operand))
    out.structured =
        std::visit(Overloaded{[&](primitive::MatrixProduct const& p) { return structured_cost(size_of(p), size); },
                              [&](primitive::Convolve const& p) { return structured_cost(size_of(p), size); },
                              [&](primitive::Lookup const& p) { return structured_cost(p, size); }, [](auto const&) { return 0.0; }},
                   instruction.primitive);
  return out;
}

double carry_cost(FiniteProgram const& program, BlockSize const& size) {
  return size.samples() * size.count() * forward_cost(program);
}

double vector_products_cost(FiniteProgram const& program, BlockSize const& size) {
  double parameters = 0;
  for (ParameterSpec const& spec : program.parameters) parameters += static_cast<double>(spec.size());
  // For each column and output: its cotangents to inputs and parameters, then tangents of both through all rows.
  return size.cols * size.count() * (2 * forward_cost(program) + 2 * memory * parameters + 2 * size.rows * forward_cost(program));
}

double uses_cost(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  double sum = carry_cost(program, size);
  for (Instruction const& i : program.instructions)
    for (int operand = 0; operand < static_cast<int>(i.operands.size()); ++operand) {
      if (program.value(i.operands[at(operand)]).parameter < 0) continue;
      UseCost const cost = use_cost(program, i, operand, size);
      bool const structured =
          method == NtkMethod::automatic ? cost.structured < cost.contraction : method == NtkMethod::structured_derivatives;
      sum += structured && std::isfinite(cost.structured) ? cost.structured : cost.contraction;
    }
  return sum;
}

bool goes_by_columns(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  if (method != NtkMethod::automatic) return method == NtkMethod::ntk_vector_products;
  return vector_products_cost(program, size) < uses_cost(program, size, method);
}

double block_cost(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  double const ntk = goes_by_columns(program, size, method) ? vector_products_cost(program, size) : uses_cost(program, size, method);
  return size.samples() * forward_cost(program) + ntk;
}

SampleSize sample_size(FiniteProgram const& program) {
  SampleSize size;
  for (FiniteValue const& value : program.values) {
    if (value.is_shared) continue;
    size.all += static_cast<double>(value.size);
    size.largest = std::max(size.largest, static_cast<double>(value.size));
  }
  return size;
}

}  // namespace infinitile
