#pragma once

#include <cmath>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

// Numbers side by side in vector registers, for loops that have to be vector code whatever the compiler makes of plain ones. Host only.
// GCC's and clang's vector types, which any machine has; AVX-512's estimate of roots where it is there.

namespace infinitile {

/// L numbers in one vector.
template <class R, int L>
struct LanesOf {
  typedef R Type __attribute__((vector_size(sizeof(R) * L)));
};
template <class R, int L>
using Lanes = typename LanesOf<R, L>::Type;

template <int L, class R>
inline Lanes<R, L> load_lanes(R const* from) {
  Lanes<R, L> out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

template <class V, class R>
inline void store_lanes(V const& v, R* to) {
  std::memcpy(to, &v, sizeof v);
}

/// The smaller, and the larger, entry by entry.
template <class V>
inline V smaller(V a, V b) {
  return a < b ? a : b;
}
template <class V>
inline V larger(V a, V b) {
  return a > b ? a : b;
}

/// 1 / √x for x > 0, to one or two units in the last place: an estimate of 14 bits and Newton's steps y (3 − x y²) / 2, no division. The
/// division and square root units take as long for one vector as 30 multiply-adds.
template <class R, int L>
inline Lanes<R, L> reciprocal_root(Lanes<R, L> x) {
  Lanes<R, L> y;
#if defined(__AVX512F__)
  if constexpr (sizeof(x) == 64) {
    if constexpr (sizeof(R) == 4) {
      y = (Lanes<R, L>)_mm512_maskz_rsqrt14_ps(0xffff, (__m512)x);
    } else {
      y = (Lanes<R, L>)_mm512_maskz_rsqrt14_pd(0xff, (__m512d)x);
    }
    R const half = static_cast<R>(0.5), three_halves = static_cast<R>(1.5);
    for (int step = 0; step < (sizeof(R) == 4 ? 1 : 2); ++step) y = y * (three_halves - (half * x) * (y * y));
    return y;
  }
#endif
  for (int l = 0; l < L; ++l) y[l] = 1 / std::sqrt(x[l]);
  return y;
}
}  // namespace infinitile
