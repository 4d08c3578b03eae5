#pragma once

#include "kernels/activation.hpp"
#include "net/network.hpp"

// What layers are at infinite width whether they see positions or not.

namespace infinitile {

/// Weights after a mean over `fan_in` numbers, into a step of either program; reference 2.3 and 2.4.
template <class AnyStep, class Op>
void fill_weights(AnyStep& step, Op const& op, double fan_in) {
  step.weight = op.w_std * op.w_std;
  step.shift = op.b_std ? *op.b_std * *op.b_std : 0;
  if (op.parameterization == Parameterization::ntk) {
    step.trained_out = 1;
  } else {
    step.trained_in = fan_in / static_cast<double>(op.s[0]);
    step.trained_one = op.b_std ? 1 : 0;
  }
}

/// The activation of a node. Throws Error, naming the layer, for parameters that the function does not allow.
AnyActivation activation_of(Network const& network, Node const& node, Activation const& activation);

}  // namespace infinitile
