#pragma once

#include <algorithm>

#include "kernels/graphs.hpp"
#include "kernels/position_step.hpp"

// Layers that mix positions, on L pairs of inputs at once: kernels/position_step.hpp has the arrays.

namespace infinitile::position_step {

/// k from h, in place.
template <int L>
void to_covariances(Spread spread, int positions, Sides<double> roots, double* values) {
  PairsOfPositions{spread, positions}.for_each([&](int p, int other, long e) {
    double const* const r2 = roots.col_at(other);
    for (int l = 0; l < L; ++l) values[e * L + l] = covariance(roots.row_at(p), r2[l], values[e * L + l]);
  });
}

/// h from k, in place.
template <int L>
void to_distances(Spread spread, int positions, Sides<double> roots, double* values) {
  PairsOfPositions{spread, positions}.for_each([&](int p, int other, long e) {
    double const r1 = roots.row_at(p);
    double const* const r2 = roots.col_at(other);
    for (int l = 0; l < L; ++l) values[e * L + l] = 0.5 * (r1 * r1 + r2[l] * r2[l]) - values[e * L + l];
  });
}

/// Selections: a term that one side has and the other lacks counts as its distance from zero, ½ q.
template <int L>
void select(PositionMap const& map, PositionStep::Form form, Sides<double> roots, Value<double> from, Value<double> to) {
  int const out = map.out_positions, in = map.in_positions;
  PairsOfPositions{form.out, out}.for_each([&](int o, int other, long e) {
    double h[L] = {}, t[L] = {};
    for (int tap = 0; tap < map.tap_count; ++tap) {
      int const a = map.picks[static_cast<std::size_t>(tap * out + o)], b = map.picks[static_cast<std::size_t>(tap * out + other)];
      if (a >= 0 && b >= 0) {
        long const place = (form.in == Spread::full ? static_cast<long>(a) * in + b : a) * L;
        for (int l = 0; l < L; ++l) h[l] += from.h[place + l];
        if (to.ntk != nullptr)
          for (int l = 0; l < L; ++l) t[l] += from.ntk[place + l];
      } else if (a >= 0) {
        double const half = 0.5 * roots.row_at(a) * roots.row_at(a);
        for (int l = 0; l < L; ++l) h[l] += half;
      } else if (b >= 0) {
        double const* const r = roots.col_at(b);
        for (int l = 0; l < L; ++l) h[l] += 0.5 * r[l] * r[l];
      }
    }
    for (int l = 0; l < L; ++l) to.h[e * L + l] = map.scale * h[l];
    if (to.ntk != nullptr)
      for (int l = 0; l < L; ++l) to.ntk[e * L + l] = map.scale * t[l];
  });
}

/// M k of all pairs: out x in.
template <int L>
void multiply_rows(PositionTap const& tap, int out, int in, double const* from, double* to) {
  std::fill(to, to + static_cast<long>(out) * in * L, 0.0);
  for (int o = 0; o < out; ++o) {
    double* const row = to + static_cast<long>(o) * in * L;
    for (int n = tap.first[static_cast<std::size_t>(o)]; n < tap.first[static_cast<std::size_t>(o) + 1]; ++n) {
      double const w = tap.weight[static_cast<std::size_t>(n)];
      double const* const source = from + static_cast<long>(tap.in[static_cast<std::size_t>(n)]) * in * L;
      for (long x = 0; x < static_cast<long>(in) * L; ++x) row[x] += w * source[x];
    }
  }
}

/// Adds scale M k Mᵀ to `to`; `half` has room for out x in entries.
template <int L>
void add_sandwich(PositionTap const& tap, PositionMap const& map, Spread out_spread, double const* from, double* half, double* to) {
  int const in = map.in_positions;
  multiply_rows<L>(tap, map.out_positions, in, from, half);
  PairsOfPositions{out_spread, map.out_positions}.for_each([&](int o, int other, long e) {
    double sum[L] = {};
    for (int n = tap.first[static_cast<std::size_t>(other)]; n < tap.first[static_cast<std::size_t>(other) + 1]; ++n) {
      double const w = tap.weight[static_cast<std::size_t>(n)];
      double const* const source = half + (static_cast<long>(o) * in + tap.in[static_cast<std::size_t>(n)]) * L;
      for (int l = 0; l < L; ++l) sum[l] += w * source[l];
    }
    for (int l = 0; l < L; ++l) to[e * L + l] += map.scale * sum[l];
  });
}

/// General maps, of all pairs: k' to `to.h`, not yet h'. Turns from.h into k.
template <int L>
void mix_covariance(PositionMap const& map, PositionStep::Form form, Sides<double> roots, Value<double> from, Value<double> to,
                    double* half) {
  to_covariances<L>(form.in, map.in_positions, roots, from.h);
  long const numbers = PairsOfPositions{form.out, map.out_positions}.count() * L;
  std::fill(to.h, to.h + numbers, 0.0);
  for (PositionTap const& tap : map.taps) add_sandwich<L>(tap, map, form.out, from.h, half, to.h);
  if (to.ntk == nullptr) return;
  std::fill(to.ntk, to.ntk + numbers, 0.0);
  for (PositionTap const& tap : map.taps) add_sandwich<L>(tap, map, form.out, from.ntk, half, to.ntk);
}

/// k~ = keep k + add R at positions that are there on both sides.
template <int L>
void embed(AttentionRule const& rule, int positions, Sides<double> there, double const* from, double* to) {
  for (long x = 0; x < static_cast<long>(positions) * positions * L; ++x) to[x] = rule.keep * from[x];
  PairsOfPositions const related{rule.relation.empty() ? Spread::diagonal : Spread::full, positions};
  related.for_each([&](int p, int other, long) {
    double* const both = to + (static_cast<long>(p) * positions + other) * L;
    double const shared = rule.embedding(p, other, positions);
    for (int l = 0; l < L; ++l) both[l] += there.row == nullptr ? shared : shared * there.row_at(p) * there.col_at(other)[l];
  });
}

/// G k G'ᵀ for attention weights of the row input (positions x positions) and of the L columns, as the table has them.
template <int L>
void weigh(int positions, double const* row, double const* col, double const* from, double* half, double* to) {
  constexpr long stride = InputLines<double>::width;
  auto const n = static_cast<long>(positions);
  std::fill(half, half + n * n * L, 0.0);
  for (long p = 0; p < n; ++p)
    for (long r = 0; r < n; ++r) {
      double const g = row[(p * n + r) * stride];
      for (long x = 0; x < n * L; ++x) half[p * n * L + x] += g * from[r * n * L + x];
    }
  for (long p = 0; p < n; ++p)
    for (long other = 0; other < n; ++other) {
      double sum[L] = {};
      for (long r = 0; r < n; ++r) {
        double const* const g = col + (other * n + r) * stride;
        double const* const source = half + (p * n + r) * L;
        for (int l = 0; l < L; ++l) sum[l] += g[l] * source[l];
      }
      for (int l = 0; l < L; ++l) to[(p * n + other) * L + l] = sum[l];
    }
}

/// Σ a b over all pairs of positions.
template <int L>
void inner_product(long pairs, double const* a, double const* b, double* sum) {
  for (int l = 0; l < L; ++l) sum[l] = 0;
  for (long e = 0; e < pairs; ++e)
    for (int l = 0; l < L; ++l) sum[l] += a[e * L + l] * b[e * L + l];
}

/// What attention reads beside the value: the weights of a table, for linear scaling, and which positions are there.
struct AttentionWeights {
  double const* row = nullptr;
  double const* col = nullptr;
  Sides<double> there{};
};

/// Reference 2.9. k' to `to.h`, not yet h'. Turns from.h into k. `room` has place for two values of all pairs.
template <int L>
void attend(AttentionRule const& rule, int positions, AttentionWeights g, Sides<double> roots, Value<double> from, Value<double> to,
            double* room) {
  long const pairs = static_cast<long>(positions) * positions;
  double *const mixed = room, *const half = room + pairs * L, *const mixed_ntk = half;
  to_covariances<L>(Spread::full, positions, roots, from.h);
  embed<L>(rule, positions, g.there, from.h, mixed);
  double const o2 = rule.output * rule.output;
  if (rule.linear_scaling) {
    weigh<L>(positions, g.row, g.col, rule.embed_values ? mixed : from.h, half, to.h);
    for (long x = 0; x < pairs * L; ++x) to.h[x] *= o2;
    if (to.ntk != nullptr) {
      if (rule.embed_values) embed<L>(rule, positions, g.there, from.ntk, from.ntk);
      weigh<L>(positions, g.row, g.col, from.ntk, half, to.ntk);
      for (long x = 0; x < pairs * L; ++x) to.ntk[x] = o2 * to.ntk[x] + 2 * to.h[x] + rule.bias;
    }
    for (long x = 0; x < pairs * L; ++x) to.h[x] += rule.bias;
    return;
  }
  double const scale = rule.logit * rule.logit * o2;
  double const* const values = rule.embed_values ? mixed : from.h;
  double overlap[L], change[L], part[L];
  inner_product<L>(pairs, mixed, values, overlap);
  if (to.ntk != nullptr) {
    embed<L>(rule, positions, g.there, from.ntk, mixed_ntk);
    inner_product<L>(pairs, mixed, rule.embed_values ? mixed_ntk : from.ntk, change);
    inner_product<L>(pairs, values, mixed_ntk, part);
    for (int l = 0; l < L; ++l) change[l] += part[l];
    for (long e = 0; e < pairs; ++e)
      for (int l = 0; l < L; ++l) {
        long const x = e * L + l;
        to.ntk[x] = scale * (change[l] * mixed[x] + overlap[l] * (mixed_ntk[x] + 4 * mixed[x])) + rule.bias;
      }
  }
  for (long e = 0; e < pairs; ++e)
    for (int l = 0; l < L; ++l) to.h[e * L + l] = scale * overlap[l] * mixed[e * L + l] + rule.bias;
}

/// The graphs of the row input and of the L columns: which rows of a set they are.
template <int L>
struct GraphsOfPair {
  Graphs const& graphs;
  long row = 0;
  long col[L] = {};

