#pragma once

#include <string>
#include <vector>

#include "kernels/graphs.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The graphs of a data set as its file has them, one per row.
struct GraphPattern {
  std::string key;   ///< "data.train.pattern": what to change
  std::string name;  ///< "train/pattern of graphs.h5"
  std::vector<long> shape;
  bool integral = false;
  std::vector<double> const& values;  ///< row-major
};

/// Layers that read the graphs in one way share one set of them.
struct GraphReaders {
  std::vector<int> nodes;  ///< per set: the first aggregate layer that reads it
  std::vector<int> of;     ///< per node: its set; -1 where it has none, or is not needed
};
GraphReaders find_graph_readers(Network const& network);

/// The sets of graphs that a network reads, rows of all patterns one after the other (train, then test). Dense patterns are (rows, sizes...,
/// sizes...) numbers, the entry [sender, receiver] being the weight of that edge, with the sizes of the axes aggregated over; sparse ones (rows,
/// edges, axes, 2) integers, sender and receiver on each axis (with one axis (rows, edges, 2) too): an edge with a negative number is
/// padding, and one that stands there twice weighs 2. Throws Error, naming the layer, for any other shape and for numbers that are too large.
std::vector<Graphs> read_graphs(Network const& network, std::vector<GraphPattern> const& patterns);

/// The graphs that an aggregate layer reads as matrices of its vertices: [rows][receivers][senders], vertices in row-major order.
std::vector<double> dense_matrices(Network const& network, int node, Graphs const& graphs);

}  // namespace infinitile
