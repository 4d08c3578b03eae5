#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "net/network.hpp"
#include "net/positions.hpp"

namespace infinitile {

/// Widths, and the numbers of one sample, stay below this, so that products of two of them are exact.
inline constexpr long largest_size = std::numeric_limits<int>::max();

/// "(4, 6, 3)" and "layer 2 (dense)", how messages name shapes and nodes; "(4, 6, ?)" where the width is not known.
std::string in_words(std::vector<long> const& shape);
std::string shape_in_words(Node const& node);
std::string in_words(Node const& node);

/// What each operation asks of its inputs and makes of them: one overload per operation, `node` being the one to complete. Those of
/// ops_spatial.hpp are in rules_spatial.cpp and rules_attention.cpp.
class Rules {
public:
  Rules(Node& node, std::vector<Node const*> const& inputs, std::string const& source) : node_(node), inputs_(inputs), source_(source) {}

  void operator()(Input& op) const;
  void operator()(Dense& op) const;
  void operator()(Flatten& op) const;
  void operator()(Identity& op) const;
  void operator()(LayerNorm& op) const;
  void operator()(Dropout& op) const;
  void operator()(Activation& op) const;
  void operator()(Sum& op) const;
  void operator()(Product& op) const;
  void operator()(Concat& op) const;
  void operator()(Conv& op) const;
  void operator()(ConvTranspose& op) const;
  void operator()(ConvLocal& op) const;
  void operator()(AvgPool& op) const;
  void operator()(SumPool& op) const;
  void operator()(GlobalAvgPool& op) const;
  void operator()(GlobalSumPool& op) const;
  void operator()(GlobalSelfAttention& op) const;
  void operator()(Aggregate& op) const;
  void operator()(ImageResize& op) const;
  void operator()(Index& op) const;
  void operator()(DotGeneral& op) const;

  /// Refuses an operation that needs batch first and channels last where a dot_general has moved them.
  void expect_usual_axes() const;

private:
  [[noreturn]] void fail(std::string_view message) const;

  /// Axes of the input, the batch counted.
  int axes() const { return static_cast<int>(inputs_[0]->shape.size()) + 1; }
  int batch_axis() const { return -axes(); }
  /// -1 for the channels, -2 for the axis before them and so on.
  int count_from_channels(int axis) const;

  void take(Node const& before) const;
  Node const& take_only_input() const;
  /// At infinite width; finite networks take any input.
  void expect_gaussian(Node const& before, std::string_view who) const;
  void expect_gaussian_branches(std::string_view who) const;
  /// "branch 1 ends with layer 3/1/0 (relu)", or what stands before the branches where it has no layer of its own.
  std::string branch_in_words(std::size_t branch, std::string_view result) const;

  /// The node gets the width of a layer with weights, after the checks that they all share; `key` is the name of `width`.
  void set_width(std::string_view key, std::optional<long> width, Parameterization parameterization, std::array<long, 2> s) const;
  /// Batch first, then these, channels last.
  void set_shape(std::vector<long> shape) const;

  /// Takes shape and width from the branches, whose sizes agree on all axes but `joined`. A width that is not known fits a known one.
  void take_equal_inputs(std::size_t joined = std::numeric_limits<std::size_t>::max()) const;
  void expect_equal_shapes(std::size_t one, std::size_t other, std::size_t joined) const;
  void join_channels() const;
  void join_positions(std::size_t axis) const;

  using FindAxes = std::vector<WindowAxis>(std::span<long const>, std::vector<long> const&, std::vector<long> const&, Padding);
  /// The spatial sizes after a window has slid over them; brings the strides to their one form.
  std::vector<long> slide(FindAxes find_axes, std::string_view key, std::vector<long> const& window, std::vector<long>& strides,
                          Padding padding) const;
  void convolve(Convolution& op, FindAxes find_axes) const;
  void pool(std::vector<long> const& window, std::vector<long>& strides, Padding padding) const;
  void pool_globally() const;
  void complete_embedding(GlobalSelfAttention& op, Node const& before) const;
  void complete_decay(GlobalSelfAttention& op, Node const& before) const;
  std::vector<IndexAxis> find_index(Index const& op, Node const& before) const;
  ProductLayout find_product(DotGeneral const& op, Node const& before) const;

  Node& node_;
  std::vector<Node const*> const& inputs_;
  std::string const& source_;
};

}  // namespace infinitile
