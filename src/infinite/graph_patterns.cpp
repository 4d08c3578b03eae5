#include "infinite/graph_patterns.hpp"

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

std::string shape_text(std::vector<long> const& shape) {
  std::vector<std::string> words;
  for (long const size : shape) words.push_back(text(size));
  return text("(", join(words, ", ", ", "), ")");
}

/// Where the vertices of a graph lie among the positions of a layer: those on the axes aggregated over, once for each place on the others.
struct Vertices {
  std::vector<long> sizes;    ///< of the axes aggregated over
  std::vector<long> strides;  ///< of these axes, in positions
  std::vector<long> others;   ///< the first position of each copy of the graph
  long positions = 1;

  Vertices(Aggregate const& op, std::span<long const> all) {
    others = {0};
    for (std::size_t a = all.size(); a-- > 0;) {
      long const axis = static_cast<long>(a) - static_cast<long>(all.size()) - 1;
      if (op.aggregate_axis.empty() || std::ranges::find(op.aggregate_axis, axis) != op.aggregate_axis.end()) {
        sizes.insert(sizes.begin(), all[a]);
        strides.insert(strides.begin(), positions);
      } else {
        std::vector<long> more;
        for (long const other : others)
          for (long i = 0; i < all[a]; ++i) more.push_back(other + i * positions);
        others = std::move(more);
      }
      positions *= all[a];
    }
  }

  long count() const { return positions / static_cast<long>(others.size()); }
  /// The position of a vertex, by its row-major number.
  long place(long vertex) const {
    long out = 0;
    for (std::size_t a = sizes.size(); a-- > 0; vertex /= sizes[a]) out += vertex % sizes[a] * strides[a];
    return out;
  }
};

/// One row's edges in the one form.
class EdgeList {
public:
  void add(long sender, long receiver, double weight, std::vector<long> const& copies) {
    for (long const copy : copies) edges_.push_back({receiver + copy, sender + copy, weight});
  }
  void append_to(Graphs& graphs) && {
    std::ranges::sort(edges_, {}, [](Edge const& e) { return std::tuple(e.receiver, e.sender); });
    auto edge = edges_.begin();
    for (long r = 0; r < graphs.positions; ++r) {
      while (edge != edges_.end() && edge->receiver == r) {
        long const sender = edge->sender;
        double weight = 0;
        for (; edge != edges_.end() && edge->receiver == r && edge->sender == sender; ++edge) weight += edge->weight;
        if (weight == 0) continue;
        graphs.sender.push_back(static_cast<int>(sender));
        graphs.weight.push_back(weight);
      }
      graphs.first.push_back(static_cast<long>(graphs.sender.size()));
    }
  }

private:
  struct Edge {
    long receiver, sender;
    double weight;
  };
  std::vector<Edge> edges_;
};

/// Reads one set: one layer's view of the patterns.
class GraphReader {
public:
  GraphReader(Network const& network, int node)
      : where_(network.where(network.node(node))),
        op_(std::get<Aggregate>(network.node(node).op)),
        sizes_(network.node(node).sizes()),
        vertices_(op_, sizes_) {
    graphs_.positions = static_cast<int>(vertices_.positions);
  }

  void read(GraphPattern const& pattern) {
    bool const dense = op_.implementation == Aggregation::dense;
    check_shape(pattern, dense ? dense_shapes(pattern) : sparse_shapes(pattern));
    if (!dense && !pattern.integral)
      fail(pattern,
           "holds floats, but with implementation SPARSE a pattern is a list of edges: integers are needed. For a matrix set "
           "implementation: DENSE.");
    for (long row = 0; row < pattern.shape[0]; ++row) {
      EdgeList edges;
      if (dense) {
        read_matrix(pattern, row, edges);
      } else {
        read_edges(pattern, row, edges);
      }
      std::move(edges).append_to(graphs_);
    }
  }

  Graphs take() && { return std::move(graphs_); }

private:
  [[noreturn]] void fail(GraphPattern const& pattern, std::string const& words) const {
    throw Error(text(where_, ": ", pattern.key, ", ", pattern.name, ", ", words));
  }

  std::vector<std::vector<long>> dense_shapes(GraphPattern const& pattern) const {
    std::vector<long> shape{pattern.shape[0]};
    for (int copy = 0; copy < 2; ++copy) shape.insert(shape.end(), vertices_.sizes.begin(), vertices_.sizes.end());
    return {shape};
  }
  std::vector<std::vector<long>> sparse_shapes(GraphPattern const& pattern) const {
    long const edges = pattern.shape.size() > 1 ? pattern.shape[1] : 1, axes = static_cast<long>(vertices_.sizes.size());
    std::vector<std::vector<long>> shapes{{pattern.shape[0], edges, axes, 2}};
    if (axes == 1) shapes.push_back({pattern.shape[0], edges, 2});
    return shapes;
  }

