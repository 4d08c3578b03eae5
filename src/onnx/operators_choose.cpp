#include <algorithm>

#include "base/index.hpp"
#include "base/text.hpp"
#include "onnx/operators.hpp"

// Comparisons, what is made of truth values (numbers 0 and 1), and choices by them. None of them has a derivative in what is compared.

namespace infinitile {

namespace {

using Function = primitive::Pointwise::Function;

/// Where the samples of a result of two operands lie. Both have one rank.
std::optional<BatchPlace> common_batch(NodeContext const& node, GraphTensor const& left, GraphTensor const& right) {
  if (left.batch && right.batch) {
    bool const same = left.batch->axis == right.batch->axis && left.batch->outer == right.batch->outer
                      && left.axis(left.batch->axis) == right.axis(right.batch->axis);
    if (!same) node.fail_mixing("puts samples against each other");
    return left.batch;
  }
  GraphTensor const &one = left.batch ? left : right, &other = left.batch ? right : left;
  if (one.batch && other.axis(one.batch->axis) != 1)
    node.fail_mixing(text("puts ", other.axis(one.batch->axis), " constants against the samples of axis ", one.batch->axis));
  return one.batch;
}

GraphTensor truth(GraphTensor x) {
  x.kind = NumberKind::truth;
  return x;
}
GraphTensor not_of(NodeContext const& node, GraphTensor const& x) {
  return apply(node, x, {Function::affine, -1, 1});
}
GraphTensor above_zero(NodeContext const& node, GraphTensor const& x) {
  return apply(node, x, {Function::positive});
}
/// x > y.
GraphTensor above(NodeContext const& node, GraphTensor const& x, GraphTensor const& y) {
  return truth(apply(node, add(node, x, y, 1, -1), {Function::positive}));
}

/// Axes of size 1 stretched to those of the other.
GraphTensor stretched(NodeContext const& node, GraphTensor const& x, GraphTensor const& like) {
  return with_stored(like, node.builder().stretch(laid_out(node.builder(), with_rank(x, like.rank()), like.order), like.stored.shape));
}

GraphTensor select(NodeContext const& node, GraphTensor const& condition, GraphTensor const& x, GraphTensor const& y) {
  // The sum of all three has the shape, the order and the batch of the result; only those are looked at.
  GraphTensor const like = add(node, add(node, condition, x), y);
  Tensor const chosen =
      node.builder().select(stretched(node, condition, like).stored, stretched(node, x, like).stored, stretched(node, y, like).stored);
  GraphTensor out = with_stored(like, chosen);
  out.kind = x.kind;
  return out;
}

GraphValues apply_where(NodeContext const& node) {
  return {select(node, node.tensor(0), node.tensor(1), node.tensor(2))};
}

/// The largest or smallest of all operands, entry by entry.
GraphValues apply_extreme(NodeContext const& node) {
  bool const largest_of = node.node().op == "Max";
  GraphTensor out = node.tensor(0);
  for (int i = 1; i < node.count(); ++i) {
    GraphTensor const x = node.tensor(i);
    out = select(node, largest_of ? above(node, x, out) : above(node, out, x), x, out);
  }
  return {out};
}

/// The upper or lower triangle of matrices in the last two axes, zeros beside it.
GraphValues apply_triangle(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  long const k = node.has(1) ? node.known_integer(1, "the diagonal") : 0;
  bool const upper = node.integer("upper", 1) != 0;
  if (x.rank() < 2) node.fail("it takes a triangle of something that is no matrix.");
  for (int const axis : {x.rank() - 2, x.rank() - 1}) node.expect_apart(x, axis, "takes a triangle along");
  long const rows = x.axis(x.rank() - 2), cols = x.axis(x.rank() - 1);
  std::vector<double> stays(at(rows * cols));
  for (long i = 0; i < rows; ++i)
    for (long j = 0; j < cols; ++j) stays[at(i * cols + j)] = (upper ? j >= i + k : j <= i + k) ? 1 : 0;
  GraphTensor const inside{node.builder().constant(stays, {rows, cols}), in_order(2), NumberKind::truth};
  return {select(node, inside, x, {node.builder().constant({0}, {1, 1}), in_order(2), x.kind})};
}

GraphValues apply_sign(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  GraphTensor const above = above_zero(node, x), below = above_zero(node, negative(node, x));
  return {add(node, above, below, 1, -1)};
}

/// Numbers that are neither 0 nor above or below it.
GraphValues apply_is_nan(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  GraphTensor const above = above_zero(node, x), below = above_zero(node, negative(node, x)), zero = apply(node, x, {Function::zero});
  return {truth(not_of(node, add(node, add(node, above, below), zero)))};
}

}  // namespace

SideBySide side_by_side(NodeContext const& node, GraphTensor left, GraphTensor right) {
  int const rank = std::max(left.rank(), right.rank());
  std::vector<long> const left_shape = left.shape(), right_shape = right.shape();
  left = with_rank(std::move(left), rank);
  right = with_rank(std::move(right), rank);
  for (int a = 0; a < rank; ++a)
    if (left.axis(a) != right.axis(a) && left.axis(a) != 1 && right.axis(a) != 1)
      node.fail(text(
          "its operands have the shapes ", shape_words(left_shape), " and ", shape_words(right_shape),
          " (the batch counted as 1), which do not fit. The file is damaged, or data.shape is not what the network was exported for."));
  GraphTensor like = left.stored.size() >= right.stored.size() ? left : right;
  like.batch = common_batch(node, left, right);
  if (left.kind == NumberKind::floating) like.kind = left.kind;
  return {laid_out(node.builder(), left, like.order), laid_out(node.builder(), right, like.order), like};
}

GraphTensor with_stored(GraphTensor like, Tensor stored) {
  like.stored = std::move(stored);
  return like;
}

std::vector<NamedOperator> choosing_operators() {
  return {
      {"Where", apply_where},
      {"Trilu", apply_triangle},
      {"Sign", apply_sign},
      {"IsNaN", apply_is_nan},
      {"Max", apply_extreme},
      {"Min", apply_extreme},
      {"Greater", [](NodeContext const& n) -> GraphValues { return {above(n, n.tensor(0), n.tensor(1))}; }},
      {"Less", [](NodeContext const& n) -> GraphValues { return {above(n, n.tensor(1), n.tensor(0))}; }},
      {"GreaterOrEqual", [](NodeContext const& n) -> GraphValues { return {not_of(n, above(n, n.tensor(1), n.tensor(0)))}; }},
      {"LessOrEqual", [](NodeContext const& n) -> GraphValues { return {not_of(n, above(n, n.tensor(0), n.tensor(1)))}; }},
      {"Equal",
       [](NodeContext const& n) -> GraphValues { return {truth(apply(n, add(n, n.tensor(0), n.tensor(1), 1, -1), {Function::zero}))}; }},
      {"Not", [](NodeContext const& n) -> GraphValues { return {not_of(n, n.tensor(0))}; }},
      {"And", [](NodeContext const& n) -> GraphValues { return {multiply(n, n.tensor(0), n.tensor(1))}; }},
      {"Or", [](NodeContext const& n) -> GraphValues { return {not_of(n, multiply(n, not_of(n, n.tensor(0)), not_of(n, n.tensor(1))))}; }},
  };
}

}  // namespace infinitile
