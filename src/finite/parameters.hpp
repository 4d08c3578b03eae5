#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "net/network.hpp"

namespace infinitile {

/// One trainable array of a finite network.
struct ParameterSpec {
  std::string path;         ///< "3/1/0/w": that of its layer, and its name there
  std::vector<long> shape;  ///< row-major
  double deviation = 1;     ///< of its entries as they are drawn, independent Gaussians of mean 0

  long size() const;
  bool operator==(ParameterSpec const&) const = default;
};

/// Values of all parameters, in the order of their specs, as drawn: what scales them stands in the network.
using ParameterValues = std::vector<std::vector<double>>;

/// The parameters of a node, in the order in which it names them (README: Parameters). Source: neural_tangents, reference 2.3, 2.4 and 2.9:
/// in parameterization ntk deviations are 1, in standard that of w is w_std / √(fan in / s[0]) and that of b is b_std.
/// Throws Error, naming the layer, where a width is left out.
std::vector<ParameterSpec> parameters_of(Network const& network, Node const& node);

/// Those of all nodes that the output depends on, in the order of the nodes.
std::vector<ParameterSpec> list_parameters(Network const& network);

/// Which of all possible networks: a seed, and the number of the sample among those of the seed.
struct Draw {
  std::uint64_t seed = 0;
  std::uint64_t sample = 0;
};

/// Entry i of a parameter depends on the draw, its path and i alone: not on ranks, on the other layers or on the order of drawing.
std::vector<double> draw_parameter(ParameterSpec const& spec, Draw draw);
ParameterValues draw_parameters(std::span<ParameterSpec const> specs, Draw draw);

}  // namespace infinitile
