#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/position_program.hpp"
#include "kernels/position_table.hpp"

// What the layers of an infinitely wide network do to L pairs of inputs at once: one row input against L columns, at every pair of positions
// (p, p'). The general path, layer by layer.
//
// A pair carries, at each (p, p'),
//   h = ½ E[(u_p − v_p')²]   half the squared distance of the two preactivations, so that k = ½ (r_p² + r_p'²) − h;
//   ntk                      the tangent kernel.
// h is what k cannot give: convolutions, sums and means of it are sums of terms of one sign, so near-duplicate inputs keep their digits
// through any number of layers. An activation takes gap = 1 − ρ = (h − ½ (r_p − r_p')²) / (r_p r_p') and gives h' = r r' gap' + ½ (r − r')².
// Only what adds covariances with weights (pooling, attention, ...) goes through k, and is good to one rounding of it.
//
// Arrays are [entry][L], entry = p on the diagonal and p · positions' + p' otherwise; the L columns are vector lanes.
//
// Cost  per pair, entry and tap of a convolution 2 additions and 4 loads from L2, 16 to 32 bytes per flop: bound by L2. Per ReLU as in
//       kernels/arc_cosine.hpp plus 8 flops and one division.

namespace infinitile::position_step {

/// Roots at one slot of the table: of the row input at p, and of the L columns at p.
template <class R>
struct Sides {
  static constexpr long stride = InputLines<R>::width;
  R const* row = nullptr;
  R const* col = nullptr;
  R row_at(int p) const { return row[p * stride]; }
  R const* col_at(int p) const { return col + p * stride; }
  /// Counted from p, and on the side of the columns from p' on.
  Sides from(int p, int other) const { return {row + p * stride, col + other * stride}; }
};

/// The entries of a value that has each position with itself, or all pairs of positions. Entries are what steps run over: for_each calls
/// f(p, p', entry).
struct PairsOfPositions {
  Spread spread = Spread::diagonal;
  int positions = 1;

  long count() const { return spread == Spread::diagonal ? positions : static_cast<long>(positions) * positions; }
  long cells() const { return count(); }  ///< of an array

