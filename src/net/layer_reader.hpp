#pragma once

#include <string>
#include <vector>

#include "base/signature.hpp"
#include "net/network.hpp"
#include "net/yaml.hpp"

namespace infinitile {

/// A layer as it is written, {name: parameters}, and where. The words for messages are made when they are needed: a repeat writes many
/// layers.
struct WrittenLayer {
  std::string name;
  YAML::Node parameters;
  std::string file;
  std::string path;
  int line;

  std::string what() const;   ///< ": layer 2 (dense)"
  std::string place() const;  ///< "net.yaml:7: layer 2 (dense)"
  /// The parameters key by key. Throws Error when they are no mapping, or one is not among the known ones.
  std::vector<Field> fields(std::vector<std::string> const& known) const;
};

/// Reads layers without branches: those in net/ops.hpp and the activations of the list.
class LayerReader {
public:
  /// Throws Error for a default that is a parameter of no layer.
  LayerReader(std::vector<Signature> const& activations, std::vector<Field> defaults);

  /// The operation with its parameters: those given, then the network's defaults, then the language's. Throws Error with line, key,
  /// what was found and what is needed. `input` is the node before it.
  Op read(WrittenLayer const& layer, Node const& input) const;

private:
  template <class Layer>
  Layer read_parameters(WrittenLayer const& written, Node const& input, Layer layer, Signature const* signature) const;

  std::vector<Signature> const& activations_;
  std::vector<Field> defaults_;
};

/// Every layer that can be written, in the order of help texts.
std::vector<std::string> layer_names(std::vector<Signature> const& activations);

}  // namespace infinitile
