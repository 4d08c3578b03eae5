#include "finite/ntk_cost.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "kernels/winograd.hpp"
#include "net/ops.hpp"

namespace infinitile {

namespace {

constexpr double jacobian_numbers = 4;  // a number of a Jacobian is written, and read twice

primitive::MatrixProduct as_product(primitive::MatrixProduct const& p) {
  return with_groups_merged(p);
}
primitive::MatrixProduct as_product(primitive::Convolve const& p) {
  return product_of_windows(p);
}

/// Of all uses together, which are alike.
template <class P>
primitive::MatrixProduct joined_product(P const& first, std::span<UsePlace const> uses) {
  primitive::MatrixProduct out = as_product(first);
  out.m = 0;
  for (UsePlace const& use : uses) out.m += as_product(std::get<P>(use.instruction->primitive)).m;
  return out;
}
primitive::Lookup joined_lookup(primitive::Lookup first, std::span<UsePlace const> uses) {
  first.count = 0;
  for (UsePlace const& use : uses) first.count += std::get<primitive::Lookup>(use.instruction->primitive).count;
  return first;
}

double multiplications(primitive::MatrixProduct const& p) {
  return static_cast<double>(p.groups) * p.m * p.k * p.n;
}

/// By fewer products: 36 for a square of 16 outputs, and all points of both sides are written and read. Otherwise all windows are.
Cost convolution_cost(primitive::Convolve const& p) {
  double const result = static_cast<double>(p.out_positions) * p.out, in = p.in, out = p.out;
  if (auto const plane = find_plane<float>(p)) return {36.0 * plane->tiles() * in * out, result + 2 * 36.0 * plane->tiles() * (in + out)};
  return {multiplications(as_product(p)), result + static_cast<double>(p.picks.size()) * in};
}

/// What is laid out once: windows, or what several uses have; and the pairs.
Cost structured_cost(primitive::MatrixProduct const& p, BlockSize const& size) {
  double const positions = static_cast<double>(p.groups) * p.m;
  TermCost const one = cost_by_positions(p, size.outputs, size.computed_pairs()),
                 other = cost_by_samples(p, size.outputs, size.computed_pairs()), pairs = one.total() < other.total() ? one : other;
  return {pairs.multiplications, pairs.numbers + (p.m > 1 ? size.samples() * positions * (p.k + size.count() * p.n) : 0)};
}

/// Cotangents of each index are added up, then meet where both samples have it: of indices at random, count / entries of them.
Cost structured_cost(primitive::Lookup const& p, BlockSize const& size) {
  double const count = p.count, shared = std::min(count, 1 + count * count / p.entries);
  return {size.computed_pairs() * size.output_pairs() * shared * p.width, size.samples() * size.count() * count * p.width};
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
                                 return Cost{multiplications(as_product(p)), result};
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

std::vector<std::vector<UsePlace>> find_uses(FiniteProgram const& program) {
  std::vector<std::vector<UsePlace>> uses(program.parameters.size());
  for (Instruction const& i : program.instructions)
    for (int operand = 0; operand < static_cast<int>(i.operands.size()); ++operand)
      if (int const parameter = program.value(i.operands[at(operand)]).parameter; parameter >= 0)
        uses[at(parameter)].push_back({&i, operand});
  return uses;
}

bool has_structure(FiniteProgram const& program, std::span<UsePlace const> uses) {
  auto const has_term = [](auto const& p) {
    if constexpr (requires { has_weight_term(p); }) return has_weight_term(p);
    return false;
  };
  auto const is_like_first = [&](auto const& p) {
    using P = std::decay_t<decltype(p)>;
    auto const* const first = std::get_if<P>(&uses[0].instruction->primitive);
    if constexpr (requires { are_alike(p, p); }) return first != nullptr && are_alike(*first, p);
    return false;
  };
  return std::ranges::all_of(uses, [&](UsePlace const& use) {
    Instruction const& i = *use.instruction;
    return use.operand == 1 && !program.value(i.operands[0]).is_shared && std::visit(has_term, i.primitive)
           && std::visit(is_like_first, i.primitive);
  });
}

UseCost use_cost(FiniteProgram const& program, std::span<UsePlace const> uses, BlockSize const& size) {
  UseCost out;
  if (uses.empty()) return out;
  auto const numbers = static_cast<double>(program.value(uses[0].instruction->operands[at(uses[0].operand)]).size);
  for (UsePlace const& use : uses)
    out.contraction += size.samples() * size.count() * (forward_cost(program, *use.instruction) + Cost{0, jacobian_numbers * numbers});
  out.contraction += Cost{size.computed_pairs() * size.output_pairs() * numbers, 0};
  if (!has_structure(program, uses)) return out;
  std::visit(Overloaded{[&](primitive::Lookup const& p) { out.structured = structured_cost(joined_lookup(p, uses), size); },
                        [&](auto const& p) {
                          if constexpr (requires { as_product(p); }) out.structured = structured_cost(joined_product(p, uses), size);
                        }},
             uses[0].instruction->primitive);
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
  for (auto const& uses : find_uses(program)) {
    UseCost const cost = use_cost(program, uses, size);
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
  for (FiniteValue const& value : program.values)
    if (!value.is_shared) size.all += static_cast<double>(value.size);
  // What is computed of parameters alone has a cotangent of each sample, too.
  for (int const input : program.inputs) size.largest = std::max(size.largest, static_cast<double>(program.value(input).size));
  for (Instruction const& i : program.instructions)
    size.largest = std::max(size.largest, static_cast<double>(program.value(i.result).size));
  for (auto const& uses : find_uses(program)) {
    if (!has_structure(program, uses)) continue;
    double results = 0;
    for (UsePlace const& use : uses) results += static_cast<double>(program.value(use.instruction->result).size);
    size.largest = std::max(size.largest, results);
  }
  return size;
}

}  // namespace infinitile
