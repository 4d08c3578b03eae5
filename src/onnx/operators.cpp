#include "onnx/operators.hpp"

#include <map>

namespace infinitile {

namespace {

std::map<std::string_view, Operator> const& all_operators() {
  static std::map<std::string_view, Operator> const all = [] {
    std::map<std::string_view, Operator> out;
    for (auto const& table :
         {choosing_operators(), elementwise_operators(), layout_operators(), linear_operators(), normalizing_operators(),
          parting_operators(), reducing_operators(), resizing_operators(), spatial_operators(), summing_operators()})
      for (NamedOperator const& each : table) out[each.name] = each.apply;
    return out;
  }();
  return all;
}

}  // namespace

Operator find_operator(std::string_view name) {
  auto const found = all_operators().find(name);
  return found == all_operators().end() ? nullptr : found->second;
}

}  // namespace infinitile
