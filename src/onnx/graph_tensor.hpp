#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finite/program_builder.hpp"
#include "onnx/model.hpp"

// Values of the program as the graph sees them. A graph speaks of batches, the program of one sample: so the batch counts as 1 wherever sizes
// are computed, all axes keep the numbers that the graph gives them, and what is kept in mind is where the samples lie.

namespace infinitile {

/// The axis along which samples lie. It may also count other things, such as heads: `outer` of them outside of the samples, the rest inside.
struct BatchPlace {
  int axis = 0;
  long outer = 1;
};

/// A value of the program in the axes of the graph. Transposing moves no numbers: that is done where somebody needs them in order, so that
/// images stay channels last from one convolution to the next.
struct GraphTensor {
  Tensor stored;           ///< its axes as they lie in memory
  std::vector<int> order;  ///< axis a of the graph is axis order[a] of `stored`
  NumberKind kind = NumberKind::floating;
  std::optional<BatchPlace> batch{};  ///< none: the same for all samples, or the graph takes one sample at a time

  std::optional<int> batch_axis() const { return batch ? std::optional(batch->axis) : std::nullopt; }
  int rank() const { return static_cast<int>(order.size()); }
  long axis(int a) const { return stored.axis(order.at(static_cast<std::size_t>(a))); }
  std::vector<long> shape() const;
};

/// Axes in their order.
std::vector<int> in_order(std::size_t rank);
GraphTensor graph_tensor(Tensor stored, GraphTensor const& like);

/// The numbers laid out so that axis a of the graph is axis order[a] of the result. Only axes of size 1 move for nothing.
Tensor laid_out(ProgramBuilder& builder, GraphTensor const& x, std::vector<int> const& order);
/// In the order of the graph.
Tensor plain(ProgramBuilder& builder, GraphTensor const& x);

/// Axis a of the result is axis axes[a] of x.
GraphTensor transposed(GraphTensor x, std::vector<int> const& axes);
/// With axes of size 1 in front, so that there are `rank`.
GraphTensor with_rank(GraphTensor x, int rank);

/// x in another shape; nothing where the samples would not lie along axis `batch_axis` of it. The batch of x is known.
std::optional<GraphTensor> reshaped(ProgramBuilder& builder, GraphTensor const& x, std::vector<long> const& shape,
                                    std::optional<int> batch_axis);

}  // namespace infinitile
