#pragma once

#include <array>
#include <numbers>
#include <optional>

#include "kernels/activation_arc.hpp"
#include "kernels/layer_view.hpp"
#include "kernels/plane_angles.hpp"
#include "kernels/plane_step.hpp"

// The layers that rows of a plane run through: weights, and the ReLU behind them, which convolutional kernels spend their time in.
//
// Cost  per entry of a 3 x 3 convolution and ReLU, NNGP and NTK, where no angle is beyond π/2: 8 additions (windows are sums down the columns
//       first, which neighbours share), 14 operations of distances, weights and the NTK, 12 of the root, and polynomials of 15 multiply-adds in
//       float, 36 in double with 3 more for the root: 49 in float, 74 in double, no division; 7 more where angles are any. Bound: two vector
//       operations per cycle, 25 cycles per 16 entries in float, 37 per 8 in double.
//       These are one chain of 120 cycles, in float, of which a processor's window holds two; so `Block` neighbours go through it side by
//       side, as many as the 32 registers of AVX-512 bear. Out of order and free of cache misses that is 31 and 47 cycles (a static analysis of
//       the compiler's code for Cascade Lake).

namespace infinitile::plane_step {

/// Sums over the windows of N neighbours, Taps x Taps cells each, `at` being the first cell of the first one.
template <int Taps, int L, int N, class R>
INFINITILE_INLINE void sum_windows(R const* at, long pitch, Lanes<R, L> (&sums)[N]) {
  if constexpr (Taps == 1) {
    for (int i = 0; i < N; ++i) sums[i] = load_lanes<L>(at + i * L);
  } else {
    static_assert(Taps == 3);
    Lanes<R, L> down[N + 2];
    for (int i = 0; i < N + 2; ++i)
      down[i] = load_lanes<L>(at + i * L) + load_lanes<L>(at + pitch + i * L) + load_lanes<L>(at + 2 * pitch + i * L);
    for (int i = 0; i + 1 < N; i += 2) {  // two neighbours share two of their columns
      Lanes<R, L> const shared = down[i + 1] + down[i + 2];
      sums[i] = down[i] + shared;
      sums[i + 1] = shared + down[i + 3];
    }
    if constexpr (N % 2 == 1) sums[N - 1] = down[N - 1] + (down[N] + down[N + 1]);
  }
}

/// k' = a Σ k + b², ntk' = trained k' + one + a Σ ntk. `sum_scale`: of the sum over a window.
template <class R>
struct Weights {
  R a, trained, one;

  explicit Weights(double sum_scale) : a(static_cast<R>(sum_scale)), trained(0), one(0) {}
  Weights(PositionStep const& dense, double sum_scale)
      : a(static_cast<R>(dense.weight * sum_scale)),
        trained(static_cast<R>(dense.trained_out + from_input(dense))),
        one(static_cast<R>(dense.trained_one - from_input(dense) * dense.shift)) {}

  /// In standard parameterization ntk' has a multiple of k = (k' − b²) / w²; where that does not lose digits.
  static bool fits(PositionStep const& dense) { return dense.trained_in == 0 || (dense.weight > 0 && dense.shift <= dense.weight); }

