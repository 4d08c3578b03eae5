#pragma once

#include <optional>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/signature.hpp"
#include "net/layer_reader.hpp"
#include "net/network.hpp"
#include "net/yaml.hpp"

namespace infinitile {

/// What a reader must know apart from the network itself.
struct ReadContext {
  std::string file;                             ///< for messages
  std::string directory;                        ///< `network: {file: net.yaml}` is relative to it; empty is the current one
  std::vector<std::vector<long>> input_shapes;  ///< of one sample, channels last; one per input
  std::vector<Signature> const& activations;    ///< the list in kernels/
  std::optional<int> output{};                  ///< of a network that ends with several values side by side: which, from 0
};

/// The layers of a network as they are written, where `file:` and `family:` lead to.
struct WrittenNetwork {
  YAML::Node layers;
  std::vector<Field> defaults;
  std::string file;  ///< that they stand in
};
WrittenNetwork find_layers(YAML::Node const& network, ReadContext const& context);

/// Reads a network: a sequence of layers, {layers: [...], defaults: {...}}, {file: net.yaml} or {family: NAME, ...}. Hand it the node as it
/// stands in the file's document (from load_yaml or parse_yaml), so that its lines are the file's. Throws Error: file, line, layer, what was
/// found, what is needed.
Network read_network(YAML::Node const& network, ReadContext const& context);

}  // namespace infinitile
