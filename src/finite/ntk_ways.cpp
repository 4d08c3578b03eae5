#include "finite/ntk_ways.hpp"

#include "base/index.hpp"

namespace infinitile {

std::string_view name_of(TermWay way) {
  switch (way) {
    case TermWay::structured:
      return "structured";
    case TermWay::contraction:
      return "contraction";
    case TermWay::vector_products:
      return "vector products";
  }
  return "";
}

/// As EmpiricalKernel chooses: a parameter that is used twice has terms between its uses, which need its whole Jacobian.
std::vector<TermWay> find_ways(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  bool const by_columns = goes_by_columns(program, size, method);
  std::vector<TermWay> ways(program.parameters.size(), by_columns ? TermWay::vector_products : TermWay::contraction);
  if (by_columns) return ways;
  std::vector<int> uses(ways.size(), 0);
  for (Instruction const& i : program.instructions)
    for (int operand = 0; operand < static_cast<int>(i.operands.size()); ++operand) {
      int const parameter = program.value(i.operands[at(operand)]).parameter;
      if (parameter < 0) continue;
      bool const structured = ++uses[at(parameter)] == 1 && use_cost(program, i, operand, size).takes_structure(method);
      ways[at(parameter)] = structured ? TermWay::structured : TermWay::contraction;
    }
  return ways;
}

}  // namespace infinitile
