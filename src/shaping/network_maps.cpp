#include "shaping/network_maps.hpp"

#include <cmath>
#include <deque>
#include <limits>

#include "base/index.hpp"
#include "shaping/local_maps.hpp"
#include "shaping/map_walk.hpp"

namespace infinitile {

namespace {

using NodeActivations = std::vector<std::optional<AnyActivation>>;
template <class Value>
using Parts = std::vector<std::pair<double, Value const*>>;

/// What is known of activations at variances, since deep networks have many equal layers, and their variances meet a fixed point.
template <class Value>
class KnownLayers {
public:
  /// `find(f)` of the activation of that node at variance q, found once.
  template <class Find>
  Value const& at_variance(Network const& network, int node, double q, Find const& find) {
    auto const& op = std::get<Activation>(network.node(node).op);
    for (Known const& each : known_)
      if (std::abs(each.q - q) <= 1e-13 * q && each.op->name == op.name && each.op->parameters == op.parameters
          && each.op->affine == op.affine)
        return each.value;
    known_.push_back({&op, q, find()});
    return known_.back().value;
  }

private:
  struct Known {
    Activation const* op;
    double q;
    Value value;
  };
  std::deque<Known> known_;
};

/// Moments of z -> f(√q z).
LocalMoments moments_at(AnyActivation f, double q) {
  f.scaling.input_scale *= std::sqrt(q);
  return local_moments(f);
}

/// Two inputs at a node, for every c_in: both of variance q, and their correlations; none of these where only Q is wanted.
class Correlations {
public:
  struct Value {
    double q = 1;
    std::vector<double> c;
  };
  Correlations(Network const& network, NodeActivations const& activations, Value input)
      : network_(network), activations_(activations), input_(std::move(input)) {}

  Value input() const { return input_; }
  Value affine(Value x, double w, double b) const {
    double const q = w * x.q + b;
    for (double& c : x.c) c = q > 0 ? (w * x.q * c + b) / q : 1;
    x.q = q;
    return x;
  }
  Value activate(int n, Value x) {
    AnyActivation const& f = *activations_[at(n)];
    if (!std::isfinite(x.q)) {
      constexpr double none = std::numeric_limits<double>::quiet_NaN();
      return {none, std::vector<double>(x.c.size(), none)};
    }
    if (!x.c.empty()) map_correlations(layers_.at_variance(network_, n, x.q, [&] { return prepare(f, x.q, x.q); }), x.q, x.c);
    x.q = moments_at(f, x.q).q();
    return x;
  }
  Value normalize(Value x, double eps) const {
    x.q = x.q / (x.q + eps);
    return x;
  }
  Value mean(Parts<Value> const& parts) const {
    Value out{0, std::vector<double>(parts.front().second->c.size(), 0.0)};
    for (auto const& [weight, x] : parts) {
      out.q += weight * x->q;
      for (std::size_t j = 0; j < out.c.size(); ++j) out.c[j] += weight * x->q * x->c[j];
    }
    for (double& c : out.c) c = out.q > 0 ? c / out.q : 1;
    return out;
  }
  Value product(Value x, Value const& y) const {
    x.q *= y.q;
    for (std::size_t j = 0; j < x.c.size(); ++j) x.c[j] *= y.c[j];
    return x;
  }

private:
  Network const& network_;
  NodeActivations const& activations_;
  Value input_;
  KnownLayers<PreparedActivation> layers_;
};

/// The chain rule where c = 1: (f ∘ g)' = f' g', (f ∘ g)'' = f'' g'² + f' g''.
class Slopes {
public:
  using Value = MapsAtOne;
  Slopes(Network const& network, NodeActivations const& activations) : network_(network), activations_(activations) {}

