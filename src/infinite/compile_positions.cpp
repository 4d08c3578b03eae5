#include "infinite/compile_positions.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "infinite/graph_patterns.hpp"
#include "infinite/layer_rules.hpp"
#include "infinite/position_maps.hpp"
#include "infinite/position_masks.hpp"
#include "infinite/position_rules.hpp"
#include "infinite/position_steps.hpp"

namespace infinitile {

namespace {

/// Walks the graph once, in order, and says which steps a node is.
class PositionCompiler : PositionSteps {
public:
  PositionCompiler(Network const& network, Masks masks, std::span<Graphs const> graphs)
      : PositionSteps(network), readers_(find_graph_readers(network)) {
    program_.edges.resize(readers_.nodes.size(), 0);
    for (std::size_t g = 0; g < graphs.size(); ++g)
      program_.edges[g] = static_cast<double>(graphs[g].sender.size()) / static_cast<double>(graphs[g].rows());
    if (masks == Masks::none) return;
    PositionMasks found = find_masks(network, maps_);
    program_.masks = std::move(found.rules);
    mask_ = std::move(found.of);
  }

  PositionProgram compile() && {
    Node const& result = network_.node(network_.output());
    if (result.positions() != 1 || result.shape.size() != 1)
      throw Error(text(network_.where(result), ": the network ends with ", result.positions(),
                       " positions, and a kernel is of one output per input. Put flatten or global_avg_pool at its end."));
    for (int n = 0; n < network_.size(); ++n)
      if (network_.is_needed(n)) registers_.of(n) = place(n);
    program_.registers = registers_.count();
    program_.output = registers_.of(network_.output()).reg;
    program_.output_slot = registers_.of(network_.output()).slot;
    program_.output_mask = mask_of(network_.output());
    return std::move(program_);
  }

private:
  Place place(int n) {
    Op const& any = network_.node(n).op;
    Place const place = std::visit([&](auto const& op) { return apply(op, n); }, any);
    if (mask_of(n) < 0 || !fills_masked_positions(any)) return place;
    return in_place(n, place, PositionStep::Kind::conceal, [&](PositionStep& step) { step.mask = mask_of(n); });
  }

  /// Which positions are there behind a node; -1: all.
  int mask_of(int n) const { return mask_.empty() ? -1 : mask_[at(n)]; }

  double fan_in(int n, Convolution const& op) const {
    double count = static_cast<double>(input_of(n).channels());
    for (long const size : op.filter_shape) count *= static_cast<double>(size);
    return count;
  }

  // --- one overload per operation: an operation without one does not compile ---------------------------------------------

  Place apply(Input const& input, int n) {
    PositionStep step = step_for(n, PositionStep::Kind::load);
    step.index = input.index;
    step.target = registers_.open();
    step.after = new_slot(network_.node(n));
    program_.steps.push_back(step);
    return {step.target, step.after};
  }

  Place apply(Dense const& dense, int n) {
    return on_input(n, PositionStep::Kind::dense,
                    [&](PositionStep& step) { fill_weights(step, dense, static_cast<double>(input_of(n).channels())); });
  }

  Place apply(Conv const& op, int n) { return convolve(op, n); }
  Place apply(ConvTranspose const& op, int n) { return convolve(op, n); }
  Place convolve(Convolution const& op, int n) {
    return in_place(n, mix_by_own_map(n), PositionStep::Kind::dense, [&](PositionStep& step) { fill_weights(step, op, fan_in(n, op)); });
  }

  /// Weights of its own at every position: the diagonal is that of conv, and the rest is 0.
  Place apply(ConvLocal const& op, int n) {
    Place const mean = mix(network_.node(n).inputs.front(), n, *maps_[at(n)], Spread::diagonal, Spread::diagonal);
    auto const fill = [&](PositionStep& step) {
      fill_weights(step, op, fan_in(n, op));
      step.pairs = step.variances = {Spread::diagonal, Spread::diagonal};
    };
    Place const place = in_place(n, mean, PositionStep::Kind::dense, fill);
    if (pairs(n) == Spread::diagonal) return place;
    PositionStep step = step_for(n, PositionStep::Kind::widen);
    step.source = place.reg;
    step.target = registers_.open();
    step.before = step.after = place.slot;
    step.pairs.in = step.variances.in = Spread::diagonal;
    program_.steps.push_back(step);
    registers_.close(place.reg);
    return {step.target, place.slot};
  }

  Place apply(Activation const& activation, int n) {
    return on_input(n, PositionStep::Kind::activate, [&](PositionStep& step) {
      step.index = static_cast<int>(program_.activations.size());
      program_.activations.push_back(activation_of(network_, network_.node(n), activation));
    });
  }

  Place apply(LayerNorm const& norm, int n) {
    return on_input(n, PositionStep::Kind::normalize, [&](PositionStep& step) {
      step.index = static_cast<int>(program_.norms.size());
      program_.norms.push_back(norm_groups(norm, network_.node(n).sizes()));
      step.other = new_slot(network_.node(n));  // the factors
      step.mask = mask_of(n);
    });
  }

  Place apply(Dropout const& dropout, int n) {
    if (dropout.mode == Mode::test) return take(network_.node(n).inputs.front(), n);
    return on_input(n, PositionStep::Kind::drop, [&](PositionStep& step) { step.weight = dropout.rate; });
  }

  Place apply(GlobalSelfAttention const& op, int n) {
    if (!has_kernel(op))
      throw Error(text(network_.where(network_.node(n)), ": linear_scaling is false with attention_mechanism ",
                       words_of<AttentionMechanism>[at(static_cast<long>(op.attention_mechanism))],
                       "; at infinite width that is known for IDENTITY alone. Set linear_scaling: true."));
    program_.attentions.push_back(attention_rule(op, input_of(n)));
    return of_all_pairs(n, PositionStep::Kind::attend, [&](PositionStep& step) {
      step.index = static_cast<int>(program_.attentions.size()) - 1;
      step.mask = mask_of(network_.node(n).inputs.front());
    });
  }

