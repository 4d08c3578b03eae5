#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/signature.hpp"
#include "net/op_parameters.hpp"
#include "net/yaml.hpp"

// Ready-made networks, network: {family: NAME, ...}, one plain struct each. A family lists its parameters as operations do (net/ops.hpp),
// and layers() writes the network that they stand for as a user would write it: the reader goes on from there, so that all that follows
// knows plain layers alone. A new family is a struct here, its layers() in families.cpp, a row in Families, and its section in docs/layers.md.

namespace infinitile {

/// What follows the last layer with positions: a pool over all of them, or flatten.
enum class Head { pooling, flatten };
enum class MyrtleDepth { five, seven, ten };
template <>
inline constexpr std::array<std::string_view, 2> words_of<Head>{"pooling", "flatten"};
template <>
inline constexpr std::array<std::string_view, 3> words_of<MyrtleDepth>{"5", "7", "10"};

/// An activation as it stands in a network: relu, or {leaky_relu: {alpha: 0.1}}.
struct ActivationWords {
  std::string words;
};

/// Keeps the variance through ReLU layers of any number.
inline constexpr double relu_w_std = 1.4142135623730951;

/// Dense layers with activations.
struct FullyConnected {
  static constexpr std::string_view name = "fully_connected";
  long depth = 3;  ///< hidden layers
  std::optional<long> width{}, out_dim{};
  ActivationWords activation{"relu"};
  double w_std = relu_w_std;
  std::optional<double> b_std{};
  Parameterization parameterization = Parameterization::ntk;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("depth", self.depth, Domain::positive);
    visit("width", self.width, Domain::positive);
    visit("out_dim", self.out_dim, Domain::positive);
    visit("activation", self.activation, Domain::any);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("parameterization", self.parameterization, Domain::any);
  }
  std::string layers() const;
};

/// Convolutions of one size, then flatten or a pool over all positions.
struct VanillaConv {
  static constexpr std::string_view name = "vanilla_conv";
  long depth = 3;  ///< convolutions
  Head head = Head::pooling;
  std::vector<long> filter_shape{3, 3};
  Padding padding = Padding::same;
  std::optional<long> out_chan{}, out_dim{};
  ActivationWords activation{"relu"};
  double w_std = relu_w_std;
  std::optional<double> b_std{};
  Parameterization parameterization = Parameterization::ntk;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("depth", self.depth, Domain::positive);
    visit("head", self.head, Domain::any);
    visit("filter_shape", self.filter_shape, Domain::positive);
    visit("padding", self.padding, Domain::any);
    visit("out_chan", self.out_chan, Domain::positive);
    visit("out_dim", self.out_dim, Domain::positive);
    visit("activation", self.activation, Domain::any);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("parameterization", self.parameterization, Domain::any);
  }
  std::string layers() const;
};

/// Source  Shankar et al. 2020, Neural Kernels Without Tangents, as in Neural Tangents' notebook on Myrtle kernels; there three pools of 2 x 2
/// stand at the end, which are the pool over all positions for the 8 x 8 of them that an image of 32 x 32 has left.
struct Myrtle {
  static constexpr std::string_view name = "myrtle";
  MyrtleDepth depth = MyrtleDepth::five;  ///< convolutions, and the dense layer at the end
  std::optional<long> out_chan{}, out_dim{};
  ActivationWords activation{"relu"};
  double w_std = relu_w_std;
  std::optional<double> b_std{};
  Parameterization parameterization = Parameterization::ntk;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("depth", self.depth, Domain::any);
    visit("out_chan", self.out_chan, Domain::positive);
    visit("out_dim", self.out_dim, Domain::positive);
    visit("activation", self.activation, Domain::any);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("parameterization", self.parameterization, Domain::any);
  }
  std::string layers() const;
};

/// Source  Zagoruyko & Komodakis 2016, Wide Residual Networks, without normalization, as in Neural Tangents' README; its pool of 8 x 8 at
/// the end is the pool over all positions for images of 32 x 32.
struct WideResnet {
  static constexpr std::string_view name = "wide_resnet";
  long block_size = 4;          ///< residual blocks in each of the three groups
  std::optional<long> depth{};  ///< 6 block_size + 4, the number in names such as WRN-28-10; another way to say block_size
  long k = 1;                   ///< the groups have 16 k, 32 k and 64 k channels
  std::vector<long> filter_shape{3, 3};
  std::optional<long> out_dim{};
  ActivationWords activation{"relu"};
  double w_std = 1;
  std::optional<double> b_std{};
  Parameterization parameterization = Parameterization::ntk;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("block_size", self.block_size, Domain::positive);
    visit("depth", self.depth, Domain::positive);
    visit("k", self.k, Domain::positive);
    visit("filter_shape", self.filter_shape, Domain::positive);
    visit("out_dim", self.out_dim, Domain::positive);
    visit("activation", self.activation, Domain::any);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("parameterization", self.parameterization, Domain::any);
  }
  std::string layers() const;
};

/// Patches by a strided convolution, blocks of attention and two dense layers on residual branches with layer_norm before each.
/// Source  Dosovitskiy et al. 2021, An Image is Worth 16x16 Words; positions enter at each attention, where Hron et al. 2020, Infinite
/// Attention, know their kernel, and a pool or flatten stands for the class token.
struct VisionTransformer {
  static constexpr std::string_view name = "vision_transformer";
  long depth = 1;  ///< blocks
  std::vector<long> patch_shape{4, 4};
  Head head = Head::pooling;
  std::optional<long> width{};
  long mlp_ratio = 4;  ///< the dense layer inside has mlp_ratio times the width
  long n_heads = 1;
  std::optional<long> out_dim{};
  AttentionMechanism attention_mechanism = AttentionMechanism::softmax;
  PositionalEmbedding pos_emb_type = PositionalEmbedding::sum;
  ActivationWords activation{"gelu"};
  double w_std = 1;
  std::optional<double> b_std{};
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("depth", self.depth, Domain::positive);
    visit("patch_shape", self.patch_shape, Domain::positive);
    visit("head", self.head, Domain::any);
    visit("width", self.width, Domain::positive);
    visit("mlp_ratio", self.mlp_ratio, Domain::positive);
    visit("n_heads", self.n_heads, Domain::positive);
    visit("out_dim", self.out_dim, Domain::positive);
    visit("attention_mechanism", self.attention_mechanism, Domain::any);
    visit("pos_emb_type", self.pos_emb_type, Domain::any);
    visit("activation", self.activation, Domain::any);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
  }
  std::string layers() const;
};

using Families = std::tuple<FullyConnected, VanillaConv, Myrtle, WideResnet, VisionTransformer>;

/// A network as {defaults: {...}, layers: [...]}, and the file that messages about its layers name: "job.yaml:3: family myrtle".
struct ExpandedFamily {
  YAML::Node network;  ///< without lines
  std::string file;
};

/// What {family: NAME, ...} stands for, on data of that shape. Throws Error with line, key, what was found and what is needed.
ExpandedFamily expand_family(YAML::Node const& network, std::string const& file, std::vector<Signature> const& activations,
                             std::vector<long> const& shape);

}  // namespace infinitile
