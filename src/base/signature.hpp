#pragma once

#include <string>
#include <variant>
#include <vector>

namespace infinitile {

/// The value of a parameter: a number, a truth value as 0 or 1, or a list of numbers.
using ParameterValue = std::variant<double, std::vector<double>>;

/// One parameter of an activation. `needed` ones have no default.
struct Parameter {
  enum class Kind { number, integer, flag, numbers };
  std::string name;
  Kind kind = Kind::number;
  bool needed = false;
  ParameterValue standard = 0.0;  ///< the default
};

/// Name and parameters of an activation, as users write them. kernels/ lists them; net/ reads networks with them,
/// and so needs to know nothing of the mathematics.
struct Signature {
  std::string name;
  std::vector<Parameter> parameters;
};

}  // namespace infinitile
