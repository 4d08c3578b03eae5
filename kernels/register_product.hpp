#pragma once

#include <utility>

#include "kernels/lanes.hpp"

namespace infinitile {

/// What the registers of a processor hold: numbers per vector, and the rows and vectors of a product whose sums stay in them, such that the
/// multiply-adds of a step (rows times vectors) outlast its loads (rows plus vectors). Two shapes, for packed rows and for rows anywhere,
/// which take a register for the address of each.
template <class T>
struct Registers {
#if defined(__AVX512F__)
  static constexpr int lanes = 64 / sizeof(T), rows = 8, vectors = 3, wide_rows = 6, wide_vectors = 4;
#else
  static constexpr int lanes = 32 / sizeof(T), rows = 4, vectors = 3, wide_rows = 4, wide_vectors = 2;
#endif
};

/// Where sums begin.
enum class Sums { new_ones, go_on };

/// c(r, ·) ← [c(r, ·) +] Σ_i left(i, r) right(i, ·) for R rows of V vectors each: right(i) points to the V vectors of step i, c is row-major.
/// 2 R V lanes steps flops, at 0.93 of the processor's peak for R = 8, V = 3 where right lies in the first or second cache.
template <class T, int R, int V, class Left, class Right>
INFINITILE_INLINE void multiply_in_registers(int steps, Left const& left, Right const& right, T* c, long stride, Sums sums) {
  constexpr int lanes = Registers<T>::lanes;
  Lanes<T, lanes> sum[R][V]{};
  if (sums == Sums::go_on)
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[r][v] = load_lanes<lanes>(c + r * stride + v * lanes);
  for (int i = 0; i < steps; ++i) {
    T const* const from = right(i);
    Lanes<T, lanes> b[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) b[v] = load_lanes<lanes>(from + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      T const a = left(i, r);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[r][v] += a * b[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) store_lanes(sum[r][v], c + r * stride + v * lanes);
}

/// The entries of v[i] and v[i + step] whose places in i and in a row differ in `step` change places.
template <int step, class V, int... lane>
INFINITILE_INLINE void exchange(V& first, V& second, std::integer_sequence<int, lane...>) {
  constexpr int lanes = sizeof...(lane);
  V const low = __builtin_shufflevector(first, second, (lane & step ? lane - step + lanes : lane)...);
  second = __builtin_shufflevector(first, second, (lane & step ? lane + lanes : lane + step)...);
  first = low;
}
template <int step, int lanes, class V>
INFINITILE_INLINE void exchange_all(V (&v)[lanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i)
    if ((i & step) == 0) exchange<step>(v[i], v[i + step], std::make_integer_sequence<int, lanes>());
  if constexpr (2 * step < lanes) exchange_all<2 * step>(v);
}

/// A square of as many rows and columns as a vector has lanes, transposed in registers.
template <class T>
INFINITILE_INLINE void turn_square(T const* from, long from_stride, T* to, long to_stride) {
  constexpr int lanes = Registers<T>::lanes;
  Lanes<T, lanes> rows[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) rows[i] = load_lanes<lanes>(from + i * from_stride);
  exchange_all<1>(rows);
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) store_lanes(rows[i], to + i * to_stride);
}

/// work.template operator()<R>() for R = rows, which is 1 to most.
template <int most, class Work>
void with_rows(int rows, Work const& work) {
  if constexpr (most > 0) {
    if (rows == most) return work.template operator()<most>();
    with_rows<most - 1>(rows, work);
  }
}

}  // namespace infinitile
