#pragma once

#include <string>
#include <vector>

#include "base/signature.hpp"
#include "net/ops.hpp"
#include "net/yaml.hpp"

namespace infinitile {

/// A layer as it is written: {name: {fields}}.
struct WrittenLayer {
  std::string name;
  std::vector<Field> fields;
  std::string place;  ///< "net.yaml:7: layer 2 (dense)"
  int rank;           ///< axes of its input, the batch not counted
};

/// Reads layers without branches: those in net/ops.hpp and the activations of the list.
class LayerReader {
public:
  /// Throws Error for a default that is a parameter of no layer.
  LayerReader(std::vector<Signature> const& activations, std::vector<Field> defaults);

  /// The operation with its parameters: those given, then the network's defaults, then the language's. Throws Error with line, key, found,
  /// needed.
  Op read(WrittenLayer const& layer) const;

private:
  template <class Layer>
  Layer read_parameters(WrittenLayer const& written, Layer layer, Signature const* signature) const;

  std::vector<Signature> const& activations_;
  std::vector<Field> defaults_;
};

/// Every layer that can be written, in the order of help texts.
std::vector<std::string> layer_names(std::vector<Signature> const& activations);

}  // namespace infinitile
