#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

// The types of parameters that operations have, and the words for their values.

namespace infinitile {

/// What a value must be like; `given`: there has to be one. A default outside its domain means that the parameter has to be given.
enum class Domain { any, not_negative, positive, keep_probability, given };

/// An axis that the reference library lets the user choose and that is fixed here: batch first (0), channels last (-1). Where a
/// dot_general has moved them the user has to write where they are.
struct FixedAxis {
  int axis;
  bool of_output = false;
};

/// The order of axes that the reference library lets the user choose for convolutions: channels are last here.
struct FixedLayout {};

enum class Parameterization { ntk, standard };
enum class Mode { train, test };
enum class Padding { valid, same, circular };
enum class AttentionMechanism { softmax, identity, abs, relu };
enum class PositionalEmbedding { none, sum, concat };
/// bilinear, trilinear and triangle are other names of linear.
enum class ResizeMethod { nearest, linear, bilinear, trilinear, triangle };
enum class Aggregation { dense, sparse };

/// The words of an enumeration as users write them, in its order.
template <class Enumeration>
inline constexpr std::array<std::string_view, 0> words_of{};
template <>
inline constexpr std::array<std::string_view, 2> words_of<Parameterization>{"ntk", "standard"};
template <>
inline constexpr std::array<std::string_view, 2> words_of<Mode>{"train", "test"};
template <>
inline constexpr std::array<std::string_view, 3> words_of<Padding>{"VALID", "SAME", "CIRCULAR"};
template <>
inline constexpr std::array<std::string_view, 4> words_of<AttentionMechanism>{"SOFTMAX", "IDENTITY", "ABS", "RELU"};
template <>
inline constexpr std::array<std::string_view, 3> words_of<PositionalEmbedding>{"NONE", "SUM", "CONCAT"};
template <>
inline constexpr std::array<std::string_view, 5> words_of<ResizeMethod>{"nearest", "linear", "bilinear", "trilinear", "triangle"};
template <>
inline constexpr std::array<std::string_view, 2> words_of<Aggregation>{"DENSE", "SPARSE"};

/// A constant array as it is written: nested lists of numbers, or one number (no sizes).
struct ConstantArray {
  std::vector<long> shape;
  std::vector<double> values;  ///< row-major
  bool operator==(ConstantArray const&) const = default;
};

/// Which axes a product contracts and which it runs along together, of the left and of the right side.
struct ProductAxes {
  std::vector<int> contract_left, contract_right, batch_left, batch_right;
  bool operator==(ProductAxes const&) const = default;
};

/// What two position embeddings have in common, by the distance s of their positions.
struct PositionDecay {
  enum class Kind { exp, power, values };
  Kind kind = Kind::exp;
  double rate = 1;             ///< exp: exp(−rate s); power: (1 + s)^−rate
  std::vector<double> values;  ///< values: at s = 0, 1, 2, ..., and 0 behind them
  bool operator==(PositionDecay const&) const = default;
};
/// A list of values has no name.
template <>
inline constexpr std::array<std::string_view, 2> words_of<PositionDecay::Kind>{"exp", "power"};

/// One item between numpy's brackets: 3, 1:6:2, or ...
struct IndexItem {
  enum class Kind { number, slice, ellipsis };
  Kind kind = Kind::slice;
  std::optional<long> start, stop, step;  ///< number: start alone
  bool operator==(IndexItem const&) const = default;
};

}  // namespace infinitile
