#include "finite/ntk_cost.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "kernels/winograd.hpp"
#include "net/ops.hpp"

namespace infinitile {

namespace {

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

double multiplications(WeightSize const& w) {
  return w.groups * w.m * w.k * w.n;
}

/// By fewer products: 36 for a square of 16 outputs, and all points of both sides are written and read. Otherwise all windows are.
Cost convolution_cost(primitive::Convolve const& p) {
  double const result = static_cast<double>(p.out_positions) * p.out, in = p.in, out = p.out;
  if (auto const plane = find_plane<float>(p)) return {36.0 * plane->tiles() * in * out, result + 2 * 36.0 * plane->tiles() * (in + out)};
  return {multiplications(size_of(p)), result + static_cast<double>(p.picks.size()) * in};
}

Cost structured_cost(WeightSize const& w, BlockSize const& size) {
  double const once = w.m * w.m * w.k, turn = size.count() * w.m * w.m * w.n, ends = size.output_pairs() * w.m * w.n;
  if (w.m == 1) return size.pairs() * w.groups * Cost{w.k + ends, 2.0 * size.outputs.diagonal * size.outputs.full * size.outputs.full};
  double const pairs = size.sides == BlockSize::Sides::same ? (size.pairs() + size.rows) / 2 : size.pairs();
  return {pairs * w.groups * (once + turn + ends), 0};
}

/// Cotangents of each index are added up, then meet where both samples have it: of indices at random, count / entries of them.
Cost structured_cost(primitive::Lookup const& p, BlockSize const& size) {
  double const count = p.count, shared = std::min(count, 1 + count * count / p.entries);
  return {size.pairs() * size.output_pairs() * shared * p.width, size.samples() * size.count() * count * p.width};
}

}  // namespace

Cost& Cost::operator+=(Cost const& other) {
  multiplications += other.multiplications;
  numbers += other.numbers;
  return *this;
}

Cost forward_cost(FiniteProgram const& program, Instruction const& instruction) {
  auto const result = static_cast<double>(program.value(instruction.result).size);
  return std::visit(Overloaded{[&](primitive::MatrixProduct const& p) {
                                 return Cost{multiplications(size_of(p)), result};
                               },
                               [&](primitive::Convolve const& p) { return convolution_cost(p); },
                               [&](primitive::Mix const& p) {
                                 return Cost{static_cast<double>(p.outer) * p.inner * static_cast<double>(p.matrix.in.size()), result};
                               },
                               [&](auto const&) {
                                 return Cost{0, result};
                               }},
                    instruction.primitive);
}

Cost forward_cost(FiniteProgram const& program) {
  Cost sum;
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
  out.contraction = size.samples() * size.count() * (forward_cost(program, instruction) + Cost{0, 2 * numbers})
                    + Cost{size.pairs() * size.output_pairs() * numbers, 0};
  if (!has_structure(program, instruction, operand)) return out;
  std::visit(Overloaded{[&](primitive::MatrixProduct const& p) { out.structured = structured_cost(size_of(p), size); },
                        [&](primitive::Convolve const& p) { out.structured = structured_cost(size_of(p), size); },
                        [&](primitive::Lookup const& p) { out.structured = structured_cost(p, size); }, [](auto const&) {}},
             instruction.primitive);
  return out;
}

Cost carry_cost(FiniteProgram const& program, BlockSize const& size) {
  return size.samples() * size.count() * forward_cost(program);
}

Cost vector_products_cost(FiniteProgram const& program, BlockSize const& size) {
  double parameters = 0;
  for (ParameterSpec const& spec : program.parameters) parameters += static_cast<double>(spec.size());
  // For each column and output: its cotangents to inputs and parameters, then tangents of both through all rows.
  return size.cols * size.count() * ((2 + 2.0 * size.rows) * forward_cost(program) + Cost{0, 2 * parameters});
}

Cost uses_cost(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  Cost sum = carry_cost(program, size);
  for (Instruction const& i : program.instructions)
    for (int operand = 0; operand < static_cast<int>(i.operands.size()); ++operand) {
      if (program.value(i.operands[at(operand)]).parameter < 0) continue;
      UseCost const cost = use_cost(program, i, operand, size);
      sum += cost.takes_structure(method) ? *cost.structured : cost.contraction;
    }
  return sum;
}

bool goes_by_columns(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  if (method != NtkMethod::automatic) return method == NtkMethod::ntk_vector_products;
  return vector_products_cost(program, size).total() < uses_cost(program, size, method).total();
}

Cost block_cost(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  Cost const ntk = goes_by_columns(program, size, method) ? vector_products_cost(program, size) : uses_cost(program, size, method);
  return size.samples() * forward_cost(program) + ntk;
}

double forward_calls(FiniteProgram const& program) {
  return static_cast<double>(program.instructions.size());
}

double block_calls(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  double const sides = size.sides == BlockSize::Sides::two ? 2 : 1, forward = forward_calls(program);
  double back = 0, uses = 0;  // cotangents go to every operand, and parameters meet
  for (Instruction const& i : program.instructions)
    for (int const operand : i.operands) ++(program.value(operand).parameter < 0 ? back : uses);
  if (goes_by_columns(program, size, method)) return sides * forward + size.cols * (2 * forward + back + uses);
  return sides * (forward + back) + 2 * uses;
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
