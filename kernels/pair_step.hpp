#pragma once

#include "kernels/device.hpp"

// What the layers of an infinitely wide network do to one row of pairs.
//
// A pair (i, j) carries, per register,
//   gap = 1 − ρ      ρ the correlation of the two preactivations, so that the covariance is k = r_i r_j (1 − gap);
//   ntk              the tangent kernel, not normalized.
// The roots r = √E[u²] belong to rows, not to pairs: they are known before any pair is looked at. Carrying the gap keeps the digits of
// near-duplicate inputs: each rule below is a sum of terms of one sign (no 1 − ρ is formed from a ρ that was rounded), and a layer without
// bias does not touch it.
//
// Cost  per pair and dense layer without bias 5 flops, with bias 16 and one division; per ReLU see kernels/arc_cosine.hpp. All in registers
// and L1.

namespace infinitile {

/// One step of a pair program. `before`, `other` and `after` are rows of the table of roots: those of the target before the step, of the
/// source (normalize: the factors 1 / √(q + eps) instead), of the target after it.
struct Step {
  enum class Kind { load, copy, dense, activate, normalize, drop, add, multiply };
  Kind kind = Kind::load;
  int target = 0;   ///< register that is changed
  int source = -1;  ///< register that is read as well: copy, add, multiply
  int before = 0;
  int other = 0;
  int after = 0;
  int index = 0;      ///< load: which input; activate, normalize: which of the program's activations, layer norms
  double weight = 1;  ///< dense: w_std²; add: weight of the target; drop: the keep probability
  double shift = 0;   ///< dense: b_std²; add: weight of the source
  double trained_out = 0, trained_in = 0, trained_one = 0;  ///< dense: ntk' = out k' + in k + one + w_std² ntk
  int node = -1;                                            ///< of the network, for messages; copies belong to none
};

namespace step {

// R is the arithmetic: double, or float for pairs whose roots and kernels stay inside its range (kernels/row_table.hpp).

/// The roots of row i and of the columns j of a strip.
template <class R>
struct Roots {
  R row = 0;
  R const* col = nullptr;
};

/// k' = a k + b. From q' = a q + b follows q1' q2' − (a s + b)² = a b (r1 − r2)², with s = r1 r2; so gap' has only positive terms.
/// Source: neural_tangents dense rule (reference 2.3), written for the gap.
template <class R>
INFINITILE_FN void dense(Step const& step, Roots<R> before, Roots<R> after, int count, R* gap, R* ntk) {
  auto const a = static_cast<R>(step.weight), b = static_cast<R>(step.shift);
  auto const one = static_cast<R>(step.trained_one), in = static_cast<R>(step.trained_in), out = static_cast<R>(step.trained_out);
  if (b == 0) {
    R const both = (out * a + in) * before.row;
    if (ntk != nullptr)
      for (int j = 0; j < count; ++j) ntk[j] = both * before.col[j] * (1 - gap[j]) + (a * ntk[j] + one);
    if (a == 0)
      for (int j = 0; j < count; ++j) gap[j] = 1;
    return;
  }
  for (int j = 0; j < count; ++j) {
    R const s = before.row * before.col[j], s_after = after.row * after.col[j];
    R const d = before.row - before.col[j];
    R const sum = s_after + (a * s + b);
    R const gap_after = (a * s * gap[j] * sum + a * b * (d * d)) / (s_after * sum);
    if (ntk != nullptr) ntk[j] = out * s_after * (1 - gap_after) + in * s * (1 - gap[j]) + (a * ntk[j] + one);
    gap[j] = gap_after;
  }
}

/// k' = v k + w l, target and source independent. With S = √(q1' q2'): S² − (v s + w t)² = v w (r1 p2 − p1 r2)², the identity of Lagrange.
/// Both variances zero: gap 1.
template <class R>
INFINITILE_FN void add(Step const& step, Roots<R> before, Roots<R> other, Roots<R> after, int count, R* gap, R* ntk, R const* gap2,
                       R const* ntk2) {
  auto const v = static_cast<R>(step.weight), w = static_cast<R>(step.shift);
  for (int j = 0; j < count; ++j) {
    R const s = v * before.row * before.col[j], t = w * other.row * other.col[j], both = after.row * after.col[j];
    R const d = before.row * other.col[j] - other.row * before.col[j];
    R const safe = both > 0 ? both : 1;
    R const merged = (v * w * (d * d) / (safe + s + t) + s * gap[j] + t * gap2[j]) / safe;
    gap[j] = both > 0 ? merged : 1;
    if (ntk != nullptr) ntk[j] = v * ntk[j] + w * ntk2[j];
  }
}

/// k' = k l: the correlations multiply, 1 − gap' = (1 − gap)(1 − gap2).
template <class R>
INFINITILE_FN void multiply(Roots<R> before, Roots<R> other, int count, R* gap, R* ntk, R const* gap2, R const* ntk2) {
  for (int j = 0; j < count; ++j) {
    if (ntk != nullptr) {
      R const k = before.row * before.col[j] * (1 - gap[j]), l = other.row * other.col[j] * (1 - gap2[j]);
      ntk[j] = ntk[j] * l + k * ntk2[j];
    }
    gap[j] = gap[j] + gap2[j] - gap[j] * gap2[j];
  }
}

/// Dropout at training time changes only the variances (q / keep); a covariance of two inputs stays, so their correlation shrinks.
template <class R>
INFINITILE_FN void drop(R keep, int count, R* gap) {
  for (int j = 0; j < count; ++j) gap[j] = (1 - keep) + keep * gap[j];
}

/// Layer norm divides by √(q + eps) per row: the correlation stays.
template <class R>
INFINITILE_FN void normalize(Roots<R> factor, int count, R* ntk) {
  for (int j = 0; j < count; ++j) ntk[j] *= factor.row * factor.col[j];
}

}  // namespace step
}  // namespace infinitile
