#include <algorithm>
#include <array>
#include <numeric>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

// Operators that see the same numbers in other axes.

namespace infinitile {

namespace {

/// The sizes that a Reshape asks for, and the axis that it means for the samples: that of the batch's size, the one that keeps it (0), or the
/// one that takes what is left (-1).
GraphValues apply_reshape(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  OnnxArray const& wanted = node.known(1, "the shape");
  std::vector<long> shape = wanted.integers(), const_before = x.shape();
  bool const keeps_zeros = node.integer("allowzero", 0) != 0;
  std::optional<std::size_t> rest, counted, kept;
  long known = 1;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    if (shape[a] == 0 && !keeps_zeros) {
      if (a >= const_before.size()) node.fail(text("its shape keeps axis ", a, ", which its operand does not have."));
      shape[a] = const_before[a];
      if (x.batch && x.batch->axis == static_cast<int>(a)) kept = a;
    }
    if (shape[a] == -1)
      rest = a;
    else
      known *= shape[a];
    if (wanted.counts_batch(a)) counted = a;
  }
  if (rest && known > 0) shape[*rest] = x.stored.size() / known;
  if (product_of(shape) != x.stored.size())
    node.fail(
        text("it reshapes ", shape_words(const_before), " to ", shape_words(shape),
             " (the batch counted as 1), which has other numbers. Either it mixes samples, or the network was exported for a fixed batch: "
             "export it with a free batch axis, or for exactly 1."));
  std::optional<std::size_t> const batch = counted ? counted : kept ? kept : rest;
  return {with_shape(node, x, shape, batch ? std::optional(static_cast<int>(*batch)) : std::nullopt)};
}

GraphValues apply_flatten(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  std::vector<long> const shape = x.shape();
  long const number = node.integer("axis", 1);
  int const axis = number == x.rank() ? x.rank() : node.axis(number, x.rank());
  long const outer = product_of(std::span(shape).first(at(axis))), inner = product_of(std::span(shape).subspan(at(axis)));
  return {with_shape(node, x, {outer, inner}, x.batch ? std::optional(x.batch->axis < axis ? 0 : 1) : std::nullopt)};
}

GraphValues apply_transpose(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  std::vector<long> backwards(at(x.rank()));
  std::iota(backwards.rbegin(), backwards.rend(), 0);
  std::vector<int> axes;
  for (long const a : node.integers("perm", backwards)) axes.push_back(node.axis(a, x.rank()));
  std::vector<int> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != in_order(at(x.rank()))) node.fail("its perm does not name every axis once. The file is damaged: export it again.");
  return {transposed(x, axes)};
}

GraphValues apply_squeeze(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  std::vector<int> axes;
  if (auto const given = node.integers(1, "axes"))
    for (long const a : *given) axes.push_back(node.axis(a, x.rank()));
  else
    for (int a = 0; a < x.rank(); ++a)
      if (x.axis(a) == 1 && !(x.batch && x.batch->axis == a)) axes.push_back(a);
  return {without_axes(node, x, axes)};
}

GraphValues apply_unsqueeze(NodeContext const& node) {
  GraphTensor x = node.tensor(0);
  std::vector<int> axes;
  auto const given = node.integers(1, "axes");
  if (!given) node.fail("it has no axes. The file is damaged: export it again.");
  for (long const a : *given) axes.push_back(node.axis(a, x.rank() + static_cast<int>(given->size())));
  std::sort(axes.begin(), axes.end());
  for (int const axis : axes) {  // a new axis lies last, where it moves none
    x.order.insert(x.order.begin() + std::min<long>(axis, x.rank()), static_cast<int>(x.stored.shape.size()));
    x.stored.shape.push_back(1);
    if (x.batch && x.batch->axis >= axis) ++x.batch->axis;
  }
  return {x};
}

GraphValues apply_expand(NodeContext const& node) {
  OnnxArray const& wanted = node.known(1, "the shape");
  std::vector<long> const shape = wanted.integers();
  int const rank = std::max(node.tensor(0).rank(), static_cast<int>(shape.size()));
  GraphTensor const x = with_rank(node.tensor(0), rank);
  std::vector<long> to = x.shape();
  for (std::size_t a = 0; a < shape.size(); ++a) {
    std::size_t const axis = to.size() - shape.size() + a;
    if (to[axis] != shape[a] && to[axis] != 1 && shape[a] != 1)
      node.fail(text("it stretches ", shape_words(x.shape()), " to ", shape_words(shape), ", which does not fit."));
    if (shape[a] != 1 && x.batch && x.batch->axis == static_cast<int>(axis) && to[axis] != shape[a])
      node.fail_mixing("stretches the batch");
    to[axis] = std::max(to[axis], shape[a]);
  }
  GraphTensor out = graph_tensor(node.builder().stretch(plain(node.builder(), x), to), x);
  return {out};
}