  template <int Taps, int L, int N, bool with_ntk>
  void block(Row<R> const& row, int x) const {
    using V = Lanes<R, L>;
    R const half = static_cast<R>(0.5);
    long const at = static_cast<long>(x) * L;
    V h[N], t[N];
    sum_windows<Taps, L>(row.h + at, row.pitch, h);
    for (int i = 0; i < N; ++i) h[i] *= a;
    for (int i = 0; i < N; ++i) store_lanes(h[i], row.h_out + at + i * L);
    if constexpr (with_ntk) {
      sum_windows<Taps, L>(row.ntk + at, row.pitch, t);
      for (int i = 0; i < N; ++i) {
        R const r1 = row.roots.row_at(x + i);
        V const r2 = load_lanes<L>(row.roots.col_at(x + i)), all = half * (r1 * r1 + r2 * r2) - h[i];
        V const k = r1 * r2 > 0 ? all : V{};  // as position_step::covariance
        store_lanes(trained * k + (a * t[i] + one), row.ntk_out + at + i * L);
      }
    }
  }

private:
  static double from_input(PositionStep const& dense) { return dense.trained_in == 0 ? 0 : dense.trained_in / dense.weight; }
};

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

/// Coefficients c0, c1, ... of powers of t to those of powers of 2t, times a factor.
template <class R>
struct InTwice {
  double factor = 1;
  auto operator()(auto... c) const {
    double scale = 2 * factor;
    return std::array{static_cast<R>((scale *= 0.5) * c)...};  // from left to right
  }
};

/// The coefficients of kernels/arc_cosine.hpp for loops over neighbours, times a factor, as polynomials in 2t.
template <class R>
auto arc_terms(double factor) {
  if constexpr (sizeof(R) == 4)
    return dual_math::with_arc_float(InTwice<R>{factor});
  else
    return dual_math::with_arc_double(InTwice<R>{factor});
}
template <class R>
auto bow_terms(double factor) {
  if constexpr (sizeof(R) == 4)
    return dual_math::with_bow_float(InTwice<R>{factor});
  else
    return dual_math::with_bow_double(InTwice<R>{factor});
}

/// Horner's rule for N neighbours side by side.
template <int N, class V, class Terms>
INFINITILE_INLINE void horner(Terms const& c, V const (&t)[N], V (&sum)[N]) {
  constexpr int last = static_cast<int>(std::tuple_size_v<Terms>) - 1;
  for (int i = 0; i < N; ++i) sum[i] = V{} + c[last];
#pragma GCC unroll 20
  for (int k = last - 1; k >= 0; --k)
    for (int i = 0; i < N; ++i) sum[i] = c[static_cast<std::size_t>(k)] + t[i] * sum[i];
}

/// Weights, then the arc-cosine dual.
///
/// Formula   those of AbReluNumbers::carry for w = r1 r2 gap, so that no quotient is formed: with near = min(w, 2 r1 r2 − w) = r1 r2 t,
///           √t = near / √(near r1 r2). Two inputs of variance 0 are at an angle of π/2. What multiplies the polynomials is in their terms,
///           r1 r2 t √t is near √t, and all that follows from h is twice as large, which saves the ½ of ½ (r1 − r2)².
/// Angles    where no covariance is negative, as behind a ReLU, none is beyond π/2, and near is w.
template <class R, Angles angles>
class WeightsAndRelu {
public:
  WeightsAndRelu(Weights<R> const& weights, AbReluLayer const& relu)
      : weights_(weights),
        twice_(2 * weights.a),
        level_(static_cast<R>(relu.phi.mean_square() * relu.in_out)),
        half_level_(level_ / 2),
        product_(static_cast<R>(relu.phi.a * relu.phi.b * relu.in_out)),
        turn_(static_cast<R>(AbReluNumbers<double>(relu.phi).bend * dual_math::pi * relu.in_out)),
        bow_(bow_terms<R>(AbReluNumbers<double>(relu.phi).bend * relu.in_out / std::sqrt(8.0))),
        arc_(arc_terms<R>(AbReluNumbers<double>(relu.phi).bend * relu.in_out / std::numbers::sqrt2)) {}

  template <int Taps, int L, int N, bool with_ntk>
  void block(Row<R> const& row, int x) const {
    using V = Lanes<R, L>;
    R const half = static_cast<R>(0.5), right = static_cast<R>(std::numbers::sqrt2);
    long const at = static_cast<long>(x) * L;
    V h[N], bent[N], rest[N], root[N], end[N], sum[N];  // 2h; 2 near, then times root; r1 r2 − w, which is k; √2t; 2t; polynomials
    sum_windows<Taps, L>(row.h + at, row.pitch, h);
    for (int i = 0; i < N; ++i) {
      R const r1 = row.roots.row_at(x + i);
      V const r2 = load_lanes<L>(row.roots.col_at(x + i)), away = r1 - r2, both = r1 * r2;
      h[i] *= twice_;
      // Beyond its largest value w is rounding; without variance it is 0, and so is k.
      V const most = (angles == Angles::acute ? 2 : 4) * both;
      V const twice_w = smaller(larger(h[i] - away * away, V{}), most);
      rest[i] = both - half * twice_w;
      bent[i] = angles == Angles::acute ? twice_w : smaller(twice_w, most - twice_w);
      root[i] = over_root<R, L>(bent[i], larger(bent[i] * both, V{} + least_product));
      root[i] = both > 0 ? root[i] : V{} + right;
    }
    for (int i = 0; i < N; ++i) end[i] = root[i] * root[i];
    for (int i = 0; i < N; ++i) bent[i] *= root[i];
    horner<N>(bow_, end, sum);
    for (int i = 0; i < N; ++i) {
      V level = half_level_ * h[i];
      if constexpr (angles == Angles::any) level += turn_ * smaller(rest[i], V{});
      store_lanes(level - bent[i] * sum[i], row.h_out + at + i * L);
    }
    if constexpr (with_ntk) {
      V t[N];
      horner<N>(arc_, end, sum);
      for (int i = 0; i < N; ++i) {
        V const turned = root[i] * sum[i];
        sum[i] = level_ - turned;
        if constexpr (angles == Angles::any) sum[i] = rest[i] < 0 ? product_ + turned : sum[i];
      }
      sum_windows<Taps, L>(row.ntk + at, row.pitch, t);
      for (int i = 0; i < N; ++i)
        store_lanes(sum[i] * (weights_.trained * rest[i] + (weights_.a * t[i] + weights_.one)), row.ntk_out + at + i * L);
    }
  }

private:
  static constexpr R least_product = sizeof(R) == 4 ? static_cast<R>(1e-37) : static_cast<R>(1e-300);

  Weights<R> weights_;
  R twice_;                         ///< 2 a
  R level_, half_level_, product_;  ///< V, V/2 and a b, times in_out
  R turn_;                          ///< πF, times in_out
  decltype(bow_terms<R>(1)) bow_;
  decltype(arc_terms<R>(1)) arc_;
};

}  // namespace infinitile::plane_step
