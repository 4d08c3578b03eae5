#pragma once

#include <optional>
#include <vector>

#include "kernels/activation.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The maps of a network at inputs of variance 1 and correlation 1, with their derivatives there.
struct MapsAtOne {
  double q = 1;            ///< Q(1)
  double q_slope = 1;      ///< Q'(1)
  double c_slope = 1;      ///< C'(1); infinite behind an activation that jumps
  double c_curvature = 0;  ///< C''(1); infinite behind one whose slope jumps
};

/// The Q and C maps of a whole network at infinite width, as it is written: weights with w_std and b_std, activations with their scaling.
/// Pools, flatten and the like count as the identity, as shaping takes them; sums and products take their branches for independent.
/// Behind a layer whose variance overflows all are NaN.
/// Formulas: dks_tat, reference 2.1. Cost: for a C map one table per activation and variance (10 to 300 ms), then 1 to 20 µs per value;
/// for a Q map a quadrature (0.1 ms) per activation, for at_one() per activation and variance.
class NetworkMaps {
public:
  /// Throws Error, naming the layer, for layers without maps.
  explicit NetworkMaps(Network const& network);

  /// The variance of an output channel, for inputs of variance q.
  double q(double q_in) const;
  /// The correlation of the outputs for two inputs of variance 1 and correlation c, each.
  std::vector<double> c(std::vector<double> const& c_in) const;
  /// Derivatives by the chain rule, without differences.
  MapsAtOne at_one() const;

private:
  Network const& network_;
  std::vector<std::optional<AnyActivation>> activations_;  ///< of each node
};

/// C of one activation between preactivations of variance q: from c_in to C(c_in), in place.
void map_correlations(AnyActivation const& f, double q, std::vector<double>& c);
/// The same, for one that is prepared for this variance.
void map_correlations(PreparedActivation const& layer, double q, std::vector<double>& c);

}  // namespace infinitile
