#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

namespace infinitile {

namespace {

using Function = primitive::Pointwise::Function;

void expect_channels(NodeContext const& node, GraphTensor const& x, int operand) {
  std::vector<long> const shape = node.shape(operand);
  if (x.rank() < 2 || shape != std::vector<long>{x.axis(1)})
    node.fail(text("operand ", operand, " has the shape ", shape_words(shape), ", its input ", shape_words(x.shape()),
                   "; one number for each channel, axis 1, is needed."));
}

/// x scale + bias, both along the channels.
GraphTensor scaled(NodeContext const& node, GraphTensor const& x, GraphTensor const& scale, GraphTensor const& bias) {
  return add(node, multiply(node, x, along_axis(scale, 1, x.rank())), along_axis(bias, 1, x.rank()));
}

/// (x − mean) scale / √(variance + eps) + bias with the mean and the variance that stand in the file: x s + (bias − mean s), s = scale /
/// √(variance + eps), whose terms are as many as there are channels.
GraphValues apply_batch_normalization(NodeContext const& node) {
  auto const& outputs = node.node().outputs;
  if (node.integer("training_mode", 0) != 0
      || std::any_of(outputs.begin() + 1, outputs.end(), [](auto const& name) { return !name.empty(); }))
    node.fail("it normalizes with the mean of the batch, which would mix samples. Export the network in evaluation mode: net.eval().");
  GraphTensor const x = node.tensor(0);
  for (int i = 1; i <= 4; ++i) expect_channels(node, x, i);
  node.expect_apart(x, 1, "normalizes");
  OnnxArray const &mean = node.known(3, "the running mean"), &variance = node.known(4, "the running variance");
  double const eps = node.number("epsilon", 1e-5);
  std::vector<double> root, shift;
  for (std::size_t c = 0; c < variance.numbers.size(); ++c) {
    root.push_back(1 / std::sqrt(variance.numbers[c] + eps));
    shift.push_back(mean.numbers[c] * root.back());
  }
  auto const constant = [&](std::vector<double> const& numbers) {
    return GraphTensor{node.builder().constant(numbers, mean.shape), in_order(1)};
  };
  GraphTensor const scale = node.tensor(1);
  return {scaled(node, x, multiply(node, scale, constant(root)), add(node, node.tensor(2), multiply(node, scale, constant(shift)), 1, -1))};
}

/// Lines of the last `axes` axes to mean 0 and variance 1.
GraphTensor normalize(NodeContext const& node, GraphTensor const& x, int first, double eps) {
  Tensor const lines = plain(node.builder(), x);
  long const width = product_of(std::span(lines.shape).subspan(at(first)));
  for (int a = first; a < x.rank(); ++a) node.expect_apart(x, a, "normalizes");
  return graph_tensor(node.builder().normalize(lines.reshaped({lines.size() / width, width}), eps).reshaped(lines.shape), x);
}

GraphTensor with_scale_and_bias(NodeContext const& node, GraphTensor y) {
  if (node.has(1)) y = multiply(node, y, node.tensor(1));
  if (node.has(2)) y = add(node, y, node.tensor(2));
  return y;
}

GraphValues apply_layer_normalization(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  int const axis = node.axis(node.integer("axis", -1), x.rank());
  return {with_scale_and_bias(node, normalize(node, x, axis, node.number("epsilon", 1e-5)))};
}

/// x / √(mean(x²) + eps).
GraphValues apply_rms_normalization(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  std::vector<int> axes;
  for (int a = node.axis(node.integer("axis", -1), x.rank()); a < x.rank(); ++a) axes.push_back(a);
  GraphTensor const mean = reduce(node, apply(node, x, {Function::power, 2, 0}), axes, Reduction::mean);
  GraphTensor const above = apply(node, mean, {Function::affine, 1, node.number("epsilon", 1e-5)});
  return {with_scale_and_bias(node, multiply(node, x, apply(node, above, {Function::power, -0.5, 0})))};
}

/// Each channel of a sample over its positions.
GraphValues apply_instance_normalization(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  for (int i = 1; i <= 2; ++i) expect_channels(node, x, i);
  if (x.rank() < 3) node.fail("its input has no positions to normalize over.");
  return {scaled(node, normalize(node, x, 2, node.number("epsilon", 1e-5)), node.tensor(1), node.tensor(2))};
}

/// Groups of channels over their positions. Before set 21 scale and bias are given for each group, since then for each channel.
GraphValues apply_group_normalization(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  long const groups = node.integer("num_groups", 1);
  if (x.rank() < 2 || groups < 1 || x.axis(1) % groups != 0)
    node.fail(text("it cuts ", shape_words(x.shape()), " into ", groups, " groups of channels."));
  std::vector<long> const shape = x.shape();
  std::vector<long> cut{shape[0], groups, x.stored.size() / shape[0] / groups};
  std::optional<int> const batch = x.batch_axis();
  if (x.batch && x.batch->axis > 0) node.fail_mixing("normalizes over the batch");
  GraphTensor y = normalize(node, with_shape(node, x, cut, batch), 2, node.number("epsilon", 1e-5));
  if (node.opset() < 21) return {with_shape(node, scaled(node, y, node.tensor(1), node.tensor(2)), shape, batch)};
  for (int i = 1; i <= 2; ++i) expect_channels(node, x, i);
  return {scaled(node, with_shape(node, y, shape, batch), node.tensor(1), node.tensor(2))};
}

}  // namespace

GraphTensor along_axis(GraphTensor const& vector, int axis, int rank) {
  std::vector<long> shape(at(rank), 1);
  shape[at(axis)] = vector.stored.size();
  return graph_tensor(vector.stored.reshaped(shape), vector);
}

std::vector<NamedOperator> normalizing_operators() {
  return {
      {"BatchNormalization", apply_batch_normalization}, {"LayerNormalization", apply_layer_normalization},
      {"RMSNormalization", apply_rms_normalization},     {"InstanceNormalization", apply_instance_normalization},
      {"GroupNormalization", apply_group_normalization},
  };
}

}  // namespace infinitile