  template <class F>
  void for_each(F f) const {
    if (spread == Spread::diagonal) {
      for (int p = 0; p < positions; ++p) f(p, p, static_cast<long>(p));
    } else {
      for (int p = 0; p < positions; ++p)
        for (int other = 0; other < positions; ++other) f(p, other, static_cast<long>(p) * positions + other);
    }
  }
};

/// h and ntk (null: not wanted) of one register.
template <class R>
struct Value {
  R* h = nullptr;
  R* ntk = nullptr;
};

/// k from h, for roots r1 and r2. Exactly 0 where one side has no variance: a layer norm behind it multiplies what rounding leaves there by up to
/// 1 / √eps, and the next one again.
template <class R>
INFINITILE_INLINE R covariance(R r1, R r2, R h) {
  return r1 * r2 > 0 ? static_cast<R>(0.5) * (r1 * r1 + r2 * r2) - h : 0;
}

/// The inputs of the network: h from differences, so that near duplicates begin with all their digits. Lines: position · channels + channel.
struct InputColumns {
  double const* row = nullptr;
  double const* col = nullptr;
  int channels = 1;
};
template <int L, class R, class Entries>
void load(Entries const& entries, InputColumns const& from, Value<R> to) {
  constexpr int part = std::min(L, 8);  // one vector of AVX-512
  double const weight = 0.5 / from.channels;
  long const next = from.channels * InputLines<double>::width;
  entries.for_each([&](int p, int other, long e) {
    double const* const own = from.row + p * next;
    for (int first = 0; first < L; first += part) {
      double const* const theirs = from.col + other * next + first;
      Lanes<double, part> sum{};
      for (long c = 0; c < next; c += InputLines<double>::width) {
        Lanes<double, part> const apart = own[c] - load_lanes<part>(theirs + c);
        sum += apart * apart;
      }
      sum *= weight;
      for (int l = 0; l < part; ++l) to.h[e * L + first + l] = static_cast<R>(sum[l]);
    }
  });
  if (to.ntk != nullptr) std::fill(to.ntk, to.ntk + entries.cells() * L, R(0));
}

template <int L, class R, class Entries>
void dense(PositionStep const& s, Entries const& entries, Sides<R> before, Sides<R> after, Value<R> v) {
  R const a = static_cast<R>(s.weight), out = static_cast<R>(s.trained_out), in = static_cast<R>(s.trained_in);
  R const one = static_cast<R>(s.trained_one);
  entries.for_each([&](int p, int other, long e) {
    R const r1 = before.row_at(p), R1 = after.row_at(p);
    R const *const r2 = before.col_at(other), *const R2 = after.col_at(other);
    R* const h = v.h + e * L;
    if (v.ntk != nullptr) {
      R* const t = v.ntk + e * L;
      for (int l = 0; l < L; ++l) t[l] = out * covariance(R1, R2[l], a * h[l]) + in * covariance(r1, r2[l], h[l]) + one + a * t[l];
    }
    for (int l = 0; l < L; ++l) h[l] *= a;
  });
}

/// Positions that are independent of each other: only the diagonal is kept, the rest of k and ntk is 0.
template <int L>
void widen(PairsOfPositions const& entries, Sides<double> roots, Value<double> from, Value<double> to) {
  entries.for_each([&](int p, int other, long e) {
    double const r1 = roots.row_at(p);
    double const* const r2 = roots.col_at(other);
    for (int l = 0; l < L; ++l) to.h[e * L + l] = p == other ? from.h[p * L + l] : 0.5 * (r1 * r1 + r2[l] * r2[l]);
    if (to.ntk != nullptr)
      for (int l = 0; l < L; ++l) to.ntk[e * L + l] = p == other ? from.ntk[p * L + l] : 0;
  });
}

/// Features of an activation at a position: of the row input, and of the L columns.
struct Features {
  double const* row = nullptr;
  double const* col = nullptr;
  long positions = 0;
  static constexpr long stride = InputLines<double>::width;  ///< from one position to the next
  long per_feature() const { return stride * positions; }    ///< from one feature to the next
};

template <int L, class R, class Entries>
void activate(Entries const& entries, PreparedActivation const& activation, Features known, Sides<double> before, Sides<double> after,
              Value<R> v) {
  entries.for_each([&](int p, int other, long e) {
    double const r1 = before.row_at(p), R1 = after.row_at(p);
    double const *const r2 = before.col_at(other), *const R2 = after.col_at(other);
    R* const h = v.h + e * L;
    R gap[L], slope[L];
    for (int l = 0; l < L; ++l) {
      double const both = r1 * r2[l], apart = r1 - r2[l], safe = both > 0 ? both : 1;
      double const g = (h[l] - 0.5 * apart * apart) / safe, inside = g < 0 ? 0 : g > 2 ? 2 : g;
      gap[l] = static_cast<R>(both > 0 ? inside : 1);
    }
    RowSide const row{r1, R1, known.row + p * known.stride, known.per_feature()};
    ColSide const col{r2, R2, known.col + other * known.stride, known.per_feature()};
    activation.carry(row, col, L, gap, slope);
    for (int l = 0; l < L; ++l) {
      double const apart = R1 - R2[l];
      h[l] = static_cast<R>(R1 * R2[l] * gap[l] + 0.5 * apart * apart);
    }
    if (v.ntk != nullptr)
      for (int l = 0; l < L; ++l) v.ntk[e * L + l] *= slope[l];
  });
}

/// Division by the root of a variance on either side, by factors f and g: correlations stay, so that from h = w + ½ (r1 − r2)² follows
/// h' = f g w + ½ (r1' − r2')². Without variance on one side w is 0, whatever rounding says; factors of 1 / √eps would show it.
template <int L, class R, class Entries>
void normalize(Entries const& entries, Sides<R> before, Sides<R> factor, Sides<R> after, Value<R> v) {
  R const half = static_cast<R>(0.5);
  entries.for_each([&](int p, int other, long e) {
    R const r1 = before.row_at(p), R1 = after.row_at(p), f = factor.row_at(p);
    R const *const r2 = before.col_at(other), *const R2 = after.col_at(other), *const g = factor.col_at(other);
    for (int l = 0; l < L; ++l) {
      R const apart = r1 - r2[l], apart_after = R1 - R2[l], w = v.h[e * L + l] - half * apart * apart;
      R const alive = r1 * r2[l] > 0 && w > 0 ? w : 0;
      v.h[e * L + l] = f * g[l] * alive + half * apart_after * apart_after;
    }
    if (v.ntk != nullptr)
      for (int l = 0; l < L; ++l) v.ntk[e * L + l] *= f * g[l];
  });
}

/// Dropout of two inputs: k stays, the variances grow.
template <int L, class R, class Entries>
void drop(Entries const& entries, Sides<R> before, Sides<R> after, Value<R> v) {
  R const half = static_cast<R>(0.5);
  entries.for_each([&](int p, int other, long e) {
    R const r1 = before.row_at(p), R1 = after.row_at(p);
    R const *const r2 = before.col_at(other), *const R2 = after.col_at(other);
    for (int l = 0; l < L; ++l) v.h[e * L + l] += half * ((R1 * R1 - r1 * r1) + (R2[l] * R2[l] - r2[l] * r2[l]));
  });
}

/// A masked position has no variance, so its distance from v is ½ E[v²]: what is outside of an image. `there` is 1, or 0 where masked.
template <int L, class R, class Entries>
void conceal(Entries const& entries, Sides<double> there, Sides<R> after, Value<R> v) {
  R const half = static_cast<R>(0.5);
  entries.for_each([&](int p, int other, long e) {
    double const own = there.row_at(p);
    R const R1 = after.row_at(p);
    double const* const theirs = there.col_at(other);
    R const* const R2 = after.col_at(other);
    for (int l = 0; l < L; ++l) {
      bool const both = own * theirs[l] > 0;
      v.h[e * L + l] = both ? v.h[e * L + l] : half * (R1 * R1 + R2[l] * R2[l]);
      if (v.ntk != nullptr) v.ntk[e * L + l] = both ? v.ntk[e * L + l] : 0;
    }
  });
}

/// k' = v k + w l of independent branches; h as well.
template <int L, class R, class Entries>
void add(PositionStep const& s, Entries const& entries, Value<R> target, Value<R> source) {
  R const own = static_cast<R>(s.weight), other = static_cast<R>(s.shift);
  entries.for_each([&](int, int, long e) {
    for (int l = 0; l < L; ++l) target.h[e * L + l] = own * target.h[e * L + l] + other * source.h[e * L + l];
    if (target.ntk == nullptr) return;
    for (int l = 0; l < L; ++l) target.ntk[e * L + l] = own * target.ntk[e * L + l] + other * source.ntk[e * L + l];
  });
}

/// k' = k l. From k = q − h and l = p − g, means q, p of the variances: h' = q g + p h − h g + ¼ (q1 − q2)(p1 − p2).
template <int L, class R, class Entries>
void multiply(Entries const& entries, Sides<R> before, Sides<R> other_side, Value<R> target, Value<R> source) {
  R const half = static_cast<R>(0.5);
  entries.for_each([&](int p, int other, long e) {
    R const r1 = before.row_at(p), s1 = other_side.row_at(p), q1 = r1 * r1, p1 = s1 * s1;
    R const *const r2 = before.col_at(other), *const s2 = other_side.col_at(other);
    for (int l = 0; l < L; ++l) {
      R& h = target.h[e * L + l];
      R const g = source.h[e * L + l], q2 = r2[l] * r2[l], p2 = s2[l] * s2[l];
      R const q = half * (q1 + q2), mean = half * (p1 + p2);
      if (target.ntk != nullptr) {
        R& t = target.ntk[e * L + l];
        t = t * covariance(s1, s2[l], g) + covariance(r1, r2[l], h) * source.ntk[e * L + l];
      }
      h = q * g + mean * h - h * g + half * half * (q1 - q2) * (p1 - p2);
    }
  });
}

}  // namespace infinitile::position_step
