#include "shaping/subnetworks.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

constexpr double same_variance = 1e-9;  // relative; what is written with ten digits

/// The last node that all ways from the inputs to each node go through; -1 where there is none. Numbers grow along every way.
std::vector<int> find_dominators(Network const& network) {
  std::vector<int> dominator(at(network.size()), -1);
  auto const meet = [&](int a, int b) {
    while (a != b) (a > b ? a : b) = dominator[at(std::max(a, b))];
    return a;
  };
  for (int n = 0; n < network.size(); ++n) {
    auto const& inputs = network.node(n).inputs;
    if (!inputs.empty()) dominator[at(n)] = std::accumulate(inputs.begin(), inputs.end(), inputs.front(), meet);
  }
  return dominator;
}

class Walker {
public:
  explicit Walker(Network const& network) : network_(network), dominators_(find_dominators(network)) {
    walk_.variance.resize(at(network.size()));
    walk_.shares.resize(at(network.size()));
  }

  VarianceWalk walk() && {
    for (int n = 0; n < network_.size(); ++n) {
      if (!network_.is_needed(n)) continue;
      Node const& node = network_.node(n);
      if (node.inputs.size() == 1) walk_.shares[at(n)] = {1};
      walk_.variance[at(n)] = std::visit([&](auto const& op) { return after(op, n); }, node.op);
    }
    return std::move(walk_);
  }

private:
  [[noreturn]] void fail(int n, std::string const& what) const { throw Error(text(network_.where(network_.node(n)), ": ", what)); }
  double before(int n, std::size_t input = 0) const { return walk_.variance[at(network_.node(n).inputs[input])]; }

  double after(Input const&, int) { return 1; }
  template <class Layer>
  requires has_weights<Layer> &&(!std::is_same_v<Layer, GlobalSelfAttention>)double after(Layer const& layer, int n) {
    if (layer.b_std.value_or(0) != 0)
      fail(n, text("b_std is ", *layer.b_std, ", and shaped networks start without biases. Set b_std to 0."));
    if (layer.w_std == 0) fail(n, "w_std is 0, and nothing comes through. Set it to 1.");
    return layer.w_std * layer.w_std * before(n);
  }
  double after(Activation const& op, int n) {
    return is_linear(op) ? before(n) * op.affine.input_scale * op.affine.input_scale * op.affine.output_scale * op.affine.output_scale : 1;
  }
  double after(LayerNorm const&, int n) {
    if (!network_.node(network_.node(n).inputs[0]).gaussian)
      fail(n, "layer_norm stands behind an activation, whose mean it takes away. Put it behind dense or conv.");
    return 1;
  }
  double after(Dropout const& op, int n) {
    if (op.mode == Mode::train && op.rate != 1) fail(n, "dropout in mode train changes the maps at every position. Set its mode to test.");
    return before(n);
  }
  double after(Sum const&, int n) {
    std::size_t const count = network_.node(n).inputs.size();
    double total = 0;
    for (std::size_t i = 0; i < count; ++i) total += before(n, i);
    for (std::size_t i = 0; i < count; ++i) walk_.shares[at(n)].push_back(before(n, i) / total);
    int const fork = dominators_[at(n)];
    double const wanted = fork >= 0 ? walk_.variance[at(fork)] : 1;
    if (std::abs(total - wanted) > same_variance * wanted) fail_sum(n, wanted);
    return total;
  }
  [[noreturn]] void fail_sum(int n, double wanted) const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < network_.node(n).inputs.size(); ++i) parts.push_back(fmt::format("{:.6g}", before(n, i)));
    double const even = std::sqrt(1 / static_cast<double>(parts.size()));
    fail(n, fmt::format(
                "the branches have variances {}, together more or less than the {:.6g} that comes in: the sum is not normalized. End "
                "each branch with a factor whose squares sum to 1, such as {{monomial: {{degree: 1, output_scale: {:.6g}}}}}, or write "
                "the factor into the w_std of its last layer.",
                join(parts, " + ", " + "), wanted, even));
  }
  double after(Concat const& op, int n) {
    if (op.axis != -1) fail(n, "concat along positions has no C map of its own. Concatenate channels (axis: -1).");
    Node const& node = network_.node(n);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (std::abs(before(n, i) - before(n)) > same_variance * before(n))
        fail(n, fmt::format("branch 0 has variance {:.6g} and branch {} has {:.6g}; shaped activations want one variance in all channels. "
                            "Give the branches the same w_std.",
                            before(n), i, before(n, i)));
      walk_.shares[at(n)].push_back(static_cast<double>(network_.node(node.inputs[i]).channels()) / static_cast<double>(node.channels()));
    }
    return before(n);
  }
  template <class Layer>
  requires is_one_of<Layer, Product, GlobalSelfAttention, Aggregate, DotGeneral>
  [[noreturn]] double after(Layer const&, int n) {
    fail(n, text(Layer::name, " has no Q and C maps, so a network with it cannot be shaped."));
  }
  /// Pools, flatten, index: taken for the identity, as the method does.
  template <class Layer>
  requires is_one_of<Layer, Flatten, Identity, AvgPool, SumPool, GlobalAvgPool, GlobalSumPool, ImageResize, Index>
  double after(Layer const&, int n) { return before(n); }

  Network const& network_;
  std::vector<int> dominators_;
  VarianceWalk walk_;
};

}  // namespace

