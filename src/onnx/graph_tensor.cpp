#include "onnx/graph_tensor.hpp"

#include <numeric>

#include "base/error.hpp"
#include "base/index.hpp"
#include "net/shapes.hpp"

namespace infinitile {

std::vector<long> GraphTensor::shape() const {
  std::vector<long> out;
  for (int a = 0; a < rank(); ++a) out.push_back(axis(a));
  return out;
}

std::vector<int> in_order(std::size_t rank) {
  std::vector<int> out(rank);
  std::iota(out.begin(), out.end(), 0);
  return out;
}

GraphTensor graph_tensor(Tensor stored, GraphTensor const& like) {
  std::size_t const rank = stored.shape.size();
  return {std::move(stored), in_order(rank), like.kind, like.batch};
}

Tensor laid_out(ProgramBuilder& builder, GraphTensor const& x, std::vector<int> const& order) {
  std::vector<int> from(order.size());  // axis i of the result is axis from[i] of what is stored
  for (std::size_t a = 0; a < order.size(); ++a) from[at(order[a])] = x.order[a];
  std::vector<long> shape;
  int last = -1;
  bool moved = false;
  for (int const axis : from) {
    shape.push_back(x.stored.axis(axis));
    if (shape.back() == 1) continue;
    moved = moved || axis < last;
    last = axis;
  }
  return moved ? builder.permute(x.stored, from) : x.stored.reshaped(std::move(shape));
}

Tensor plain(ProgramBuilder& builder, GraphTensor const& x) {
  return laid_out(builder, x, in_order(x.order.size()));
}

GraphTensor transposed(GraphTensor x, std::vector<int> const& axes) {
  GraphTensor const from = x;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    x.order[a] = from.order[at(axes[a])];
    if (from.batch && axes[a] == from.batch->axis) x.batch->axis = static_cast<int>(a);
  }
  return x;
}

GraphTensor with_rank(GraphTensor x, int rank) {
  int const more = rank - x.rank();
  if (more <= 0) return x;
  x.stored.shape.insert(x.stored.shape.begin(), at(more), 1);
  for (int& axis : x.order) axis += more;
  std::vector<int> const front = in_order(at(more));
  x.order.insert(x.order.begin(), front.begin(), front.end());
  if (x.batch) x.batch->axis += more;
  return x;
}

std::optional<GraphTensor> reshaped(ProgramBuilder& builder, GraphTensor const& x, std::vector<long> const& shape,
                                    std::optional<int> batch_axis) {
  GraphTensor out = graph_tensor(plain(builder, x).reshaped(shape), x);
  if (!x.batch) return out;
  if (!batch_axis) return std::nullopt;
  std::vector<long> const before = x.shape();
  // Numbers of a sample outside of the samples: what is inside follows.
  long const outside = product_of(std::span(before).first(at(x.batch->axis))) * x.batch->outer;
  long const outer_axes = product_of(std::span(shape).first(at(*batch_axis)));
  if (outside % outer_axes != 0 || shape[at(*batch_axis)] % (outside / outer_axes) != 0) return std::nullopt;
  out.batch = BatchPlace{*batch_axis, outside / outer_axes};
  return out;
}

}  // namespace infinitile
