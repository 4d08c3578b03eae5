#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/activation_arguments.hpp"
#include "onnx/node_context.hpp"

// What the operators of ONNX do to values. Formulas and defaults: the published operator schemas, sets 11 to 24.

namespace infinitile {

using GraphValues = std::vector<GraphValue>;
using Operator = GraphValues (*)(NodeContext const&);

struct NamedOperator {
  std::string_view name;
  Operator apply;
};

/// The tables of the files operators_*.cpp. Each operator writes its node into the program of the context and returns its outputs.
std::vector<NamedOperator> choosing_operators();
std::vector<NamedOperator> elementwise_operators();
std::vector<NamedOperator> layout_operators();
std::vector<NamedOperator> linear_operators();
std::vector<NamedOperator> normalizing_operators();
std::vector<NamedOperator> parting_operators();
std::vector<NamedOperator> reducing_operators();
std::vector<NamedOperator> resizing_operators();
std::vector<NamedOperator> spatial_operators();
std::vector<NamedOperator> summing_operators();

/// Operators on known numbers alone: shapes, comparisons, ranges. Nothing where it is none of them, or an operand is not known.
std::optional<GraphValues> apply_known(NodeContext const& node);

/// Null where there is none of that name.
Operator find_operator(std::string_view name);

// What several operators are made of.

/// What a Cast makes of its numbers.
NumberKind kind_of_cast(NodeContext const& node);

/// Two operands laid out in the same way, as the larger one lies.
struct SideBySide {
  Tensor left, right;
  GraphTensor like;
};
SideBySide side_by_side(NodeContext const& node, GraphTensor left, GraphTensor right);
GraphTensor with_stored(GraphTensor like, Tensor stored);

GraphTensor add(NodeContext const& node, GraphTensor const& left, GraphTensor const& right, double left_weight = 1,
                double right_weight = 1);
GraphTensor multiply(NodeContext const& node, GraphTensor const& left, GraphTensor const& right);
GraphTensor apply(NodeContext const& node, GraphTensor x, primitive::Pointwise const& f);
GraphTensor negative(NodeContext const& node, GraphTensor const& x);
GraphTensor power(NodeContext const& node, GraphTensor const& x, double exponent);
GraphTensor activate(NodeContext const& node, GraphTensor x, std::string_view activation, Scaling const& scaling = {},
                     NamedValues const& given = {});
/// The sum or the mean over some axes, which stay with size 1.
enum class Reduction { sum, mean };
GraphTensor reduce(NodeContext const& node, GraphTensor x, std::vector<int> const& axes, Reduction reduction);
/// The maximum over some axes, which stay with size 1.
GraphTensor largest(NodeContext const& node, GraphTensor const& x, std::vector<int> const& axes);
/// Of matrices in the last two axes, those before them stretched to each other.
GraphTensor matmul(NodeContext const& node, GraphTensor const& left, GraphTensor const& right);
GraphTensor softmax(NodeContext const& node, GraphTensor const& x, int axis);
/// Without axes of size 1.
GraphTensor without_axes(NodeContext const& node, GraphTensor const& x, std::vector<int> const& axes);
/// In another shape; refuses what would mix samples.
GraphTensor with_shape(NodeContext const& node, GraphTensor const& x, std::vector<long> const& shape, std::optional<int> batch_axis);
/// Numbers of a vector along one axis of a value with `rank` axes.
GraphTensor along_axis(GraphTensor const& vector, int axis, int rank);

}  // namespace infinitile
