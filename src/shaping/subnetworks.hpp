#pragma once

#include <functional>
#include <vector>

#include "net/network.hpp"

// The graph of a network as the map of one number: at the point where every layer sees variance as it was made for, C maps, their slopes and
// their curvatures all combine alike. Affine layers, pools, flatten and layer_norm keep the number, an activation sends it through r, and a
// sum of independent branches takes the mean of theirs, weighted by their shares of the variance. Source: dks_tat, reference 2.1 and 2.2.

namespace infinitile {

/// How variances of 1 go through a network whose activations all return variance 1.
struct VarianceWalk {
  std::vector<double> variance;             ///< of each node; of an activation, after it
  std::vector<std::vector<double>> shares;  ///< of each node, those of its inputs: they sum to 1

  double before(Network const& network, int activation) const;
};

/// Throws Error, naming the layer: a layer that has no such map, biases, a sum that changes the variance, branches of different variance in
/// a concatenation, weights of 0.
VarianceWalk walk_variance(Network const& network);

/// The maximizing function of all subnetworks.
class Subnetworks {
public:
  using Map = std::function<double(double)>;

  /// The network as a whole, and each branch of each merging layer by itself, from where the branches part. Longer parts of a chain win over
  /// shorter ones, since r(x) ≥ x; parts that are left through two doors are no networks.
  Subnetworks(Network const& network, VarianceWalk const& walk);
  explicit Subnetworks(Network const& network) : Subnetworks(network, walk_variance(network)) {}

  /// Of the network as a whole.
  double whole(double start, Map const& r) const { return run(chains_.front(), start, r); }
  /// The largest over all of them. r has to be increasing with r(x) ≥ x. Cost: one r for each activation, and one more for each merging
  /// layer that it stands in a branch of.
  double largest(double start, Map const& r) const;

private:
  struct Step {
    enum class Kind { start, keep, activate, mean } kind = Kind::keep;
    int first = 0, count = 0;  ///< of operands_: steps of the chain
  };
  /// Nodes from one door to another, in order.
  struct Chain {
    std::vector<Step> steps;
  };
  struct Operand {
    int step;
    double share;
  };

  Chain chain_between(Network const& network, VarianceWalk const& walk, std::vector<int> const& doors, int end);
  double run(Chain const& chain, double start, Map const& r) const;

  std::vector<Chain> chains_;  ///< the whole first
  std::vector<Operand> operands_;
};

}  // namespace infinitile
