#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/signature.hpp"

// Parameters of activations, on the host: how a struct declares them and how it reads them.

namespace infinitile {

using NamedValues = std::vector<std::pair<std::string, ParameterValue>>;

/// The parameters of one activation: what was written, with the defaults of its signature for the rest.
class Arguments {
public:
  /// Throws Error for a parameter that the activation does not have, one that is missing, or one of the wrong kind.
  Arguments(Signature const& signature, NamedValues const& given);

  double number(std::string_view name) const;
  double at_least(double least, std::string_view name) const;                 ///< throws Error below
  int integer(std::string_view name, int least, int most) const;              ///< throws Error outside of least, ..., most
  std::vector<double> const& numbers(std::string_view name, int most) const;  ///< 1 to `most` of them, or throws Error

private:
  ParameterValue const& find(std::string_view name) const;

  NamedValues values_;
};

// For signatures: with a default, or needed.
inline Parameter number(std::string name, double standard) {
  return {std::move(name), Parameter::Kind::number, false, standard};
}
inline Parameter needed_number(std::string name) {
  return {std::move(name), Parameter::Kind::number, true, 0.0};
}
inline Parameter needed_integer(std::string name) {
  return {std::move(name), Parameter::Kind::integer, true, 0.0};
}
inline Parameter needed_numbers(std::string name) {
  return {std::move(name), Parameter::Kind::numbers, true, std::vector<double>()};
}
inline Parameter flag(std::string name) {
  return {std::move(name), Parameter::Kind::flag, false, 0.0};
}

}  // namespace infinitile
