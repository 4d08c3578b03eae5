#include "onnx/parameter_choice.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "onnx/graph_tensor.hpp"

namespace infinitile {

namespace {

struct Use {
  OnnxNode const* node;
  int operand;
};

/// What an operand is where it is no weight: a name for it, or nothing.
std::string setting(Use const& use) {
  std::string const& op = use.node->op;
  int const i = use.operand;
  if (op == "BatchNormalization" && i >= 3) return i == 3 ? "running mean" : "running variance";
  if (op == "Clip" && i >= 1) return "bound of Clip";
  if (op == "Pow" && i == 1) return "exponent of Pow";
  if (op == "Pad" && i == 2) return "value of Pad";
  if (op == "Resize" && i >= 1) return "size of Resize";
  if (op == "Dropout" && i >= 1) return "rate of Dropout";
  if (op == "Greater" || op == "GreaterOrEqual" || op == "Less" || op == "LessOrEqual" || op == "Equal") return text("compared by ", op);
  return "";
}

/// Operands that nothing but a constant can be. A single number that is one somewhere is one: exporters write equal numbers once.
bool has_to_be_constant(Use const& use) {
  return !setting(use).empty() && use.node->op != "BatchNormalization" && !setting(use).starts_with("compared");
}

/// Convolutions take weights (taps.., in, out), where the file has (out, in, taps..), and transposed ones (in, out, taps..).
std::vector<int> order_for(std::vector<Use> const& uses, std::size_t rank) {
  auto const all = [&](char const* op) {
    return rank > 2 && std::ranges::all_of(uses, [&](Use const& use) { return use.node->op == op && use.operand == 1; });
  };
  bool const forward = all("Conv");
  std::vector<int> order = in_order(rank);
  if (!forward && !all("ConvTranspose")) return order;
  std::rotate(order.begin(), order.end() - 2, order.end());  // the first two axes go last, the taps to the front
  if (forward) std::swap(order[0], order[1]);
  return order;
}

/// Masks are infinite where they hide. They are added or chosen, and multiply nothing: weights, NaN and, in arrays, +inf are no masks.
bool can_mask(Use const& use) {
  static constexpr std::array multiply{"Gemm",
                                       "MatMul",
                                       "Conv",
                                       "ConvTranspose",
                                       "Mul",
                                       "Div",
                                       "BatchNormalization",
                                       "LayerNormalization",
                                       "GroupNormalization",
                                       "InstanceNormalization",
                                       "RMSNormalization",
                                       "PRelu",
                                       "Einsum"};
  return std::ranges::find(multiply, use.node->op) == multiply.end();
}

/// Masks that hide by numbers far below all scores, where they do not by -inf: 0 and at most -1e30.
bool is_finite_mask(OnnxArray const& array, std::vector<Use> const& uses) {
  constexpr double far = -1e30;
  auto const hides = [](double number) { return std::isfinite(number) && number <= far; };
  return std::ranges::all_of(uses, can_mask) && std::ranges::any_of(array.numbers, hides)
         && std::ranges::all_of(array.numbers, [&](double number) { return number == 0 || hides(number); });
}

void expect_numbers(OnnxModel const& model, std::string const& name, OnnxArray const& array, std::vector<Use> const& uses) {
  bool const may_hide = std::ranges::all_of(uses, can_mask), single = array.numbers.size() == 1;
  auto const bad = std::ranges::find_if_not(
      array.numbers, [&](double number) { return std::isfinite(number) || (std::isinf(number) && may_hide && (number < 0 || single)); });
  if (bad == array.numbers.end()) return;
  throw Error(text(model.file, ": initializer ", name, ": number ", bad - array.numbers.begin(), ", counted from 0 row by row, is ", *bad,
                   "; finite numbers are needed. Export a network whose training has not diverged."));
}

void expect_names(OnnxModel const& model, std::vector<std::string> const& skip) {
  std::vector<std::string> names;
  for (auto const& [name, array] : model.initializers)
    if (array.kind == NumberKind::floating) names.push_back(name);
  for (std::string const& name : skip)
    if (std::ranges::find(names, name) == names.end())
      throw Error(text("parameters.skip names ", name, ", which is no float initializer of ", model.file, ".", did_you_mean(name, names),
                       " `infinitile inspect ", model.file, "` lists them."));
}

}  // namespace

ParameterChoice choose_parameters(OnnxModel const& model, std::vector<int> const& needed, std::vector<std::string> const& skip) {
  expect_names(model, skip);
  std::map<std::string, std::vector<Use>> uses;
  for (int const n : needed) {
    OnnxNode const& node = model.nodes[at(n)];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) uses[node.inputs[i]].push_back({&node, static_cast<int>(i)});
  }
  ParameterChoice out;
  for (auto const& [name, array] : model.initializers) {
    if (array.kind != NumberKind::floating || !uses.contains(name)) continue;
    std::vector<Use> const& places = uses[name];
    bool const is_setting = std::ranges::none_of(places, [](Use const& use) { return setting(use).empty(); });
    auto const constant = std::ranges::find_if(places, has_to_be_constant);
    if (std::ranges::find(skip, name) != skip.end())
      out.fixed[name] = "parameters.skip";
    else if (is_setting)
      out.fixed[name] = setting(places[0]);
    else if (constant != places.end() && array.numbers.size() == 1)
      out.fixed[name] = setting(*constant);
    else if (is_finite_mask(array, places))
      out.fixed[name] = "hides by large negative numbers, as masks do";
    else if (std::ranges::all_of(array.numbers, [](double number) { return std::isfinite(number); }))
      out.parameters.push_back({{name, array.shape, order_for(places, array.shape.size())}, &array});
    else {
      expect_numbers(model, name, array, places);
      out.fixed[name] = "not finite, as masks are";
    }
  }
  return out;
}

}  // namespace infinitile
