#pragma once

#include <map>
#include <set>
#include <string>

#include "onnx/import.hpp"

namespace infinitile {

/// What the float initializers of a graph are.
struct ParameterChoice {
  /// In the order of the file: parameters, with the layout that their uses want.
  std::vector<std::pair<OnnxParameter, OnnxArray const*>> parameters;
  /// By name, why one is none: running statistics, settings such as the bounds of a Clip, masks, and those that `skip` names.
  std::map<std::string, std::string> fixed;
};

/// `needed`: numbers of the nodes that the output depends on. Throws Error where `skip` names none, and where a
/// parameter has a number that is not finite.
ParameterChoice choose_parameters(OnnxModel const& model, std::vector<int> const& needed, std::vector<std::string> const& skip);

}  // namespace infinitile
