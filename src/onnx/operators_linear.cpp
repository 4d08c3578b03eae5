#include <algorithm>
#include <cmath>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

namespace infinitile {

namespace {

/// Where the samples of a product lie; those of both sides have to meet among the axes before the matrices.
std::optional<BatchPlace> batch_of_product(NodeContext const& node, GraphTensor const& left, GraphTensor const& right) {
  node.expect_apart(left, left.rank() - 1, "sums over");
  node.expect_apart(right, right.rank() - 2, "sums over");
  if (!left.batch || !right.batch) return left.batch ? left.batch : right.batch;
  if (left.batch->axis != right.batch->axis || left.batch->axis >= left.rank() - 2 || left.batch->outer != right.batch->outer)
    node.fail_mixing("multiplies samples with each other");
  return left.batch;
}

/// The axes before the matrices, stretched to each other.
std::vector<long> common_groups(NodeContext const& node, GraphTensor const& left, GraphTensor const& right) {
  std::vector<long> out;
  for (int a = 0; a < left.rank() - 2; ++a) {
    if (left.axis(a) != right.axis(a) && left.axis(a) != 1 && right.axis(a) != 1)
      node.fail(text("it multiplies matrices of the shapes ", shape_words(left.shape()), " and ", shape_words(right.shape()),
                     " (the batch counted as 1), whose first axes do not fit."));
    out.push_back(std::max(left.axis(a), right.axis(a)));
  }
  return out;
}

/// Matrices as they lie, or turned where that moves fewer numbers.
struct RightSide {
  Tensor matrices;
  ProgramBuilder::Right side;
};
RightSide right_side(ProgramBuilder& builder, GraphTensor const& right) {
  std::size_t const rank = right.order.size();
  std::vector<int> order = in_order(rank);
  bool const turned = right.order[rank - 1] < right.order[rank - 2] && right.axis(-1 + static_cast<int>(rank)) > 1
                      && right.axis(static_cast<int>(rank) - 2) > 1;
  if (turned) std::swap(order[rank - 1], order[rank - 2]);
  return {laid_out(builder, right, order), turned ? ProgramBuilder::Right::transposed : ProgramBuilder::Right::plain};
}

/// The matrices one after the other, as many as there are groups; a single one alone.
Tensor in_groups(ProgramBuilder& builder, Tensor const& x, std::vector<long> groups) {
  std::vector<long> const matrix(x.shape.end() - 2, x.shape.end());
  if (x.size() == product_of(matrix)) return x.reshaped(matrix);
  groups.insert(groups.end(), matrix.begin(), matrix.end());
  Tensor const all = builder.stretch(x, groups);
  return all.reshaped({all.size() / product_of(matrix), matrix[0], matrix[1]});
}

GraphTensor turned(GraphTensor const& x, bool turn) {
  if (!turn) return x;
  std::vector<int> axes = in_order(x.order.size());
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return transposed(x, axes);
}

GraphValues apply_matmul(NodeContext const& node) {
  GraphTensor left = node.tensor(0), right = node.tensor(1);
  bool const left_vector = left.rank() == 1, right_vector = right.rank() == 1;
  if (left.rank() == 0 || right.rank() == 0) node.fail("it multiplies a single number. The file is damaged: export it again.");
  if (left_vector) left = with_rank(left, 2);
  if (right_vector) right = turned(with_rank(right, 2), true);
  GraphTensor out = matmul(node, left, right);
  std::vector<int> gone;
  if (left_vector) gone.push_back(out.rank() - 2);
  if (right_vector) gone.push_back(out.rank() - 1);
  return {without_axes(node, out, gone)};
}

GraphValues apply_gemm(NodeContext const& node) {
  GraphTensor const left = node.tensor(0), right = node.tensor(1);
  if (left.rank() != 2 || right.rank() != 2)
    node.fail(
        text("its operands have the shapes ", shape_words(left.shape()), " and ", shape_words(right.shape()), "; matrices are needed."));
  GraphTensor out = matmul(node, turned(left, node.integer("transA", 0) != 0), turned(right, node.integer("transB", 0) != 0));
  double const alpha = node.number("alpha", 1), beta = node.number("beta", 1);
  if (node.has(2)) return {add(node, out, node.tensor(2), alpha, beta)};
  return {alpha == 1 ? out : apply(node, out, {primitive::Pointwise::Function::affine, alpha, 0})};
}

/// (batch, length, heads · width) as (batch, heads, length, width).
GraphTensor heads_of(NodeContext const& node, GraphTensor const& x, long heads) {
  if (x.rank() == 4) return x;
  if (x.rank() != 3 || heads <= 0 || x.axis(2) % heads != 0)
    node.fail(text("an operand of the shape ", shape_words(x.shape()), " cannot be cut into ", heads, " heads."));
  std::vector<long> const shape{x.axis(0), x.axis(1), heads, x.axis(2) / heads};
  return transposed(with_shape(node, x, shape, x.batch_axis()), {0, 2, 1, 3});
}

/// What is added to scores: numbers as they are, of truth values 0 where a position may be seen and far below all scores where not.
GraphTensor mask_of(NodeContext const& node, GraphTensor const& mask) {
  constexpr double far = 1e30;  // exp(−far) is 0, and far − far is 0 for what is seen
  return mask.kind == NumberKind::truth ? apply(node, mask, {primitive::Pointwise::Function::affine, far, -far}) : mask;
}

/// softmax(q kᵀ scale + mask) v. Without a cache of earlier keys and values.
GraphValues apply_attention(NodeContext const& node) {
  if (node.has(4) || node.has(5) || node.number("softcap", 0) != 0)
    node.fail("it keeps earlier keys and values, or caps its scores, which is not supported. Export the network without a cache.");
  bool const flat = node.tensor(0).rank() == 3;
  GraphTensor const q = heads_of(node, node.tensor(0), node.integer("q_num_heads", 0)),
                    k = heads_of(node, node.tensor(1), node.integer("kv_num_heads", 0)),
                    v = heads_of(node, node.tensor(2), node.integer("kv_num_heads", 0));
  if (q.axis(1) != k.axis(1))
    node.fail("its queries have other heads than its keys, which is not supported. Export it with opset_version=20.");
  double const scale = node.number("scale", 1 / std::sqrt(static_cast<double>(q.axis(3))));
  GraphTensor scores = apply(node, matmul(node, q, turned(k, true)), {primitive::Pointwise::Function::affine, scale, 0});
  long const rows = scores.axis(2), cols = scores.axis(3);
  if (node.integer("is_causal", 0) != 0) {
    std::vector<double> seen(at(rows * cols));
    for (long i = 0; i < rows; ++i)
      for (long j = 0; j < cols; ++j) seen[at(i * cols + j)] = j <= i ? 1 : 0;
    scores = add(node, scores, mask_of(node, {node.builder().constant(seen, {rows, cols}), in_order(2), NumberKind::truth}));
  }
  if (node.has(3)) scores = add(node, scores, mask_of(node, node.tensor(3)));
  GraphTensor const y = matmul(node, softmax(node, scores, 3), v);
  if (!flat) return {y};
  GraphTensor const sorted = transposed(y, {0, 2, 1, 3});
  std::vector<long> const shape{y.axis(0), y.axis(2), y.axis(1) * y.axis(3)};
  return {with_shape(node, sorted, shape, sorted.batch_axis())};
}

}  // namespace

GraphTensor matmul(NodeContext const& node, GraphTensor const& left_side, GraphTensor const& right_side_of) {
  int const rank = std::max(left_side.rank(), right_side_of.rank());
  GraphTensor const left = with_rank(left_side, rank), right = with_rank(right_side_of, rank);
  if (left.axis(rank - 1) != right.axis(rank - 2))
    node.fail(text("it multiplies ", shape_words(left_side.shape()), " and ", shape_words(right_side_of.shape()),
                   " (the batch counted as 1), whose sizes ", left.axis(rank - 1), " and ", right.axis(rank - 2),
                   " do not fit. The file is damaged, or data.shape is not what the network was exported for."));
  std::optional<BatchPlace> const batch = batch_of_product(node, left, right);
  std::vector<long> const groups = common_groups(node, left, right);
  ProgramBuilder& builder = node.builder();
  auto const [matrices, side] = right_side(builder, right);
  Tensor const ours = plain(builder, left);
  std::vector<long> shape = groups;
  shape.insert(shape.end(), {left.axis(rank - 2), right.axis(rank - 1)});
  bool const single = matrices.size() == left.axis(rank - 1) * right.axis(rank - 1);  // one matrix for all rows of the left side
  Tensor const rows = single ? ours.reshaped({ours.size() / left.axis(rank - 1), left.axis(rank - 1)}) : in_groups(builder, ours, groups);
  Tensor const out = builder.product(rows, in_groups(builder, matrices, groups), 1, side);
  GraphTensor result = graph_tensor(out.reshaped(shape), left);
  result.batch = batch;
  return result;
}

std::vector<NamedOperator> linear_operators() {
  return {{"Gemm", apply_gemm}, {"MatMul", apply_matmul}, {"Attention", apply_attention}};
}

}  // namespace infinitile
