#pragma once

#include <cmath>

#include "kernels/activation_base.hpp"

// The angle between two inputs, from gap = 1 − cos(angle), with all its digits at both ends.
//
//   t = min(gap, 2 − gap) in [0, 1], s = √t:  angle (or π − angle) = s arc(t),  sin − angle cos = s t bow(t).
//
// arc and bow are analytic in t up to t = 2, so that polynomials of degree 19 and 17 are exact to the last bit or so; acos and atan2 are
// neither branch-free nor accurate here. The coefficients are printed by kernels/make_arc_cosine.py.
//
// Cost  of one ReLU layer, NNGP and NTK: 36 multiply-adds, one square root and about ten other operations per pair, no branch, no division.
//       On AVX-512 a bound of 23 cycles per 8 pairs (two multiply-adds per cycle), beside 18 to 24 cycles of the square root unit. In float
//       15 multiply-adds for 16 pairs.

namespace infinitile::dual_math {

/// c0 + x (c1 + x (c2 + ...)).
template <class X, class R>
INFINITILE_FN constexpr X horner(X, R last) {
  return X{} + last;
}
template <class X, class R, class... Rest>
INFINITILE_FN constexpr X horner(X x, R c, Rest... rest) {
  return c + x * horner(x, rest...);
}

/// f(c0, c1, ...): the coefficients of arc and bow on [0, 1].
template <class F>
INFINITILE_FN constexpr auto with_arc_double(F f) {
  // clang-format off
  return f(
        1.4142135623730951, 0.11785113019775793, 0.02651650429448992, 0.00789181675498563, 0.0026854098360162585,
        0.000988719879452227, 0.0003834335474693885, 0.00015441146222594976, 6.297253248049476e-05, 3.124231112517851e-05,
        -4.549503952308025e-06, 5.094306520203125e-05, -9.701822449672862e-05, 0.0001643929043884492, -0.00020314903215594941,
        0.000189237032823909, -0.00012695539076120946, 5.865637692936183e-05, -1.6696111968621374e-05, 2.262489789646525e-06);
  // clang-format on
}
template <class F>
INFINITILE_FN constexpr auto with_bow_double(F f) {
  // clang-format off
  return f(
        0.9428090415820634, 0.04714045207910318, 0.007576144084134547, 0.0017537370571868048, 0.00048825631422415473,
        0.0001521111309528269, 5.112006844554121e-05, 1.8199037353685e-05, 6.46153284088989e-06, 3.560915624541477e-06,
        -1.8043317058300984e-06, 6.272455658165384e-06, -8.865680416854133e-06, 1.021029081338313e-05, -8.080529198097938e-06,
        4.407757408042762e-06, -1.4560219949669886e-06, 2.3225750659797228e-07);
  // clang-format on
}
/// For float: 9e-8 and 6e-8 of their values.
template <class F>
INFINITILE_FN constexpr auto with_arc_float(F f) {
  return f(1.4142135381698608F, 0.117851123213768F, 0.026517394930124283F, 0.00787342432886362F, 0.002827564487233758F,
           0.0004611806070897728F, 0.001409727381542325F, -0.0008807978010736406F, 0.0005231339018791914F);
}
template <class F>
INFINITILE_FN constexpr auto with_bow_float(F f) {
  return f(0.9428090453147888F, 0.0471404567360878F, 0.007575731724500656F, 0.0017601985018700361F, 0.0004510798607952893F,
           0.0002508667530491948F, -7.612290210090578e-05F, 8.874121704138815e-05F);
}

/// angle / √t at cos(angle) = 1 − t, t in [0, 1].
INFINITILE_FN double arc(double t) {
  return with_arc_double([t](auto... c) { return horner(t, c...); });
}
INFINITILE_FN float arc(float t) {
  return with_arc_float([t](auto... c) { return horner(t, c...); });
}
/// (sin(angle) − angle cos(angle)) / t^(3/2) at cos(angle) = 1 − t, t in [0, 1].
INFINITILE_FN double bow(double t) {
  return with_bow_double([t](auto... c) { return horner(t, c...); });
}
INFINITILE_FN float bow(float t) {
  return with_bow_float([t](auto... c) { return horner(t, c...); });
}

/// The smaller of the gaps to parallel and to antiparallel. A gap that rounding put a little outside of [0, 2] counts as that much inside.
template <class R>
INFINITILE_FN R near_end(R gap) {
  R const low = std::abs(gap), high = std::abs(2 - gap);
  return low < high ? low : high;
}

/// The angle in [0, π].
INFINITILE_FN double angle_of_gap(double gap) {
  double const t = near_end(gap), a = std::sqrt(t) * arc(t);
  return gap > 1 ? pi - a : a;
}

}  // namespace infinitile::dual_math
