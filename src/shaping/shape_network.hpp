#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/network.hpp"
#include "shaping/block_map.hpp"
#include "shaping/shape_activation.hpp"
#include "shaping/subnetworks.hpp"

namespace infinitile {

/// What a whole network is to be like: the largest value over all its subnetworks. The defaults are the field's.
struct ShapeGoal {
  enum class Method { dks, tat } method = Method::dks;
  double c_slope_1_target = 1.5;    ///< dks: C'(1), more than 1
  double local_q_slope_target = 1;  ///< dks: Q'(1) of every activation
  double c_val_0_target = 0.9;      ///< tat with leaky_relu: C(0), from 0 to below 1
  double c_curve_target = 0.3;      ///< tat with all others: C''(1), more than 0
  /// Whose maximum it is: those of the graph, or as written by hand.
  std::optional<BlockMap> subnetworks{};
};

/// One kind of activation in the network, such as all tanh.
struct ShapedKind {
  Activation before;     ///< without its scaling
  AnyActivation shaped;  ///< for preactivations of variance 1
  ShapeResiduals residuals;
};

struct ShapedNetwork {
  LocalTarget local;    ///< what every activation fulfils
  double achieved = 0;  ///< the largest C'(1), C''(1) or C(0) over all subnetworks
  double in_graph = 0;  ///< the same over those of the graph, which is another number where they were written by hand
  double wanted = 0;
  std::vector<ShapedKind> kinds;
  std::vector<Activation> layers;  ///< of each node: its activation, shaped; without a name elsewhere

  std::string_view goal_key() const;  ///< "c_slope_1_target", ...
};

/// The activations of a network shaped, for weights that start without biases. An activation whose preactivations have variance q gets the
/// solution for variance 1 with input_scale / √q, so that w_std stays as it is written.
/// Throws Error, naming the layer or the key: what walk_variance says, no activation to shape, activations that the method does not allow, goals
/// out of reach, with the range that can be reached.
ShapedNetwork shape_network(Network const& network, ShapeGoal const& goal);

/// The slope of a leaky_relu below 0.
double alpha_of(AnyActivation const& leaky);

/// C of leaky_relu with output_scale √(2 / (1 + alpha²)); reference 2.5.
double leaky_c_map(double c, double alpha);

}  // namespace infinitile
