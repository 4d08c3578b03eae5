#include "finite/ntk_ways.hpp"

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

std::vector<TermWay> find_ways(FiniteProgram const& program, BlockSize const& size, NtkMethod method) {
  bool const by_columns = goes_by_columns(program, size, method);
  std::vector<TermWay> ways;
  for (auto const& uses : find_uses(program))
    ways.push_back(by_columns                                              ? TermWay::vector_products
                   : use_cost(program, uses, size).takes_structure(method) ? TermWay::structured
                                                                           : TermWay::contraction);
  return ways;
}

}  // namespace infinitile
