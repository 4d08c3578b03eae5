#pragma once

#include <string>
#include <vector>

#include "kernels/activation.hpp"

namespace infinitile {

struct Case {
  std::string name;
  NamedValues parameters;
  bool kinked = false;
};

/// THE list: one row per activation at least. The tests of activations and of their layers run over all rows.
inline std::vector<Case> const& cases() {
  static std::vector<Case> const list{
      {"erf", {{"a", 0.7}, {"b", 1.3}, {"c", 0.4}}},
      {"sigmoid_like", {}},
      {"gelu", {}},
      {"sin", {{"a", 1.2}, {"b", 0.8}, {"c", 0.6}}},
      {"sin", {}},
      {"cos", {{"a", 0.7}, {"b", 1.5}, {"c", -0.4}}},
      {"rbf", {{"gamma", 0.9}}},
      {"gaussian", {{"a", 1.1}, {"b", -0.7}}},
      {"gaussian", {{"b", 0.05}}},
      {"exp", {{"a", 0.5}, {"b", 0.6}}},
      {"gabor", {}},
      {"ab_relu", {{"a", -0.3}, {"b", 1.1}}, true},
      {"ab_relu", {{"a", 0.6}, {"b", 0.6}}, true},
      {"relu", {{"do_stabilize", 1.0}}, true},
      {"leaky_relu", {{"alpha", 0.2}}, true},
      {"abs", {}, true},
      {"sign", {}, true},
      {"hermite", {{"degree", 0.0}}},
      {"hermite", {{"degree", 1.0}}},
      {"hermite", {{"degree", 4.0}}},
      {"monomial", {{"degree", 3.0}}},
      {"rectified_monomial", {{"degree", 0.0}}, true},
      {"rectified_monomial", {{"degree", 1.0}}, true},
      {"rectified_monomial", {{"degree", 2.0}}, true},
      {"rectified_monomial", {{"degree", 5.0}}, true},
      {"polynomial", {{"coef", std::vector<double>{-0.1, 2.1, 0.0, 0.3, -1.2, -0.5}}}},
      {"tanh", {}},
      {"sigmoid", {}},
      {"softplus", {}},
      {"silu", {}},
      {"elu", {}, true},
      {"selu", {}, true},
      {"softsign", {}, true},
      {"atan", {}},
      {"asinh", {}},
      {"bent_identity", {}},
  };
  return list;
}

struct Pairing {
  double q1, q2, gap;
};
inline std::vector<Pairing> const pairings{{1.3, 0.7, 0.6}, {1, 1, 0.3},      {1, 1, 1e-3},  {0.5, 0.5, 1e-8}, {0.8, 0.8, 0},
                                           {2, 0.4, 1},     {1, 1, 2 - 1e-8}, {0.9, 0.9, 2}, {1e-6, 1.5, 0.4}, {1.4, 1.4, 1.3},
                                           {1, 1.2, 1e-12}, {3, 0.01, 1.7},   {0, 1.3, 1},   {0, 0, 1}};

inline std::vector<Pairing> const few_pairings{{1.3, 0.7, 0.6}, {1, 1, 1e-3}, {0.9, 0.9, 2}, {1.1, 0.8, 1}};

inline std::vector<Scaling> const scalings{{1, 0, 1, 0}, {-0.7, 0, -0.9, -0.3}, {1.2, 0.4, 1.1, 0.25}};

}  // namespace infinitile
