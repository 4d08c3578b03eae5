#include "finite/compile.hpp"

#include <cmath>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/position_matrices.hpp"
#include "finite/write_attention.hpp"
#include "net/positions.hpp"

namespace infinitile {

namespace {

/// Throws Error without a place where there is none.
AnyActivation function_of(Activation const& op) {
  Affine const& a = op.affine;
  AnyActivation const f = make_activation(op.name, op.parameters, {a.input_scale, a.input_shift, a.output_scale, a.output_shift});
  static_cast<void>(activation_value(f, 1));
  return f;
}

bool is_function(Op const& op) {
  Activation const* const activation = std::get_if<Activation>(&op);
  try {
    if (activation != nullptr) static_cast<void>(function_of(*activation));
    return true;
  } catch (Error const&) {
    return false;
  }
}

bool draws(Dropout const& op) {
  return op.mode == Mode::train && op.rate < 1;
}

/// Walks the graph once, in order: one overload per operation, and an operation without one does not compile.
class Compiler {
public:
  Compiler(Network const& network, MaskedNodes const& masks, Init init)
      : network_(network), masks_(masks), init_(init), values_(at(network.size())) {}

  FiniteProgram compile() && {
    for (int n = 0; n < network_.inputs(); ++n) values_[at(n)] = builder_.input(network_.node(n).shape);
    for (long const positions : masks_.positions) there_.push_back(builder_.input({positions}));
    for (int n = network_.inputs(); n < network_.size(); ++n) {
      if (!network_.is_needed(n)) continue;
      Node const& node = network_.node(n);
      Tensor const y = std::visit([&](auto const& op) { return apply(op, node); }, node.op);
      values_[at(n)] = !masks_.none() && masks_.concealed[at(n)] ? conceal(builder_, y, there_[at(masks_.of[at(n)])]) : y;
    }
    return std::move(builder_).finish(values_[at(network_.output())]);
  }

private:
  Tensor const& operand(Node const& node, std::size_t i = 0) const { return values_[at(node.inputs[i])]; }
  Node const& before(Node const& node) const { return network_.node(node.inputs[0]); }
  static Tensor flat(Tensor const& x) { return x.reshaped({x.size() / x.axis(-1), x.axis(-1)}); }

  /// Which positions of a node's input are there; nothing without masks.
  Tensor const* there(Node const& node) const { return masks_.none() ? nullptr : &there_[at(masks_.of[at(node.inputs[0])])]; }

  /// The parameters of a node, as they are named.
  std::vector<Tensor> parameters(Node const& node) {
    std::vector<Tensor> out;
    for (ParameterSpec& spec : parameters_of(network_, node, init_)) out.push_back(builder_.parameter(std::move(spec)));
    return out;
  }

  Tensor apply(Input const&, Node const&) {
    INFINITILE_EXPECT(!"inputs come first");
    return {};
  }

  // --- weights -------------------------------------------------------------------------------------------------------------

  /// What multiplies x w: in standard parameterization the values have the rest.
  template <class Op>
  static double weight_scale(Op const& op, double fan_in) {
    return op.parameterization == Parameterization::ntk ? op.w_std / std::sqrt(fan_in) : 1 / std::sqrt(static_cast<double>(op.s[0]));
  }

  /// y + b, where the layer has a bias.
  template <class Op>
  Tensor add_bias(Op const& op, Tensor const& y, std::vector<Tensor> const& weights) {
    if (!op.b_std) return y;
    return builder_.add(y, weights[1], 1, op.parameterization == Parameterization::ntk ? *op.b_std : 1);
  }

  Tensor apply(Dense const& op, Node const& node) {
    std::vector<Tensor> const weights = parameters(node);
    Tensor const& x = operand(node);
    return add_bias(op, builder_.dense(x, weights[0], weight_scale(op, static_cast<double>(x.axis(-1)))), weights);
  }

  Tensor apply(Conv const& op, Node const& node) {
    return convolve(op, node, window_picks(window_axes(before(node).sizes(), op.filter_shape, op.strides, op.padding)));
  }
  Tensor apply(ConvTranspose const& op, Node const& node) {
    return convolve(op, node, transposed_picks(transposed_axes(before(node).sizes(), op.filter_shape, op.strides, op.padding)));
  }
  Tensor convolve(Convolution const& op, Node const& node, WindowPicks picks) {
    std::vector<Tensor> const weights = parameters(node);
    Tensor const x = flat(operand(node));
    Tensor const w = weights[0].reshaped({picks.taps, x.axis(1), node.channels()});
    double const scale = weight_scale(op, static_cast<double>(picks.taps * x.axis(1)));
    return add_bias(op, builder_.convolve(x, w, std::move(picks), scale).reshaped(node.shape), weights);
  }
  Tensor apply(ConvLocal const& op, Node const& node) {
    std::vector<Tensor> const weights = parameters(node);
    Tensor const x =
        builder_.windows(flat(operand(node)), window_picks(window_axes(before(node).sizes(), op.filter_shape, op.strides, op.padding)));
    Tensor const w = weights[0].reshaped({x.axis(0), x.axis(1), node.channels()});
    Tensor const y = builder_.product(x.reshaped({x.axis(0), 1, x.axis(1)}), w, weight_scale(op, static_cast<double>(x.axis(1))));
    return add_bias(op, y.reshaped(node.shape), weights);
  }