  void check_shape(GraphPattern const& pattern, std::vector<std::vector<long>> const& wanted) const {
    if (std::ranges::find(wanted, pattern.shape) != wanted.end()) return;
    bool const dense = op_.implementation == Aggregation::dense;
    fail(pattern, text("has shape ", shape_text(pattern.shape), "; for vertices of shape ", shape_text(vertices_.sizes), ", those of the",
                       " layer's input, ", shape_text(wanted[0]), " is needed: ",
                       dense ? "a square matrix per input, [sender, receiver]. For lists of edges set implementation: SPARSE."
                             : "per edge and axis a sender and a receiver. For matrices set implementation: DENSE."));
  }

  void read_matrix(GraphPattern const& pattern, long row, EdgeList& edges) const {
    long const count = vertices_.count();
    for (long sender = 0; sender < count; ++sender)
      for (long receiver = 0; receiver < count; ++receiver)
        if (double const weight = pattern.values[at((row * count + sender) * count + receiver)]; weight != 0)
          edges.add(vertices_.place(sender), vertices_.place(receiver), weight, vertices_.others);
  }

  void read_edges(GraphPattern const& pattern, long row, EdgeList& edges) const {
    std::size_t const axes = vertices_.sizes.size();
    for (long edge = 0; edge < pattern.shape[1]; ++edge) {
      double const* const ends = pattern.values.data() + (row * pattern.shape[1] + edge) * static_cast<long>(2 * axes);
      if (std::any_of(ends, ends + 2 * axes, [](double end) { return end < 0; })) continue;
      long place[2] = {0, 0};
      for (std::size_t a = 0; a < axes; ++a)
        for (std::size_t side = 0; side < 2; ++side) {
          double const end = ends[2 * a + side];
          if (end >= static_cast<double>(vertices_.sizes[a]))
            fail(pattern,
                 text("has the ", side == 0 ? "sender " : "receiver ", end, " at row ", row, ", edge ", edge,
                      " (counted from 0); there are vertices 0 to ", vertices_.sizes[a] - 1, ", and a negative number is padding."));
          place[side] += static_cast<long>(end) * vertices_.strides[a];
        }
      edges.add(place[0], place[1], 1, vertices_.others);
    }
  }

  std::string where_;
  Aggregate const& op_;
  std::span<long const> sizes_;
  Vertices vertices_;
  Graphs graphs_;
};

}  // namespace

GraphReaders find_graph_readers(Network const& network) {
  GraphReaders out;
  out.of.resize(at(network.size()), -1);
  for (int n = 0; n < network.size(); ++n) {
    Aggregate const* const op = std::get_if<Aggregate>(&network.node(n).op);
    if (op == nullptr || !network.is_needed(n)) continue;
    auto const reads_the_same = [&](int other) {
      Aggregate const& theirs = std::get<Aggregate>(network.node(other).op);
      return theirs.aggregate_axis == op->aggregate_axis && theirs.implementation == op->implementation
             && std::ranges::equal(network.node(other).sizes(), network.node(n).sizes());
    };
    auto const found = std::ranges::find_if(out.nodes, reads_the_same);
    out.of[at(n)] = static_cast<int>(found - out.nodes.begin());
    if (found == out.nodes.end()) out.nodes.push_back(n);
  }
  return out;
}

std::vector<Graphs> read_graphs(Network const& network, std::vector<GraphPattern> const& patterns) {
  std::vector<Graphs> out;
  for (int const node : find_graph_readers(network).nodes) {
    GraphReader reader(network, node);
    for (GraphPattern const& pattern : patterns) reader.read(pattern);
    out.push_back(std::move(reader).take());
  }
  return out;
}

std::vector<double> dense_matrices(Network const& network, int node, Graphs const& graphs) {
  Vertices const vertices(std::get<Aggregate>(network.node(node).op), network.node(node).sizes());
  long const count = vertices.count();
  std::vector<long> number(at(vertices.positions), -1);  // of the vertices of the first copy
  for (long v = 0; v < count; ++v) number[at(vertices.place(v))] = v;
  std::vector<double> out(at(graphs.rows() * count * count), 0);
  for (long row = 0; row < graphs.rows(); ++row)
    for (long receiver = 0; receiver < count; ++receiver) {
      long const list = row * graphs.positions + vertices.place(receiver);
      for (long edge = graphs.first[at(list)]; edge < graphs.first[at(list + 1)]; ++edge)
        out[at((row * count + receiver) * count + number[at(graphs.sender[at(edge)])])] = graphs.weight[at(edge)];
    }
  return out;
}

}  // namespace infinitile
