#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "net/network.hpp"

namespace infinitile {

/// Goes through a network as it is written, from the inputs to the output. A `Reading` says what a node holds, Reading::Value, and what layers
/// do to it:
///   input()                    affine(x, w, b)  variance q becomes w q + b       activate(node, x)
///   normalize(x, eps)          mean({{weight, x}, ...})  covariances add         product(x, y)
/// Pools, flatten and the like count as the identity. Throws Error, naming the layer, for layers without maps.
template <class Reading>
class MapWalk {
public:
  using Value = typename Reading::Value;
  MapWalk(Network const& network, Reading reading) : network_(network), reading_(std::move(reading)), values_(at(network.size())) {}

  Value output() && {
    for (int n = 0; n < network_.size(); ++n)
      if (network_.is_needed(n)) values_[at(n)] = std::visit([&](auto const& op) { return after(op, n); }, network_.node(n).op);
    return std::move(values_[at(network_.output())]);
  }

private:
  Value const& before(int n, std::size_t input = 0) const { return values_[at(network_.node(n).inputs[input])]; }

  Value after(Input const&, int) { return reading_.input(); }
  template <class Layer>
  requires has_weights<Layer> &&(!std::is_same_v<Layer, GlobalSelfAttention>)Value after(Layer const& layer, int n) {
    double const b = layer.b_std.value_or(0);
    return reading_.affine(before(n), layer.w_std * layer.w_std, b * b);
  }
  Value after(Activation const&, int n) { return reading_.activate(n, before(n)); }
  Value after(LayerNorm const& op, int n) { return reading_.normalize(before(n), op.eps); }
  Value after(Sum const&, int n) {
    std::vector<std::pair<double, Value const*>> parts;
    for (std::size_t i = 0; i < network_.node(n).inputs.size(); ++i) parts.emplace_back(1, &before(n, i));
    return reading_.mean(parts);
  }
  Value after(Concat const&, int n) {
    std::vector<std::pair<double, Value const*>> parts;
    double const channels = static_cast<double>(network_.node(n).channels());
    for (int const input : network_.node(n).inputs)
      parts.emplace_back(static_cast<double>(network_.node(input).channels()) / channels, &values_[at(input)]);
    return reading_.mean(parts);
  }
  Value after(Product const&, int n) {
    Value out = before(n);
    for (std::size_t i = 1; i < network_.node(n).inputs.size(); ++i) out = reading_.product(out, before(n, i));
    return out;
  }
  template <class Layer>
  requires is_one_of<Layer, GlobalSelfAttention, Aggregate, DotGeneral>
  [[noreturn]] Value after(Layer const&, int n) {
    throw Error(text(network_.where(network_.node(n)), ": ", Layer::name, " has no Q and C maps."));
  }
  template <class Layer>
  requires is_one_of<Layer, Flatten, Identity, Dropout, AvgPool, SumPool, GlobalAvgPool, GlobalSumPool, ImageResize, Index> Value
  after(Layer const&, int n) {
    return before(n);
  }

  Network const& network_;
  Reading reading_;
  std::vector<Value> values_;
};

}  // namespace infinitile