  Value input() const { return {}; }
  Value affine(Value const& x, double w, double b) const {
    double const q = w * x.q + b, share = q > 0 ? w * x.q / q : 0;
    return {q, times(w, x.q_slope), times(share, x.c_slope), times(share, x.c_curvature)};
  }
  Value activate(int n, Value const& x) {
    Value const& f = layers_.at_variance(network_, n, x.q, [&] { return local(*activations_[at(n)], x.q); });
    return {f.q, times(f.q_slope, x.q_slope), times(f.c_slope, x.c_slope),
            times(f.c_curvature, x.c_slope * x.c_slope) + times(f.c_slope, x.c_curvature)};
  }
  Value normalize(Value x, double eps) const {
    double const q = x.q + eps;
    x.q_slope *= eps / (q * q);
    x.q /= q;
    return x;
  }
  Value mean(Parts<Value> const& parts) const {
    Value out{0, 0, 0, 0};
    for (auto const& [weight, x] : parts) {
      out.q += weight * x->q;
      out.q_slope += times(weight, x->q_slope);
      out.c_slope += times(weight * x->q, x->c_slope);
      out.c_curvature += times(weight * x->q, x->c_curvature);
    }
    if (out.q > 0) {
      out.c_slope /= out.q;
      out.c_curvature /= out.q;
    }
    return out;
  }
  Value product(Value const& x, Value const& y) const {
    return {x.q * y.q, x.q * y.q_slope + x.q_slope * y.q, x.c_slope + y.c_slope, x.c_curvature + 2 * x.c_slope * y.c_slope + y.c_curvature};
  }

private:
  /// Nothing comes through a factor of 0, also of what is infinite.
  static double times(double factor, double value) { return factor == 0 || value == 0 ? 0 : factor * value; }

  static Value local(AnyActivation const& f, double q) {
    LocalMoments const m = moments_at(f, q);
    Smoothness const smooth = smoothness_of(f);
    constexpr double infinite = std::numeric_limits<double>::infinity();
    Value out{m.q(), q > 0 ? m.q_slope() / q : 0, 0, 0};  // of g(z) = f(√q z), E[g g' z] is q Q'(q)
    if (out.q > 0) {
      out.c_slope = smooth.value_jumps ? infinite : m.c_slope();
      out.c_curvature = smooth.slope_jumps ? infinite : m.c_curvature();
    }
    return out;
  }

  Network const& network_;
  NodeActivations const& activations_;
  KnownLayers<Value> layers_;
};

}  // namespace

void map_correlations(PreparedActivation const& layer, double q, std::vector<double>& c) {
  std::vector<double> features(at(layer.features()));
  layer.features(q, features.data(), 1);
  double const root = std::sqrt(q), next = std::sqrt(layer.variance(q));
  for (double& each : c) {
    double gap = 1 - each, slope = 0;
    layer.carry({root, next, features.data(), 1}, {&root, &next, features.data(), 1}, 1, &gap, &slope);
    each = 1 - gap;
  }
}

void map_correlations(AnyActivation const& f, double q, std::vector<double>& c) {
  map_correlations(prepare(f, q, q), q, c);
}

NetworkMaps::NetworkMaps(Network const& network) : network_(network), activations_(at(network.size())) {
  for (int n = 0; n < network.size(); ++n)
    if (auto const* const op = std::get_if<Activation>(&network.node(n).op); op != nullptr && network.is_needed(n)) {
      Affine const& a = op->affine;
      activations_[at(n)] = make_activation(op->name, op->parameters, {a.input_scale, a.input_shift, a.output_scale, a.output_shift});
    }
}

double NetworkMaps::q(double q_in) const {
  return MapWalk(network_, Correlations(network_, activations_, {q_in, {}})).output().q;
}

std::vector<double> NetworkMaps::c(std::vector<double> const& c_in) const {
  return MapWalk(network_, Correlations(network_, activations_, {1, c_in})).output().c;
}

MapsAtOne NetworkMaps::at_one() const {
  return MapWalk(network_, Slopes(network_, activations_)).output();
}

}  // namespace infinitile