  Tensor apply(GlobalSelfAttention const& op, Node const& node) {
    std::vector<Tensor> weights = parameters(node);
    if (op.pos_emb_decay_fn) weights.back() = builder_.mix(flat(weights.back()), 0, embedding_matrix(op, before(node).sizes()));
    return write_attention(builder_, op, flat(operand(node)), weights, there(node)).reshaped(node.shape);
  }

  // --- positions -----------------------------------------------------------------------------------------------------------

  template <class Op>
  Tensor pool(Op const& op, Node const& node, Pool kind) {
    Tensor x = operand(node);
    std::vector<WindowAxis> const axes = window_axes(before(node).sizes(), op.window_shape, op.strides, op.padding);
    for (int a = 0; a < static_cast<int>(axes.size()); ++a) x = builder_.mix(x, a, pool_matrix(axes[at(a)], kind));
    return x;
  }
  Tensor apply(AvgPool const& op, Node const& node) { return pool(op, node, op.normalize_edges ? Pool::average_inside : Pool::average); }
  Tensor apply(SumPool const& op, Node const& node) { return pool(op, node, Pool::sum); }

  Tensor pool_all(Node const& node, Pool kind) {
    Tensor const x = flat(operand(node));
    return builder_.mix(x, 0, pool_matrix({x.axis(0), x.axis(0), 1, 0, 1}, kind)).reshaped({x.axis(1)});
  }
  Tensor apply(GlobalAvgPool const&, Node const& node) {
    if (Tensor const* const mask = there(node)) return mean_of_there(builder_, flat(operand(node)), *mask);
    return pool_all(node, Pool::average);
  }
  Tensor apply(GlobalSumPool const&, Node const& node) { return pool_all(node, Pool::sum); }

  Tensor apply(ImageResize const& op, Node const& node) {
    Tensor x = operand(node);
    for (int a = 0; a + 1 < static_cast<int>(node.shape.size()); ++a)
      if (x.axis(a) != node.shape[at(a)]) x = builder_.mix(x, a, resize_matrix(x.axis(a), node.shape[at(a)], op));
    return x;
  }
  Tensor apply(Index const& op, Node const& node) {
    Tensor x = operand(node);
    std::vector<IndexAxis> const axes = index_axes(op, before(node).sizes());
    for (int a = 0; a < static_cast<int>(axes.size()); ++a) {
      std::vector<int> entries;
      for (long i = 0; i < axes[at(a)].count; ++i) entries.push_back(static_cast<int>(axes[at(a)].start + i * axes[at(a)].step));
      std::vector<int> all(at(x.axis(a)));
      std::iota(all.begin(), all.end(), 0);
      if (entries != all) x = builder_.take(x, a, entries);
    }
    return x.reshaped(node.shape);
  }
  Tensor apply(DotGeneral const& op, Node const& node) {
    if (!op.lhs && !op.rhs) return operand(node);
    return builder_.mix(flat(operand(node)), 0, product_matrix(op, before(node))).reshaped(node.shape);
  }

  /// y = A x along the vertices, which come first for the product.
  Tensor apply(Aggregate const& op, Node const& node) {
    Tensor const& x = operand(node);
    int const axes = static_cast<int>(x.shape.size());
    std::vector<int> order;  // positions that are no vertices, then vertices, then channels
    auto const is_vertex = [&](int a) {
      return op.aggregate_axis.empty() || std::ranges::find(op.aggregate_axis, a - axes) != op.aggregate_axis.end();
    };
    for (int a = 0; a + 1 < axes; ++a)
      if (!is_vertex(a)) order.push_back(a);
    long vertices = 1;
    for (int a = 0; a + 1 < axes; ++a)
      if (is_vertex(a)) {
        order.push_back(a);
        vertices *= x.axis(a);
      }
    order.push_back(axes - 1);
    Tensor const moved = builder_.permute(x, order);
    Tensor const graph = builder_.input({vertices, vertices});
    Tensor const y = builder_.product(graph, moved.reshaped({x.size() / vertices / x.axis(-1), vertices, x.axis(-1)}));
    std::vector<int> back(order.size());
    for (int a = 0; a < axes; ++a) back[at(order[at(a)])] = a;
    return builder_.permute(y.reshaped(moved.shape), back);
  }

