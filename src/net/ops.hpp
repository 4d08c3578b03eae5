#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/signature.hpp"
#include "net/op_parameters.hpp"
#include "net/ops_spatial.hpp"

// The operations of a network, one plain struct each. Names, parameters and defaults are those of the field's reference library in
// snake_case. Each lists its parameters once, in for_each_parameter(self, visit) with visit(name, value, domain); the reader, the printed
// form and the fingerprint all work from that list. A new operation is a struct here, a row in Op, and what the compiler then asks for.

namespace infinitile {

/// The data, one node per input of the network.
struct Input {
  static constexpr std::string_view name = "input";
  int index = 0;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("index", self.index, Domain::not_negative);
  }
};

/// Acts on the channels, at each position alike. Without out_dim the width is not known; without b_std there is no bias at all.
struct Dense {
  static constexpr std::string_view name = "dense";
  std::optional<long> out_dim{};
  double w_std = 1;
  std::optional<double> b_std{};
  Parameterization parameterization = Parameterization::ntk;
  std::array<long, 2> s{1, 1};  ///< standard parameterization: width multipliers, in and out; the width is out_dim * s[1]
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("out_dim", self.out_dim, Domain::positive);
    visit("w_std", self.w_std, Domain::not_negative);
    visit("b_std", self.b_std, Domain::not_negative);
    visit("parameterization", self.parameterization, Domain::any);
    visit("s", self.s, Domain::positive);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// All positions become channels.
struct Flatten {
  static constexpr std::string_view name = "flatten";
  template <class Self, class Visit>
  static void for_each_parameter(Self&, Visit&& visit) {
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("batch_axis_out", FixedAxis{0, true}, Domain::any);
  }
};

struct Identity {
  static constexpr std::string_view name = "identity";
  template <class Self, class Visit>
  static void for_each_parameter(Self&, Visit&&) {}
};

/// Divides by the root of eps + variance over the axes. They count the batch as axis 0; in a Network they are positive, sorted and without
/// repetition.
struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  std::vector<int> axis{-1};
  double eps = 1e-12;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("axis", self.axis, Domain::any);
    visit("eps", self.eps, Domain::not_negative);
    visit("batch_axis", FixedAxis{0}, Domain::any);
    visit("channel_axis", FixedAxis{-1}, Domain::any);
  }
};

/// rate is the probability to keep a unit, as in the reference library. In mode test it is the identity.
struct Dropout {
  static constexpr std::string_view name = "dropout";
  double rate = 0;
  Mode mode = Mode::train;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("rate", self.rate, Domain::keep_probability);
    visit("mode", self.mode, Domain::any);
  }
};

/// y = output_scale * (phi(input_scale * x + input_shift) + output_shift), for every activation phi.
struct Affine {
  double input_scale = 1;
  double input_shift = 0;
  double output_scale = 1;
  double output_shift = 0;
  bool operator==(Affine const&) const = default;
};

/// A nonlinearity by name, with all its parameters, defaults filled in. What it computes is known to kernels/ alone.
struct Activation {
  std::string name;
  std::vector<std::pair<std::string, ParameterValue>> parameters;
  Affine affine;
  std::vector<std::string> given{};  ///< the parameters that differ from their defaults, for the printed form only
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    for (auto& [key, value] : self.parameters) visit(key, value, Domain::any);
    visit("input_scale", self.affine.input_scale, Domain::any);
    visit("input_shift", self.affine.input_shift, Domain::any);
    visit("output_scale", self.affine.output_scale, Domain::any);
    visit("output_shift", self.affine.output_shift, Domain::any);
  }
};

/// Of all its inputs, entry by entry.
struct Sum {
  static constexpr std::string_view name = "sum";
  template <class Self, class Visit>
  static void for_each_parameter(Self&, Visit&&) {}
};

/// Of all its inputs, entry by entry.
struct Product {
  static constexpr std::string_view name = "product";
  template <class Self, class Visit>
  static void for_each_parameter(Self&, Visit&&) {}
};

/// The batch is axis 0 in a file; in a Network the axis is counted back from the channels, -1.
struct Concat {
  static constexpr std::string_view name = "concat";
  int axis = -1;
  template <class Self, class Visit>
  static void for_each_parameter(Self& self, Visit&& visit) {
    visit("axis", self.axis, Domain::any);
  }
};

using Op =
    std::variant<Input, Dense, Flatten, Identity, LayerNorm, Dropout, Activation, Sum, Product, Concat, Conv, ConvTranspose, ConvLocal,
                 AvgPool, SumPool, GlobalAvgPool, GlobalSumPool, GlobalSelfAttention, Aggregate, ImageResize, Index, DotGeneral>;

template <class Operation, class... Operations>
inline constexpr bool is_one_of = (std::is_same_v<Operation, Operations> || ...);

/// Do the weights of the operation enter its output afresh, so that its output is independent of all that was there before?
template <class Operation>
inline constexpr bool has_weights = is_one_of<Operation, Dense, Conv, ConvTranspose, ConvLocal, GlobalSelfAttention>;
inline bool has_fresh_weights(Op const& op) {
  return std::visit([]<class Operation>(Operation const&) { return has_weights<Operation>; }, op);
}

/// May the operation follow a dot_general that left the batch elsewhere than first, or the channels elsewhere than last?
template <class Operation>
inline constexpr bool takes_any_axis_order =
    is_one_of<Operation, Dense, Flatten, Identity, Dropout, Activation, Sum, Product, GlobalAvgPool, GlobalSumPool, Index, DotGeneral>;

/// "dense", "relu", ...
inline std::string_view name_of(Op const& op) {
  return std::visit([](auto const& o) -> std::string_view { return o.name; }, op);
}

/// For overload sets over operations: std::visit(Overloaded{[](Dense const&) {...}, ...}, node.op).
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace infinitile
