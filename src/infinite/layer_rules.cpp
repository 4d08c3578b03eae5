#include "infinite/layer_rules.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

AnyActivation activation_of(Network const& network, Node const& node, Activation const& activation) {
  Affine const& a = activation.affine;
  try {
    return make_activation(activation.name, activation.parameters, {a.input_scale, a.input_shift, a.output_scale, a.output_shift});
  } catch (Error const& error) {
    throw Error(text(network.where(node), ": ", error.what()));
  }
}

}  // namespace infinitile