  /// The channels go to where they are written among the positions, then all axes become one.
  Tensor apply(Flatten const&, Node const& node) {
    Tensor const& x = operand(node);
    Node const& input = before(node);
    std::vector<int> order;
    int position = 0;
    for (int a = 0; a <= static_cast<int>(input.shape.size()); ++a) {
      if (a == input.batch_axis) continue;
      order.push_back(a == input.channel_axis ? static_cast<int>(input.shape.size()) - 1 : position++);
    }
    return builder_.permute(x, order).reshaped({x.size()});
  }

  // --- entries -------------------------------------------------------------------------------------------------------------

  Tensor apply(Activation const& op, Node const& node) {
    try {
      return builder_.activate(operand(node), function_of(op));
    } catch (Error const& error) {
      throw Error(text(network_.where(node), ": ", error.what()));
    }
  }

  /// The axes that are normalized go last.
  Tensor apply(LayerNorm const& op, Node const& node) {
    Tensor const& x = operand(node);
    int const axes = static_cast<int>(x.shape.size());
    auto const is_normalized = [&](int a) { return std::ranges::find(op.axis, a - axes) != op.axis.end(); };
    std::vector<int> order(at(axes)), back(order.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_partition(order, [&](int a) { return !is_normalized(a); });
    for (int a = 0; a < axes; ++a) back[at(order[at(a)])] = a;
    Tensor const moved = builder_.permute(x, order);
    long width = 1;
    for (int a = 0; a < axes; ++a) width *= is_normalized(a) ? x.axis(a) : 1;
    bool const masked_alone_is_fine = width == x.axis(-1) && op.eps > 0;  // 0 stays 0
    if (Tensor const* const mask = masked_alone_is_fine ? nullptr : there(node)) {
      std::vector<long> spatial(x.shape.begin(), x.shape.end() - 1);
      spatial.push_back(1);
      Tensor const here = builder_.permute(mask->reshaped(spatial), order);
      Tensor const grouped = moved.reshaped({x.size() / width, width / x.axis(-1), x.axis(-1)});
      return builder_.permute(normalize_there(builder_, grouped, here, op.eps).reshaped(moved.shape), back);
    }
    Tensor const y = builder_.normalize(moved.reshaped({x.size() / width, width}), op.eps);
    return builder_.permute(y.reshaped(moved.shape), back);
  }

  Tensor apply(Dropout const& op, Node const& node) {
    if (draws(op))
      throw Error(
          text(network_.where(node),
               ": dropout in mode train draws units anew for every use; a finite network is a fixed function here. Set mode: test."));
    return operand(node);
  }
  Tensor apply(Identity const&, Node const& node) { return operand(node); }

  // --- branches ------------------------------------------------------------------------------------------------------------

  template <class Merge>
  Tensor fold(Node const& node, Merge const& merge) {
    Tensor out = operand(node);
    for (std::size_t i = 1; i < node.inputs.size(); ++i) out = merge(out, operand(node, i));
    return out;
  }
  Tensor apply(Sum const&, Node const& node) {
    return fold(node, [&](Tensor const& a, Tensor const& b) { return builder_.add(a, b); });
  }
  Tensor apply(Product const&, Node const& node) {
    return fold(node, [&](Tensor const& a, Tensor const& b) { return builder_.multiply(a, b); });
  }
  Tensor apply(Concat const& op, Node const& node) {
    std::vector<Tensor> parts;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) parts.push_back(operand(node, i));
    return builder_.join(parts, op.axis);
  }

  Network const& network_;
  MaskedNodes const& masks_;
  Init init_;
  ProgramBuilder builder_;
  std::vector<Tensor> values_, there_;
};

}  // namespace

FiniteProgram compile_finite(Network const& network, MaskedNodes const& masks, Init init) {
  return Compiler(network, masks, init).compile();
}

std::vector<std::string> finite_support(Network const& network) {
  std::vector<std::string> out;
  for (int n = 0; n < network.size(); ++n) {
    Node const& node = network.node(n);
    Dropout const* const dropout = std::get_if<Dropout>(&node.op);
    bool const refused = (dropout != nullptr && draws(*dropout)) || !is_function(node.op);
    out.emplace_back(!network.is_needed(n) ? "not computed" : refused ? "no" : parameter_count(network, node) ? "yes" : "needs widths");
  }
  return out;
}

}  // namespace infinitile