  /// f(receiver, sender, weight) for each edge of input i.
  template <class F>
  void for_each_edge(long i, F f) const {
    for (int r = 0; r < graphs.positions; ++r)
      for (long e = graphs.first[static_cast<std::size_t>(i * graphs.positions + r)];
           e < graphs.first[static_cast<std::size_t>(i * graphs.positions + r) + 1]; ++e)
        f(r, graphs.sender[static_cast<std::size_t>(e)], graphs.weight[static_cast<std::size_t>(e)]);
  }
};

/// A k A'ᵀ, A of the row input and A' of each column; reference 2.11. `half` has room for all pairs.
/// Cost  2 E P + 2 P E' flops per pair and kernel, P positions, E and E' edges: all columns at once for the first half, one by one, since
///       each has edges of its own, for the second, which is bound by its gathers from L1 and L2. Memory: one value of all pairs.
template <int L>
void pass_messages(GraphsOfPair<L> const& pair, Spread out_spread, double const* from, double* half, double* to) {
  auto const n = static_cast<long>(pair.graphs.positions);
  std::fill(half, half + n * n * L, 0.0);
  pair.for_each_edge(pair.row, [&](int receiver, int sender, double w) {
    double const* const source = from + sender * n * L;
    double* const sum = half + receiver * n * L;
    for (long x = 0; x < n * L; ++x) sum[x] += w * source[x];
  });
  bool const all = out_spread == Spread::full;
  std::fill(to, to + (all ? n * n : n) * L, 0.0);
  for (int l = 0; l < L; ++l)
    pair.for_each_edge(pair.col[l], [&](int receiver, int sender, double w) {
      for (long p = all ? 0 : receiver; p < (all ? n : receiver + 1); ++p)
        to[(all ? p * n + receiver : p) * L + l] += w * half[(p * n + sender) * L + l];
    });
}

/// k' to `to.h`, not yet h'. Turns from.h into k.
template <int L>
void aggregate(GraphsOfPair<L> const& pair, PositionStep::Form form, Sides<double> roots, Value<double> from, Value<double> to,
               double* half) {
  to_covariances<L>(Spread::full, pair.graphs.positions, roots, from.h);
  pass_messages<L>(pair, form.out, from.h, half, to.h);
  if (to.ntk != nullptr) pass_messages<L>(pair, form.out, from.ntk, half, to.ntk);
}

}  // namespace infinitile::position_step
