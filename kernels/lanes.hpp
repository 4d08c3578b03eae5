#pragma once

#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

// Numbers side by side in vector registers, for loops that have to be vector code whatever the compiler makes of plain ones. Host only.
// GCC's and clang's vector types, which any machine has; AVX-512's own instructions where they say more, with full masks, since GCC 12 warns
// of those without.

/// Arrays of vectors live in registers only where the functions that fill them are part of the loop.
#define INFINITILE_INLINE inline __attribute__((always_inline))

namespace infinitile {

/// L numbers in one vector.
template <class R, int L>
struct LanesOf {
  typedef R Type __attribute__((vector_size(sizeof(R) * L)));
};
template <class R, int L>
using Lanes = typename LanesOf<R, L>::Type;

template <int L, class R>
INFINITILE_INLINE Lanes<R, L> load_lanes(R const* from) {
  Lanes<R, L> out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

template <class V, class R>
INFINITILE_INLINE void store_lanes(V const& v, R* to) {
  std::memcpy(to, &v, sizeof v);
}

/// The smaller, and the larger, entry by entry.
template <class V>
INFINITILE_INLINE V smaller(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(a[0]) == 4) return (V)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b);
  if constexpr (sizeof(V) == 64 && sizeof(a[0]) == 8) return (V)_mm512_maskz_min_pd(0xff, (__m512d)a, (__m512d)b);
#endif
  return a < b ? a : b;
}
template <class V>
INFINITILE_INLINE V larger(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(a[0]) == 4) return (V)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b);
  if constexpr (sizeof(V) == 64 && sizeof(a[0]) == 8) return (V)_mm512_maskz_max_pd(0xff, (__m512d)a, (__m512d)b);
#endif
  return a > b ? a : b;
}

/// An estimate of 1 / √x for x > 0, to 2⁻¹⁴ in float and 2⁻²⁷ in double, without the division and square root unit, which takes as long for
/// one vector as 30 multiply-adds.
template <class R, int L>
INFINITILE_INLINE Lanes<R, L> estimated_reciprocal_root(Lanes<R, L> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(x) == 64 && sizeof(R) == 4) return (Lanes<R, L>)_mm512_maskz_rsqrt14_ps(0xffff, (__m512)x);
  if constexpr (sizeof(x) == 64 && sizeof(R) == 8) {
    auto const y = (Lanes<R, L>)_mm512_maskz_rsqrt14_pd(0xff, (__m512d)x);
    return y * (static_cast<R>(1.5) - (static_cast<R>(0.5) * x) * (y * y));
  }
#endif
  Lanes<R, L> y;
  for (int l = 0; l < L; ++l) y[l] = 1 / std::sqrt(x[l]);
  return y;
}

/// w / √x for x > 0, to one or two units in the last place: the estimate y and one step, w y (3 − x y²) / 2.
template <class R, int L>
INFINITILE_INLINE Lanes<R, L> over_root(Lanes<R, L> w, Lanes<R, L> x) {
  Lanes<R, L> const y = estimated_reciprocal_root<R, L>(x), first = w * y;
  return first + static_cast<R>(0.5) * (first * (static_cast<R>(1) - (x * y) * y));
}

/// Memory that begins at a vector's boundary: a vector across two cache lines costs twice.
template <class T>
struct LaneAllocator {
  using value_type = T;
  static constexpr std::align_val_t boundary{64};

  LaneAllocator() = default;
  template <class Other>
  LaneAllocator(LaneAllocator<Other> const&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), boundary)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, boundary); }
  friend bool operator==(LaneAllocator const&, LaneAllocator const&) { return true; }
};
template <class T>
using LaneVector = std::vector<T, LaneAllocator<T>>;

}  // namespace infinitile
