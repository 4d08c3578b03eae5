#pragma once

#include <optional>

#include "kernels/activation_arc.hpp"
#include "kernels/layer_view.hpp"
#include "kernels/plane_step.hpp"

// A convolution's weights and the ReLU behind them in one go: the layer that convolutional kernels spend their time in.

namespace infinitile::plane_step {

/// An activation of ReLU's family without shifts.
struct AbReluLayer {
  AbRelu phi;
  double in_out = 1;  ///< (input_scale output_scale)²
};
inline std::optional<AbReluLayer> as_ab_relu(AnyActivation const& activation) {
  std::optional<AbReluLayer> out;
  Scaling const& scale = activation.scaling;
  if (scale.input_shift != 0 || scale.output_shift != 0) return out;
  with_activation(activation, [&](auto const& phi) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(family_of(phi))>, AbRelu>)
      out = AbReluLayer{family_of(phi), dual_math::square(scale.input_scale * scale.output_scale)};
  });
  return out;
}

/// Weights behind a convolution and the ReLU behind them, on L pairs at one entry: k' = a Σ k + b², ntk' = trained k' + one + a Σ ntk, then
/// the arc-cosine dual. r1, r2: roots between the two.
template <class R>
struct WeightsAndRelu {
  R a, trained, one;
  R level, in_out;  ///< (input_scale output_scale)², times V and alone
  AbReluNumbers<R> relu;

  WeightsAndRelu(PositionStep const& dense, double scale, AbRelu const& phi, double in_out_squared)
      : a(static_cast<R>(dense.weight * scale)),
        trained(static_cast<R>(dense.trained_out)),
        one(static_cast<R>(dense.trained_one)),
        level(static_cast<R>(phi.mean_square() * in_out_squared)),
        in_out(static_cast<R>(in_out_squared)),
        relu(phi) {}

  /// A row, into h_out and t_out (null: not wanted). In three passes, since the dependent operations of one entry are a chain of 120 cycles,
  /// and a processor's window holds two of them: passes of 40 cycles keep both of its units busy.
  ///
  /// The formulas of AbReluNumbers::carry for w = r1 r2 gap, so that no quotient is formed: with near = min(w, 2 r1 r2 − w) = r1 r2 t,
  /// √t = near / √(near r1 r2). Two inputs of variance 0 are at an angle of π/2.
  template <int L>
  void run(Sides<R> const& sides, Row<R> const& row, R* spare, R* h_out, R* t_out) const {
    using V = Lanes<R, L>;
    long const numbers = static_cast<long>(row.width) * L;
    R *const leasts = spare, *const roots_near = spare + numbers, *const boths = spare + 2 * numbers, *const apart = spare + 3 * numbers;
    for (int x = 0; x < row.width; ++x) {
      long const i = static_cast<long>(x) * L;
      V const r1 = V{} + sides.row_at(row.p + x), r2 = load_lanes<L>(sides.col_at(row.other + x)), both = r1 * r2, away = r1 - r2;
      V const unequal = (static_cast<R>(0.5) * away) * away, least = larger(a * load_lanes<L>(row.h + i) - unequal, V{});
      V const near = larger(smaller(least, 2 * both - least), V{}),
              root = near * reciprocal_root<R, L>(larger(near * both, V{} + least_product));
      store_lanes(least, leasts + i);
      store_lanes(both > 0 ? root : V{} + 1, roots_near + i);
      store_lanes(both, boths + i);
      store_lanes(unequal, apart + i);
    }
    for (long i = 0; i < numbers; i += L) {  // least - r1 r2 bent, and what turns the slope, in place of √t and of r1 r2 itself
      V const root = load_lanes<L>(roots_near + i), end = root * root, both = load_lanes<L>(boths + i), least = load_lanes<L>(leasts + i);
      V const over = larger(least - both, V{});
      V const h = (least - relu.turn * over) - both * ((relu.part * root) * (end * bow(end))) + load_lanes<L>(apart + i);
      store_lanes(level * h, h_out + i);
    }
    if (t_out == nullptr) return;
    for (long i = 0; i < numbers; i += L) {
      V const root = load_lanes<L>(roots_near + i), turned = (relu.bend * root) * arc(root * root);
      V const own = load_lanes<L>(boths + i) - load_lanes<L>(leasts + i);
      V const slope = own < 0 ? relu.product + turned : relu.level - turned;
      store_lanes((in_out * slope) * (trained * own + (a * load_lanes<L>(row.ntk + i) + one)), t_out + i);
    }
  }

private:
  static constexpr R least_product = sizeof(R) == 4 ? static_cast<R>(1e-37) : static_cast<R>(1e-300);
  template <class V>
  static V arc(V t) {
    if constexpr (sizeof(R) == 4)
      return dual_math::arc_float(t);
    else
      return dual_math::arc_double(t);
  }
  template <class V>
  static V bow(V t) {
    if constexpr (sizeof(R) == 4)
      return dual_math::bow_float(t);
    else
      return dual_math::bow_double(t);
  }
};

}  // namespace infinitile::plane_step
