#include <algorithm>
#include <array>
#include <limits>

#include "base/index.hpp"
#include "base/text.hpp"
#include "kernels/activation.hpp"
#include "onnx/operators.hpp"

namespace infinitile {

namespace {

using Function = primitive::Pointwise::Function;

/// The one number of a known operand.
std::optional<double> known_scalar(NodeContext const& node, int i) {
  if (!node.is_known(i)) return std::nullopt;
  auto const& array = std::get<OnnxArray>(node.value(i));
  bool const single = array.numbers.size() == 1 && !array.counts_batch(0);
  return single && array.shape.size() <= node.shape(1 - i).size() ? std::optional(array.numbers[0]) : std::nullopt;
}

GraphTensor affine(NodeContext const& node, GraphTensor const& x, double a, double b) {
  return apply(node, x, {Function::affine, a, b});
}

/// left_weight x0 + right_weight x1.
GraphValues apply_sum(NodeContext const& node, double right_weight) {
  if (auto const b = known_scalar(node, 1)) return {affine(node, node.tensor(0), 1, right_weight * *b)};
  if (auto const b = known_scalar(node, 0)) return {affine(node, node.tensor(1), right_weight, *b)};
  return {add(node, node.tensor(0), node.tensor(1), 1, right_weight)};
}

GraphValues apply_mul(NodeContext const& node) {
  for (int const i : {0, 1})
    if (auto const factor = known_scalar(node, i)) return {affine(node, node.tensor(1 - i), *factor, 0)};
  return {multiply(node, node.tensor(0), node.tensor(1))};
}

GraphValues apply_div(NodeContext const& node) {
  if (auto const divisor = known_scalar(node, 1)) return {affine(node, node.tensor(0), 1 / *divisor, 0)};
  GraphTensor const inverse = power(node, node.tensor(1), -1);
  if (auto const factor = known_scalar(node, 0)) return {affine(node, inverse, *factor, 0)};
  return {multiply(node, node.tensor(0), inverse)};
}

GraphValues apply_pow(NodeContext const& node) {
  OnnxArray const& exponent = node.known(1, "the exponent");
  if (exponent.numbers.size() != 1) node.fail(text("it has ", exponent.numbers.size(), " exponents; one for all numbers is supported."));
  return {power(node, node.tensor(0), exponent.numbers[0])};
}

GraphValues apply_sum_of_all(NodeContext const& node) {
  GraphTensor sum = node.tensor(0);
  for (int i = 1; i < node.count(); ++i) sum = add(node, sum, node.tensor(i));
  return {sum};
}

GraphValues apply_mean_of_all(NodeContext const& node) {
  return {affine(node, std::get<GraphTensor>(apply_sum_of_all(node)[0]), 1.0 / node.count(), 0)};
}

GraphValues apply_clip(NodeContext const& node) {
  double const infinity = std::numeric_limits<double>::infinity();
  auto const bound = [&](int i, std::string const& name, double standard) {
    if (!node.has(i)) return standard;
    OnnxArray const& numbers = node.known(i, name);
    return numbers.numbers.empty() ? standard : numbers.numbers[0];
  };
  return {apply(node, node.tensor(0), {Function::clip, bound(1, "the lower bound", -infinity), bound(2, "the upper bound", infinity)})};
}

GraphTensor hard_sigmoid(NodeContext const& node, GraphTensor const& x, double alpha, double beta) {
  return apply(node, affine(node, x, alpha, beta), {Function::clip, 0, 1});
}

/// gamma (x for x > 0, alpha (exp(x) − 1) below).
GraphTensor exponential_linear(NodeContext const& node, GraphTensor const& x, double alpha, double gamma) {
  if (alpha == 1) return activate(node, x, "elu", {1, 0, gamma, 0});
  return add(node, activate(node, x, "elu"), activate(node, x, "relu"), gamma * alpha, gamma * (1 - alpha));
}

template <char const* Name>
GraphValues apply_activation(NodeContext const& node) {
  return {activate(node, node.tensor(0), Name)};
}

GraphValues apply_gelu(NodeContext const& node) {
  bool const approximate = node.word("approximate", "none") == "tanh";
  return {activate(node, node.tensor(0), "gelu", {}, {{"approximate", approximate ? 1.0 : 0.0}})};
}

GraphValues apply_prelu(NodeContext const& node) {
  GraphTensor const x = node.tensor(0), above = activate(node, x, "relu"), below = activate(node, x, "relu", {-1, 0, -1, 0});
  return {add(node, above, multiply(node, below, node.tensor(1)))};
}

constexpr char relu[] = "relu", sigmoid[] = "sigmoid", tanh_name[] = "tanh", erf_name[] = "erf", softplus[] = "softplus",
               softsign[] = "softsign", exp_name[] = "exp", abs_name[] = "abs", sin_name[] = "sin", cos_name[] = "cos",
               atan_name[] = "atan", asinh_name[] = "asinh";

/// Functions of one operand that are made of others.
std::vector<NamedOperator> made_functions() {
  return {
      {"LeakyRelu",
       [](NodeContext const& n) -> GraphValues {
         return {activate(n, n.tensor(0), "leaky_relu", {}, {{"alpha", n.number("alpha", 0.01)}})};
       }},
      {"Elu", [](NodeContext const& n) -> GraphValues { return {exponential_linear(n, n.tensor(0), n.number("alpha", 1), 1)}; }},
      {"Selu",
       [](NodeContext const& n) -> GraphValues {
         return {exponential_linear(n, n.tensor(0), n.number("alpha", 1.6732632423543772), n.number("gamma", 1.0507009873554805))};
       }},
      {"Celu",
       [](NodeContext const& n) -> GraphValues {
         double const alpha = n.number("alpha", 1);
         return {activate(n, n.tensor(0), "elu", {1 / alpha, 0, alpha, 0})};
       }},
      {"HardSigmoid",
       [](NodeContext const& n) -> GraphValues { return {hard_sigmoid(n, n.tensor(0), n.number("alpha", 0.2), n.number("beta", 0.5))}; }},
      {"HardSwish",
       [](NodeContext const& n) -> GraphValues { return {multiply(n, n.tensor(0), hard_sigmoid(n, n.tensor(0), 1.0 / 6, 0.5))}; }},
      {"Mish",
       [](NodeContext const& n) -> GraphValues {
         return {multiply(n, n.tensor(0), activate(n, activate(n, n.tensor(0), "softplus"), "tanh"))};
       }},
      {"Neg", [](NodeContext const& n) -> GraphValues { return {negative(n, n.tensor(0))}; }},
      {"Reciprocal", [](NodeContext const& n) -> GraphValues { return {power(n, n.tensor(0), -1)}; }},
      {"Sqrt", [](NodeContext const& n) -> GraphValues { return {power(n, n.tensor(0), 0.5)}; }},
      {"Log",
       [](NodeContext const& n) -> GraphValues {
         return {apply(n, n.tensor(0), {Function::logarithm, 1, 0})};
       }},
  };
}

}  // namespace

GraphTensor add(NodeContext const& node, GraphTensor const& left, GraphTensor const& right, double left_weight, double right_weight) {
  SideBySide const both = side_by_side(node, left, right);
  return with_stored(both.like, node.builder().add(both.left, both.right, left_weight, right_weight));
}

GraphTensor multiply(NodeContext const& node, GraphTensor const& left, GraphTensor const& right) {
  SideBySide const both = side_by_side(node, left, right);
  return with_stored(both.like, node.builder().multiply(both.left, both.right));
}

GraphTensor apply(NodeContext const& node, GraphTensor x, primitive::Pointwise const& f) {
  x.stored = node.builder().apply(x.stored, f);
  return x;
}

GraphTensor power(NodeContext const& node, GraphTensor const& x, double exponent) {
  return exponent == 1 ? x : apply(node, x, {Function::power, exponent, 0});
}

GraphTensor negative(NodeContext const& node, GraphTensor const& x) {
  return affine(node, x, -1, 0);
}

GraphTensor activate(NodeContext const& node, GraphTensor x, std::string_view activation, Scaling const& scaling,
                     NamedValues const& given) {
  x.stored = node.builder().activate(x.stored, make_activation(activation, given, scaling));
  return x;
}

std::vector<NamedOperator> elementwise_operators() {
  std::vector<NamedOperator> all = made_functions();
  std::vector<NamedOperator> const others{
      {"Add", [](NodeContext const& n) { return apply_sum(n, 1); }},
      {"Sub", [](NodeContext const& n) { return apply_sum(n, -1); }},
      {"Mul", apply_mul},
      {"Div", apply_div},
      {"Pow", apply_pow},
      {"Sum", apply_sum_of_all},
      {"Mean", apply_mean_of_all},
      {"Clip", apply_clip},
      {"Gelu", apply_gelu},
      {"PRelu", apply_prelu},
      {"Relu", apply_activation<relu>},
      {"Sigmoid", apply_activation<sigmoid>},
      {"Tanh", apply_activation<tanh_name>},
      {"Erf", apply_activation<erf_name>},
      {"Softplus", apply_activation<softplus>},
      {"Softsign", apply_activation<softsign>},
      {"Exp", apply_activation<exp_name>},
      {"Abs", apply_activation<abs_name>},
      {"Sin", apply_activation<sin_name>},
      {"Cos", apply_activation<cos_name>},
      {"Atan", apply_activation<atan_name>},
      {"Asinh", apply_activation<asinh_name>},
      {"Swish",
       [](NodeContext const& n) -> GraphValues {
         double const alpha = n.number("alpha", 1);
         return {activate(n, n.tensor(0), "silu", {alpha, 0, 1 / alpha, 0})};
       }},
  };
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

}  // namespace infinitile
