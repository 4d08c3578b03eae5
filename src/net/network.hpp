#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/ops.hpp"

namespace infinitile {

/// One operation in a network, with what is known of its result.
struct Node {
  Op op;
  std::vector<int> inputs;  ///< earlier nodes
  std::vector<long> shape;  ///< of one sample: the spatial sizes in written order, then the channels, wherever those are; no batch
  /// Where batch and channels are among the axes as written, batch counted: 0 and shape.size(), unless a dot_general has moved them.
  int batch_axis = 0;
  int channel_axis = 1;
  bool width_known = true;    ///< false where out_dim, out_chan was left out upstream; such a width counts as 1
  bool gaussian = false;      ///< are the channels independent Gaussians, given the input, at infinite width?
  std::string only_finite;    ///< why the layer has no infinite width: an input that is not Gaussian; empty where it has one
  long width_multiplier = 1;  ///< s[1] of the layer that set the width, in standard parameterization
  std::string path;  ///< "2", "3/1/0" (layer 3, branch 1, layer 0), "4/2/1" (copy 2, layer 1 of a repeat at 4); "input" or "input 1"
  int line = 0;      ///< where it was written, from 1; 0 where that is not known

  long channels() const { return shape.back(); }
  /// Of the spatial axes.
  std::span<long const> sizes() const { return {shape.data(), shape.size() - 1}; }
  /// How many positions (pixels, tokens) a sample has; 1 without spatial axes.
  long positions() const;
  bool has_moved_axes() const { return batch_axis != 0 || channel_axis != static_cast<int>(shape.size()); }
};

/// A network as a graph: the nodes in topological order, the inputs first. Complete and consistent: only a NetworkBuilder makes one.
class Network {
public:
  std::vector<Node> const& nodes() const& { return nodes_; }
  std::vector<Node> const& nodes() const&& = delete;  // a loop over them would outlive a network without a name
  Node const& node(int i) const { return nodes_.at(static_cast<std::size_t>(i)); }
  int size() const { return static_cast<int>(nodes_.size()); }
  int inputs() const { return inputs_; }  ///< nodes 0 to inputs() - 1
  int output() const { return output_; }
  int outputs() const { return outputs_; }  ///< that it ends with, of which output() is one
  /// Does the output depend on the node? With several outputs only the layers of the one in hand are computed.
  bool is_needed(int i) const { return needed_.at(static_cast<std::size_t>(i)); }
  /// The file it was read from, for messages.
  std::string const& source() const { return source_; }
  /// "net.yaml:7: layer 3/1/0 (dense)", how every message about a node begins.
  std::string where(Node const& node) const;

  /// A fingerprint of the mathematics that the output depends on: operations, parameters, input shapes, connections. Spelling, lines and layers that do nothing leave
  /// it alone.
  std::uint64_t hash() const;

private:
  friend class NetworkBuilder;
  Network() = default;
  std::vector<Node> nodes_;
  int inputs_ = 0;
  int output_ = 0;
  int outputs_ = 1;
  std::vector<bool> needed_;
  std::string source_;
};

/// Builds a Network node by node and checks each as it comes: an Error names file, line, layer, what was found and what is needed.
class NetworkBuilder {
public:
  /// A network that is larger is a mistake, such as a repeat with too many zeros.
  static constexpr int largest = 100'000;

  NetworkBuilder(std::string source, std::vector<std::vector<long>> const& input_shapes);

  int inputs() const { return network_.inputs_; }
  Node const& node(int i) const { return network_.node(i); }
  int size() const { return network_.size(); }
  /// The number of the new node. `inputs` are numbers of earlier ones.
  int add(Op op, std::vector<int> inputs, std::string path, int line);
  /// The network whose result is that node, one of so many.
  Network finish(int output, int outputs = 1) &&;

private:
  Network network_;
};

/// Throws Error for the first layer that the output needs and that has no infinite width.
void expect_infinite_width(Network const& network);

/// Trainable numbers of a node in the finite network; nothing where a width is not known.
std::optional<long> parameter_count(Network const& network, Node const& node);

/// A node whose output reaches two inputs of this sum or product with no fresh weights on one of the ways, so that they are not
/// independent; sums and products at infinite width take them to be. Nothing where all is well.
std::optional<int> shared_by_branches(Network const& network, int node);

}  // namespace infinitile