  Place apply(Aggregate const&, int n) {
    return of_all_pairs(n, PositionStep::Kind::aggregate, [&](PositionStep& step) { step.index = readers_.of[at(n)]; });
  }

  /// From one register to another, by a step that reads all pairs of positions and leaves the covariance in its source.
  template <class Fill>
  Place of_all_pairs(int n, PositionStep::Kind kind, Fill fill) {
    int const from = network_.node(n).inputs.front();
    Place const place = take(from, from);
    PositionStep step = step_for(n, kind);
    step.pairs.in = step.variances.in = Spread::full;
    step.source = place.reg;
    step.target = registers_.open();
    step.before = place.slot;
    step.after = new_slot(network_.node(n));
    fill(step);
    program_.steps.push_back(step);
    registers_.close(place.reg);
    return {step.target, step.after};
  }

  Place apply(Identity const&, int n) { return take(network_.node(n).inputs.front(), n); }
  Place apply(Flatten const&, int n) {
    if (input_of(n).shape.size() == 1) return take(network_.node(n).inputs.front(), n);
    return mix_by_own_map(n);
  }
  Place apply(AvgPool const&, int n) { return mix_by_own_map(n); }
  Place apply(SumPool const&, int n) { return mix_by_own_map(n); }
  /// Masked positions do not count.
  Place apply(GlobalAvgPool const&, int n) {
    if (mask_of(n) < 0) return mix_by_own_map(n);
    int const from = network_.node(n).inputs.front();
    Place const sum = mix(from, n, global_pooling_map(input_of(n).positions(), false), pairs(n), variances(n));
    return in_place(n, sum, PositionStep::Kind::share, [&](PositionStep& step) {
      step.mask = mask_of(from);
      step.other = new_slot(network_.node(n));
    });
  }
  Place apply(GlobalSumPool const&, int n) { return mix_by_own_map(n); }
  Place apply(ImageResize const&, int n) { return mix_by_own_map(n); }
  Place apply(Index const&, int n) { return mix_by_own_map(n); }
  Place apply(DotGeneral const&, int n) { return mix_by_own_map(n); }

  Place apply(Sum const&, int n) {
    return merge(n, PositionStep::Kind::add, [](PositionStep&, int) {});
  }
  Place apply(Product const&, int n) {
    return merge(n, PositionStep::Kind::multiply, [](PositionStep&, int) {});
  }

  Place apply(Concat const& concat, int n) {
    Node const& node = network_.node(n);
    if (concat.axis != -1) return join(n, node.shape.size() - at(-concat.axis));
    // Branches weigh as much as they have channels.
    auto const share = [&](int b) {
      return static_cast<double>(network_.node(node.inputs[at(b)]).channels()) / static_cast<double>(node.channels());
    };
    return merge(n, PositionStep::Kind::add, [&](PositionStep& step, int b) {
      step.weight = b == 1 ? share(0) : 1;
      step.shift = share(b);
    });
  }

  /// Takes in the branches of node n one by one; fill(step, branch).
  template <class Fill>
  Place merge(int n, PositionStep::Kind kind, Fill fill) {
    auto const& inputs = network_.node(n).inputs;
    Place place = take(inputs.front(), n);
    for (int b = 1; b < static_cast<int>(inputs.size()); ++b) {
      Place const branch = take(inputs[at(b)], n);
      place = take_in(n, place, branch, kind, [&](PositionStep& step) { fill(step, b); });
    }
    return place;
  }

  template <class Fill>
  Place take_in(int n, Place place, Place branch, PositionStep::Kind kind, Fill fill) {
    Place const out = in_place(n, place, kind, [&](PositionStep& step) {
      step.source = branch.reg;
      step.other = branch.slot;
      step.weight = step.shift = 1;
      fill(step);
    });
    registers_.close(branch.reg);
    return out;
  }

  /// Branches side by side along a spatial axis are independent: each stands alone on the whole, and they add up.
  Place join(int n, std::size_t axis) {
    Node const& node = network_.node(n);
    std::span<long const> const out = node.sizes();
    std::optional<Place> place;
    long start = 0;
    for (int const input : node.inputs) {
      std::span<long const> const sizes = network_.node(input).sizes();
      Place const part = mix(input, n, placement_map(sizes, out, axis, start), pairs(n), variances(n));
      start += sizes[axis];
      place = place ? take_in(n, *place, part, PositionStep::Kind::add, [](PositionStep&) {}) : part;
    }
    return *place;
  }

  GraphReaders readers_;
  std::vector<int> mask_;  ///< per node: its rule; empty without masks
};

}  // namespace

PositionProgram compile_position_program(Network const& network, Masks masks, std::span<Graphs const> graphs) {
  return PositionCompiler(network, masks, graphs).compile();
}

bool acts_on_positions(Network const& network) {
  if (network.node(network.output()).shape.size() > 1) return true;  // and ends with them, which is an error there
  return std::ranges::any_of(network.nodes(), [&](Node const& node) {
    if (!network.is_needed(static_cast<int>(&node - network.nodes().data()))) return false;
    bool const idle = std::holds_alternative<Input>(node.op) || std::holds_alternative<Identity>(node.op);
    return std::visit([]<class Op>(Op const&) { return ActsOnPositions<Op>; }, node.op) || (!idle && node.shape.size() > 1);
  });
}

}  // namespace infinitile
