#include <algorithm>
#include <numeric>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

// Operators that add up, average or compare along axes.

namespace infinitile {

namespace {

using Function = primitive::Pointwise::Function;

/// The axes of a Reduce operator; all where none are given.
std::vector<int> axes_of(NodeContext const& node, int rank) {
  auto const given = node.integers(1, "axes");
  std::vector<int> axes;
  if (given)
    for (long const a : *given) axes.push_back(node.axis(a, rank));
  if (axes.empty() && node.integer("noop_with_empty_axes", 0) == 0) axes = in_order(at(rank));
  std::sort(axes.begin(), axes.end());
  if (std::ranges::adjacent_find(axes) != axes.end()) node.fail("it names an axis twice. The file is damaged: export it again.");
  return axes;
}

/// The result of `over(x, axes)`, with the axes or without them.
template <class Over>
GraphValues apply_reduction(NodeContext const& node, Over const& over) {
  GraphTensor const x = node.tensor(0);
  std::vector<int> const axes = axes_of(node, x.rank());
  GraphTensor const out = over(x, axes);
  return {node.integer("keepdims", 1) != 0 ? out : without_axes(node, out, axes)};
}

GraphValues apply_sum(NodeContext const& node) {
  return apply_reduction(node, [&](GraphTensor const& x, std::vector<int> const& axes) { return reduce(node, x, axes, Reduction::sum); });
}
GraphValues apply_mean(NodeContext const& node) {
  return apply_reduction(node, [&](GraphTensor const& x, std::vector<int> const& axes) { return reduce(node, x, axes, Reduction::mean); });
}
GraphValues apply_max(NodeContext const& node) {
  return apply_reduction(node, [&](GraphTensor const& x, std::vector<int> const& axes) { return largest(node, x, axes); });
}
GraphValues apply_square_sum(NodeContext const& node) {
  return apply_reduction(
      node, [&](GraphTensor const& x, std::vector<int> const& axes) { return reduce(node, power(node, x, 2), axes, Reduction::sum); });
}
GraphValues apply_norm(NodeContext const& node) {
  return apply_reduction(node, [&](GraphTensor const& x, std::vector<int> const& axes) {
    return power(node, reduce(node, power(node, x, 2), axes, Reduction::sum), 0.5);
  });
}

GraphValues apply_min(NodeContext const& node) {
  return apply_reduction(
      node, [&](GraphTensor const& x, std::vector<int> const& axes) { return negative(node, largest(node, negative(node, x), axes)); });
}
GraphValues apply_absolute_sum(NodeContext const& node) {
  return apply_reduction(node, [&](GraphTensor const& x, std::vector<int> const& axes) {
    return reduce(node, activate(node, x, "abs"), axes, Reduction::sum);
  });
}
/// m + log Σ exp(x − m) with the maximum m, so that nothing overflows.
GraphValues apply_log_sum_exp(NodeContext const& node) {
  return apply_reduction(node, [&](GraphTensor const& x, std::vector<int> const& axes) {
    GraphTensor const top = largest(node, x, axes),
                      sum = reduce(node, activate(node, add(node, x, top, 1, -1), "exp"), axes, Reduction::sum);
    return add(node, top, apply(node, sum, {Function::logarithm, 1, 0}));
  });
}

/// Sums of an axis up to each of its entries.
GraphValues apply_running_sum(NodeContext const& node) {
  GraphTensor x = node.tensor(0);
  int const axis = node.axis(node.known_integer(1, "the axis"), x.rank());
  node.expect_apart(x, axis, "sums along");
  constexpr long most = 10'000;  // of which there are half as many sums squared
  if (x.axis(axis) > most) node.fail(text("it sums along ", x.axis(axis), " entries; at most ", most, " are taken."));
  int const size = static_cast<int>(x.axis(axis)), skipped = node.integer("exclusive", 0) != 0 ? 1 : 0;
  bool const backwards = node.integer("reverse", 0) != 0;
  PositionTap sums{{0}, {}, {}};
  for (int o = 0; o < size; ++o) {
    int const first = backwards ? o + skipped : 0, last = backwards ? size : o + 1 - skipped;
    for (int i = first; i < last; ++i) sums.in.push_back(i);
    sums.first.push_back(static_cast<int>(std::ssize(sums.in)));
  }
  sums.weight.assign(sums.in.size(), 1);
  x.stored = node.builder().mix(x.stored, x.order[at(axis)], std::move(sums));
  return {x};
}

/// All axes behind the first two, which are batch and channels.
std::vector<int> spatial_axes(NodeContext const& node, GraphTensor const& x) {
  if (x.rank() < 3) node.fail("its operand has no positions: batch, channels and positions are needed.");
  std::vector<int> axes = in_order(x.order.size());
  axes.erase(axes.begin(), axes.begin() + 2);
  return axes;
}
GraphValues apply_global_average(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  return {reduce(node, x, spatial_axes(node, x), Reduction::mean)};
}
GraphValues apply_global_max(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  return {largest(node, x, spatial_axes(node, x))};
}

/// Before set 13 all axes from the given one on go together, and it is the second where none is given.
struct SoftmaxAxis {
  GraphTensor x;  ///< those axes in one
  int axis;
};
SoftmaxAxis softmax_axis(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  bool const together = node.opset() < 13;
  int const axis = node.axis(node.integer("axis", together ? 1 : -1), x.rank());
  if (!together || axis == x.rank() - 1) return {x, axis};
  std::vector<long> shape = x.shape();
  long const size = product_of(std::span(shape).subspan(at(axis)));
  shape.resize(at(axis));
  shape.push_back(size);
  if (x.batch && x.batch->axis >= axis) node.expect_apart(x, x.batch->axis, "sums over");
  return {with_shape(node, x, shape, x.batch_axis()), axis};
}
GraphTensor back(NodeContext const& node, GraphTensor const& y) {
  GraphTensor const x = node.tensor(0);
  return y.rank() == x.rank() ? y : with_shape(node, y, x.shape(), x.batch_axis());
}

GraphValues apply_softmax(NodeContext const& node) {
  auto const [x, axis] = softmax_axis(node);
  return {back(node, softmax(node, x, axis))};
}

/// x − m − log Σ exp(x − m) with m the largest x of each line; its derivatives cancel.
GraphValues apply_log_softmax(NodeContext const& node) {
  auto const [x, axis] = softmax_axis(node);
  GraphTensor const below = add(node, x, largest(node, x, {axis}), 1, -1);
  GraphTensor const sum = reduce(node, activate(node, below, "exp"), {axis}, Reduction::sum);
  return {back(node, add(node, below, apply(node, sum, {Function::logarithm, 1, 0}), 1, -1))};
}

}  // namespace

GraphTensor reduce(NodeContext const& node, GraphTensor x, std::vector<int> const& axes, Reduction reduction) {
  for (int const axis : axes) {
    node.expect_apart(x, axis, reduction == Reduction::sum ? "sums over" : "averages over");
    int const size = static_cast<int>(x.axis(axis));
    if (size == 1) continue;
    PositionTap row{{0, size}, in_order(at(size)), std::vector<double>(at(size), reduction == Reduction::sum ? 1.0 : 1.0 / size)};
    x.stored = node.builder().mix(x.stored, x.order[at(axis)], std::move(row));
  }
  return x;
}

GraphTensor largest(NodeContext const& node, GraphTensor const& x, std::vector<int> const& axes) {
  // The axes that are compared lie first, so that each other entry is a channel.
  std::vector<int> order(x.order.size()), kept;
  int next = 0;
  for (int const axis : axes) {
    node.expect_apart(x, axis, "takes the maximum over");
    order[at(axis)] = next++;
  }
  std::vector<long> shape = x.shape();
  long size = 1;
  for (int a = 0; a < x.rank(); ++a) {
    if (std::ranges::find(axes, a) == axes.end()) {
      order[at(a)] = next++;
      continue;
    }
    size *= shape[at(a)];
    shape[at(a)] = 1;
  }
  Tensor const lines = laid_out(node.builder(), x, order);
  Tensor const y = node.builder().largest(lines.reshaped({size, lines.size() / size}), {static_cast<int>(size), in_order(at(size))});
  GraphTensor out = graph_tensor(y.reshaped(shape), x);  // the rest lies in order, since sizes of 1 may stand anywhere
  return out;
}

GraphTensor softmax(NodeContext const& node, GraphTensor const& x, int axis) {
  node.expect_apart(x, axis, "sums over");
  std::vector<int> order(x.order.size());
  int next = 0;
  for (int a = 0; a < x.rank(); ++a) order[at(a)] = a == axis ? x.rank() - 1 : next++;
  GraphTensor out = x;
  out.stored = node.builder().softmax(laid_out(node.builder(), x, order));
  out.order = order;
  return out;
}

std::vector<NamedOperator> reducing_operators() {
  return {
      {"ReduceSum", apply_sum},
      {"ReduceMean", apply_mean},
      {"ReduceMax", apply_max},
      {"ReduceSumSquare", apply_square_sum},
      {"ReduceL2", apply_norm},
      {"ReduceL1", apply_absolute_sum},
      {"ReduceMin", apply_min},
      {"ReduceLogSumExp", apply_log_sum_exp},
      {"CumSum", apply_running_sum},
      {"GlobalAveragePool", apply_global_average},
      {"GlobalMaxPool", apply_global_max},
      {"Softmax", apply_softmax},
      {"LogSoftmax", apply_log_softmax},
  };
}

}  // namespace infinitile