/// Channels that become positions, and back: blocks of `b` x `b`.
GraphValues apply_depth_to_space(NodeContext const& node) {
  bool const to_space = node.node().op == "DepthToSpace", columns_first = node.word("mode", "DCR") == "CRD";
  GraphTensor const x = node.tensor(0);
  long const b = node.integer("blocksize", 0);
  bool const fits =
      x.rank() == 4 && b > 0 && b <= x.stored.size() && (to_space ? x.axis(1) % (b * b) == 0 : x.axis(2) % b == 0 && x.axis(3) % b == 0);
  if (!fits) node.fail(text("its operand of the shape ", shape_words(x.shape()), " has no blocks of ", b, " x ", b, "."));
  long const n = x.axis(0), c = x.axis(1), h = x.axis(2), w = x.axis(3);
  std::optional<int> const batch = x.batch_axis();
  if (batch && *batch != 0) node.fail_mixing("sees the batch elsewhere than on axis 0");
  if (!to_space)
    return {with_shape(node, transposed(with_shape(node, x, {n, c, h / b, b, w / b, b}, batch), {0, 3, 5, 1, 2, 4}),
                       {n, c * b * b, h / b, w / b}, batch)};
  long const out = c / (b * b);
  GraphTensor const moved = columns_first ? transposed(with_shape(node, x, {n, out, b, b, h, w}, batch), {0, 1, 4, 2, 5, 3})
                                          : transposed(with_shape(node, x, {n, b, b, out, h, w}, batch), {0, 3, 4, 1, 5, 2});
  return {with_shape(node, moved, {n, out, h * b, w * b}, batch)};
}

GraphValues apply_identity(NodeContext const& node) {
  return {node.value(0)};
}

/// Numbers are in one precision whatever the graph says; truncation is a step, which has no derivative.
GraphValues apply_cast(NodeContext const& node) {
  GraphTensor x = node.tensor(0);
  NumberKind const to = node.node().op == "CastLike" ? node.tensor(1).kind : kind_of_cast(node);
  if (to == NumberKind::truth && x.kind != to) {
    using Function = primitive::Pointwise::Function;
    x = apply(node, apply(node, x, {Function::zero}), {Function::affine, -1, 1});  // not 0
  } else if (to == NumberKind::integer && x.kind == NumberKind::floating) {
    node.fail("it rounds computed numbers, which is not supported: that has no derivative.");
  }
  x.kind = to;
  return {x};
}

GraphValues apply_dropout(NodeContext const& node) {
  if (node.has(2) && node.known_number(2, "training_mode") != 0)
    node.fail("it is a dropout that trains; a kernel is of a fixed function. Export the network in evaluation mode: net.eval().");
  return {node.value(0)};
}

}  // namespace

GraphTensor with_shape(NodeContext const& node, GraphTensor const& x, std::vector<long> const& shape, std::optional<int> batch_axis) {
  auto out = reshaped(node.builder(), x, shape, batch_axis);
  if (!out) node.fail_mixing(text("reshapes ", shape_words(x.shape()), " to ", shape_words(shape), " (the batch counted as 1)"));
  return *out;
}

GraphTensor without_axes(NodeContext const& node, GraphTensor const& x, std::vector<int> const& axes) {
  GraphTensor out{x.stored, {}, x.kind, x.batch};
  std::vector<bool> gone(x.order.size(), false);
  for (int const axis : axes) {
    node.expect_apart(x, axis, "drops");
    if (x.axis(axis) != 1) node.fail(text("it drops axis ", axis, ", whose size is ", x.axis(axis), " and not 1."));
    gone[at(x.order[at(axis)])] = true;
    if (x.batch && axis < x.batch->axis) --out.batch->axis;
  }
  std::vector<int> place(x.order.size(), 0);
  out.stored.shape.clear();
  for (std::size_t s = 0, next = 0; s < gone.size(); ++s) {
    if (gone[s]) continue;
    place[s] = static_cast<int>(next++);
    out.stored.shape.push_back(x.stored.shape[s]);
  }
  for (int const s : x.order)
    if (!gone[at(s)]) out.order.push_back(place[at(s)]);
  return out;
}

NumberKind kind_of_cast(NodeContext const& node) {
  long const type = node.integer("to", 1);  // FLOAT, FLOAT16, DOUBLE and BFLOAT16; BOOL
  if (type == 1 || type == 10 || type == 11 || type == 16) return NumberKind::floating;
  return type == 9 ? NumberKind::truth : NumberKind::integer;
}

std::vector<NamedOperator> layout_operators() {
  return {
      {"Reshape", apply_reshape},
      {"Flatten", apply_flatten},
      {"Transpose", apply_transpose},
      {"Squeeze", apply_squeeze},
      {"Unsqueeze", apply_unsqueeze},
      {"Expand", apply_expand},
      {"Identity", apply_identity},
      {"Dropout", apply_dropout},
      {"Cast", apply_cast},
      {"CastLike", apply_cast},
      {"DepthToSpace", apply_depth_to_space},
      {"SpaceToDepth", apply_depth_to_space},
  };
}

}  // namespace infinitile