double VarianceWalk::before(Network const& network, int activation) const {
  return variance[at(network.node(activation).inputs[0])];
}

VarianceWalk walk_variance(Network const& network) {
  return Walker(network).walk();
}

Subnetworks::Subnetworks(Network const& network, VarianceWalk const& walk) {
  std::vector<int> const dominators = find_dominators(network);
  std::vector<int> inputs;
  for (int n = 0; n < network.inputs(); ++n) inputs.push_back(n);
  chains_.push_back(chain_between(network, walk, inputs, network.output()));
  for (int n = 0; n < network.size(); ++n) {
    if (!network.is_needed(n) || network.node(n).inputs.size() < 2) continue;
    int const fork = dominators[at(n)];
    for (int const end : network.node(n).inputs)
      if (end != fork) chains_.push_back(chain_between(network, walk, fork < 0 ? inputs : std::vector<int>{fork}, end));
  }
}

Subnetworks::Chain Subnetworks::chain_between(Network const& network, VarianceWalk const& walk, std::vector<int> const& doors, int end) {
  int const lowest = doors.front();
  std::vector<int> step(at(end - lowest + 1), -1);  // of each node, if it is on a way
  std::vector<bool> wanted(step.size(), false);
  wanted.back() = true;
  auto const is_door = [&](int n) { return std::ranges::find(doors, n) != doors.end(); };
  for (int n = end; n >= lowest; --n)
    if (wanted[at(n - lowest)] && !is_door(n))
      for (int const input : network.node(n).inputs)
        if (input >= lowest) wanted[at(input - lowest)] = true;
  Chain chain;
  for (int n = lowest; n <= end; ++n) {
    if (!wanted[at(n - lowest)]) continue;
    step[at(n - lowest)] = static_cast<int>(chain.steps.size());
    Step next;
    if (is_door(n)) {
      next.kind = Step::Kind::start;
    } else {
      Node const& node = network.node(n);
      Activation const* const activation = std::get_if<Activation>(&node.op);
      next.kind = activation != nullptr && !is_linear(*activation) ? Step::Kind::activate
                  : node.inputs.size() > 1                         ? Step::Kind::mean
                                                                   : Step::Kind::keep;
      next.first = static_cast<int>(operands_.size());
      next.count = static_cast<int>(node.inputs.size());
      for (std::size_t i = 0; i < node.inputs.size(); ++i) operands_.push_back({step[at(node.inputs[i] - lowest)], walk.shares[at(n)][i]});
    }
    chain.steps.push_back(next);
  }
  return chain;
}

double Subnetworks::run(Chain const& chain, double start, Map const& r) const {
  std::vector<double> value(chain.steps.size());
  for (std::size_t s = 0; s < chain.steps.size(); ++s) {
    Step const& step = chain.steps[s];
    double mean = step.kind == Step::Kind::start ? start : 0;
    for (int i = step.first; i < step.first + step.count; ++i) mean += operands_[at(i)].share * value[at(operands_[at(i)].step)];
    value[s] = step.kind == Step::Kind::activate ? r(mean) : mean;
  }
  return value.back();
}

double Subnetworks::largest(double start, Map const& r) const {
  double most = start;
  for (Chain const& chain : chains_) most = std::max(most, run(chain, start, r));
  return most;
}

}  // namespace infinitile
