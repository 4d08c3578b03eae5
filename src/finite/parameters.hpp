#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "net/network.hpp"

namespace infinitile {

/// How the parameters of a network start. Effective weights are those that multiply x, w_std included.
enum class Init {
  gaussian,  ///< independent Gaussians: effective weights of deviation w_std / √(fan in), biases of deviation b_std
  suo,  ///< scaled uniform orthogonal: effective weights are w_std times an orthogonal matrix times max(√(out / in), 1); of a filter all
        ///< in its middle. Biases are 0. Source: Martens et al. 2021 (DKS), dks reference 3.1 and 3.2
  fan_in,  ///< weights as gaussian, biases are 0
  lecun    ///< Gaussians cut off at two deviations, with the same deviation as they come out; biases are 0
};

/// The matrices that an array of weights is made of: (copies, taps, in, groups · out) numbers.
struct WeightLayout {
  long copies = 1;  ///< positions of conv_local, heads of attention
  long taps = 1;    ///< of a filter, all extents odd
  long in = 1;      ///< of one group
  long groups = 1;
  long out = 1;  ///< of one group
  bool operator==(WeightLayout const&) const = default;
};

/// One trainable array of a finite network.
struct ParameterSpec {
  enum class Entries {
    gaussian,
    truncated,   ///< at two deviations of the Gaussian before the cut
    orthogonal,  ///< deviation · √(taps · in) times scaled uniform orthogonal matrices, each copy and group its own
    zero
  };

  std::string path;         ///< "3/1/0/w": that of its layer, and its name there
  std::vector<long> shape;  ///< row-major
  double deviation = 1;     ///< of its entries as they are drawn, of mean 0
  Entries entries = Entries::gaussian;
  WeightLayout layout{};  ///< of orthogonal ones

  long size() const;
  bool operator==(ParameterSpec const&) const = default;
};

/// Values of all parameters, in the order of their specs, as drawn: what scales them stands in the network.
using ParameterValues = std::vector<std::vector<double>>;

/// The parameters of a node, in the order in which it names them (README: Parameters). Source: neural_tangents, reference 2.3, 2.4 and 2.9:
/// in parameterization ntk deviations are 1, in standard that of w is w_std / √(fan in / s[0]) and that of b is b_std.
/// Throws Error, naming the layer, where a width is left out, and for suo where a filter has no middle or its middle leaves outputs without
/// an input.
std::vector<ParameterSpec> parameters_of(Network const& network, Node const& node, Init init = Init::gaussian);

/// Those of all nodes that the output depends on, in the order of the nodes.
std::vector<ParameterSpec> list_parameters(Network const& network, Init init = Init::gaussian);

/// Which of all possible networks: a seed, and the number of the sample among those of the seed.
struct Draw {
  std::uint64_t seed = 0;
  std::uint64_t sample = 0;
};

/// What drawing costs beside the numbers themselves: of matrices that become orthogonal.
double draw_flops(ParameterSpec const& spec);

/// Entry i of a parameter depends on the draw, its path and i alone (of orthogonal ones on the shape too): not on ranks, on threads, on the
/// other layers or on the order of drawing.
std::vector<double> draw_parameter(ParameterSpec const& spec, Draw draw);
ParameterValues draw_parameters(std::span<ParameterSpec const> specs, Draw draw);

}  // namespace infinitile
