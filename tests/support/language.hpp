#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/signature.hpp"
#include "net/reader.hpp"

namespace infinitile {

/// The activations of the network language with their parameters and defaults, written down by hand from the reference library's
/// signatures.
inline std::vector<Signature> const& language_activations() {
  using Kind = Parameter::Kind;
  auto const number = [](char const* name, double standard) { return Parameter{name, Kind::number, false, standard}; };
  auto const flag = [](char const* name) { return Parameter{name, Kind::flag, false, 0.0}; };
  auto const needed = [](char const* name, Kind kind) { return Parameter{name, kind, true, 0.0}; };
  std::vector<Parameter> const abc{number("a", 1), number("b", 1), number("c", 0)};
  static std::vector<Signature> const list{
      {"erf", abc},
      {"sigmoid_like", {}},
      {"gelu", {flag("approximate")}},
      {"sin", abc},
      {"cos", abc},
      {"rbf", {number("gamma", 1)}},
      {"gaussian", {number("a", 1), number("b", -1)}},
      {"exp", {number("a", 1), number("b", 1)}},
      {"gabor", {}},
      {"exp_normalized", {number("gamma", 1), number("shift", -1), flag("do_clip")}},
      {"ab_relu", {needed("a", Kind::number), needed("b", Kind::number), flag("do_stabilize")}},
      {"relu", {flag("do_stabilize")}},
      {"leaky_relu", {needed("alpha", Kind::number), flag("do_stabilize")}},
      {"abs", {flag("do_stabilize")}},
      {"sign", {}},
      {"hermite", {needed("degree", Kind::integer)}},
      {"monomial", {needed("degree", Kind::integer)}},
      {"rectified_monomial", {needed("degree", Kind::integer)}},
      {"polynomial", {needed("coef", Kind::numbers)}},
      {"tanh", {}},
      {"sigmoid", {}},
      {"softplus", {}},
      {"silu", {}},
      {"elu", {}},
      {"selu", {}},
      {"softsign", {}},
      {"atan", {}},
      {"asinh", {}},
      {"bent_identity", {}},
  };
  return list;
}

/// The network in these words, as if they stood in net.yaml.
inline Network read_words(std::string const& words, std::vector<std::vector<long>> const& shapes = {{5}}) {
  return read_network(parse_yaml(words, "net.yaml"), {"net.yaml", "", shapes, language_activations()});
}

/// The message of the Error that an action ends with; "no error" when it does not.
template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (Error const& error) {
    return error.code() == Exit::bad_input ? error.what() : "another exit code";
  }
  return "no error";
}

}  // namespace infinitile
