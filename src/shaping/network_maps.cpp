#include "shaping/network_maps.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "shaping/local_maps.hpp"

namespace infinitile {

namespace {

/// Two inputs at a node, for every c_in: both of variance q, and their correlations.
struct Correlated {
  double q = 1;
  std::vector<double> c;
};

/// From c_in to C(c_in), in place.
void map_prepared(PreparedActivation const& layer, double q, std::vector<double>& c) {
  std::vector<double> features(at(layer.features()));
  layer.features(q, features.data(), 1);
  double const root = std::sqrt(q), next = std::sqrt(layer.variance(q));
  for (double& each : c) {
    double gap = 1 - each, slope = 0;
    layer.carry({root, next, features.data(), 1}, {&root, &next, features.data(), 1}, 1, &gap, &slope);
    each = 1 - gap;
  }
}

/// Reads nodes from the inputs to the output. `Values` are what a node holds: Correlated, without correlations where only Q is wanted.
class MapWalk {
public:
  MapWalk(Network const& network, std::vector<std::optional<AnyActivation>> const& activations, Correlated input)
      : network_(network), activations_(activations), input_(std::move(input)), values_(at(network.size())) {}

  Correlated output() && {
    for (int n = 0; n < network_.size(); ++n)
      if (network_.is_needed(n)) values_[at(n)] = std::visit([&](auto const& op) { return after(op, n); }, network_.node(n).op);
    return values_[at(network_.output())];
  }

private:
  Correlated const& before(int n, std::size_t input = 0) const { return values_[at(network_.node(n).inputs[input])]; }

  Correlated after(Input const&, int) { return input_; }

  template <class Layer>
  requires has_weights<Layer> &&(!std::is_same_v<Layer, GlobalSelfAttention>)Correlated after(Layer const& layer, int n) {
    double const w = layer.w_std * layer.w_std, b = layer.b_std ? *layer.b_std * *layer.b_std : 0;
    Correlated out = before(n);
    double const q = w * out.q + b;
    for (double& c : out.c) c = q > 0 ? (w * out.q * c + b) / q : 1;
    out.q = q;
    return out;
  }

  Correlated after(Activation const& op, int n) {
    Correlated out = before(n);
    AnyActivation f = *activations_[at(n)];
    if (!out.c.empty()) map_prepared(prepared(op, f, out.q), out.q, out.c);
    f.scaling.input_scale *= std::sqrt(out.q);
    out.q = local_moments(f).q();
    return out;
  }

  /// Deep networks have many equal layers, and their variances meet a fixed point.
  PreparedActivation const& prepared(Activation const& op, AnyActivation const& f, double q) {
    for (Prepared const& each : prepared_)
      if (each.op->name == op.name && each.op->parameters == op.parameters && each.op->affine == op.affine
          && std::abs(each.q - q) <= 1e-13 * q)
        return each.layer;
    prepared_.push_back({&op, q, prepare(f, q, q)});
    return prepared_.back().layer;
  }

  Correlated after(LayerNorm const& op, int n) {
    Correlated out = before(n);
    out.q = out.q / (out.q + op.eps);
    return out;
  }

  /// Covariances add.
  Correlated mean_of(int n, std::vector<double> const& weights) const {
    Correlated out{0, std::vector<double>(before(n).c.size(), 0.0)};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      out.q += weights[i] * before(n, i).q;
      for (std::size_t j = 0; j < out.c.size(); ++j) out.c[j] += weights[i] * before(n, i).q * before(n, i).c[j];
    }
    for (double& c : out.c) c = out.q > 0 ? c / out.q : 1;
    return out;
  }
  Correlated after(Sum const&, int n) { return mean_of(n, std::vector<double>(network_.node(n).inputs.size(), 1.0)); }
  Correlated after(Concat const&, int n) {
    std::vector<double> shares;
    for (int const input : network_.node(n).inputs)
      shares.push_back(static_cast<double>(network_.node(input).channels()) / static_cast<double>(network_.node(n).channels()));
    return mean_of(n, shares);
  }
  Correlated after(Product const&, int n) {
    Correlated out = before(n);
    for (std::size_t i = 1; i < network_.node(n).inputs.size(); ++i) {
      out.q *= before(n, i).q;
      for (std::size_t j = 0; j < out.c.size(); ++j) out.c[j] *= before(n, i).c[j];
    }
    return out;
  }

  template <class Layer>
  requires is_one_of<Layer, GlobalSelfAttention, Aggregate, DotGeneral>
  [[noreturn]] Correlated after(Layer const&, int n) {
    throw Error(text(network_.where(network_.node(n)), ": ", Layer::name, " has no Q and C maps."));
  }
  template <class Layer>
  requires is_one_of<Layer, Flatten, Identity, Dropout, AvgPool, SumPool, GlobalAvgPool, GlobalSumPool, ImageResize, Index> Correlated
  after(Layer const&, int n) {
    return before(n);
  }

  Network const& network_;
  std::vector<std::optional<AnyActivation>> const& activations_;
  Correlated input_;
  std::vector<Correlated> values_;
  struct Prepared {
    Activation const* op;
    double q;
    PreparedActivation layer;
  };
  std::deque<Prepared> prepared_;
};

}  // namespace

void map_correlations(AnyActivation const& f, double q, std::vector<double>& c) {
  map_prepared(prepare(f, q, q), q, c);
}

NetworkMaps::NetworkMaps(Network const& network) : network_(network), activations_(at(network.size())) {
  for (int n = 0; n < network.size(); ++n)
    if (auto const* const op = std::get_if<Activation>(&network.node(n).op); op != nullptr && network.is_needed(n)) {
      Affine const& a = op->affine;
      activations_[at(n)] = make_activation(op->name, op->parameters, {a.input_scale, a.input_shift, a.output_scale, a.output_shift});
    }
}

double NetworkMaps::q(double q_in) const {
  return MapWalk(network_, activations_, {q_in, {}}).output().q;
}

std::vector<double> NetworkMaps::c(std::vector<double> const& c_in) const {
  return MapWalk(network_, activations_, {1, c_in}).output().c;
}

}  // namespace infinitile
