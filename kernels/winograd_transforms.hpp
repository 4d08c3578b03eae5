#pragma once

#include "kernels/register_product.hpp"

// The transforms of F(4 x 4, 3 x 3): 16 outputs of a 3 x 3 convolution by 36 multiplications instead of 144. Along an axis, for weights w (3),
// inputs x (6) and outputs y (4): y = Aᵀ ((G w) ∘ (Bᵀ x)), by interpolation of polynomials at 0, ±a, ±b and ∞. With a = 5/8, b = 3/2 intermediate
// numbers grow least of all points tried by Barabasz et al.: errors are about five times those of the plain sum.
// Source: Winograd 1980; Lavin & Gray 2016, Fast algorithms for convolutional neural networks; Barabasz, Anderson, Soodhalter, Gregg 2020.

namespace infinitile::winograd {

constexpr int tile = 4, window = 3, reach = tile + window - 1, points = reach * reach;

constexpr double a = 0.625, b = 1.5, aa = a * a, bb = b * b;
/// f(p) = Π (p − q) over the other finite points q: what the interpolation divides by, in G.
constexpr double at_0 = 1 / (aa * bb), at_a = 1 / (2 * aa * (aa - bb)), at_b = 1 / (2 * bb * (bb - aa));

/// A line of a square is every step-th of its vectors.
template <class V, int step>
struct Line {
  V* first;
  V& operator[](int i) const { return first[i * step]; }
};

/// Bᵀ x, in place.
template <class R>
struct InputTransform {
  static constexpr int from = reach, to = reach;
  template <class Line>
  INFINITILE_INLINE static void apply(Line x) {
    constexpr R sum = R(aa + bb), product = R(aa * bb);
    auto const even_a = x[4] - R(bb) * x[2], odd_a = R(a) * (x[3] - R(bb) * x[1]);
    auto const even_b = x[4] - R(aa) * x[2], odd_b = R(b) * (x[3] - R(aa) * x[1]);
    x[0] = product * x[0] - sum * x[2] + x[4];
    x[5] = product * x[1] - sum * x[3] + x[5];
    x[1] = even_a + odd_a;
    x[2] = even_a - odd_a;
    x[3] = even_b + odd_b;
    x[4] = even_b - odd_b;
  }
};

/// Aᵀ m: 6 numbers become 4, which stand in front.
template <class R>
struct OutputTransform {
  static constexpr int from = reach, to = tile;
  template <class Line>
  INFINITILE_INLINE static void apply(Line m) {
    auto const even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    m[0] = m[0] + even_a + even_b;
    m[1] = R(a) * odd_a + R(b) * odd_b;
    m[2] = R(aa) * even_a + R(bb) * even_b;
    m[3] = R(a * aa) * odd_a + R(b * bb) * odd_b + m[5];
  }
};

/// A g: cotangents of 4 outputs become 6 numbers.
template <class R>
struct CotangentTransform {
  static constexpr int from = tile, to = reach;
  template <class Line>
  INFINITILE_INLINE static void apply(Line g) {
    auto const even_a = g[0] + R(aa) * g[2], odd_a = R(a) * (g[1] + R(aa) * g[3]);
    auto const even_b = g[0] + R(bb) * g[2], odd_b = R(b) * (g[1] + R(bb) * g[3]);
    g[5] = g[3];
    g[1] = even_a + odd_a;
    g[2] = even_a - odd_a;
    g[3] = even_b + odd_b;
    g[4] = even_b - odd_b;
  }
};

/// G w: 3 weights become 6 numbers.
template <class R>
struct WeightTransform {
  static constexpr int from = window, to = reach;
  template <class Line>
  INFINITILE_INLINE static void apply(Line w) {
    auto const even_a = R(at_a) * w[0] + R(aa * at_a) * w[2], odd_a = R(a * at_a) * w[1];
    auto const even_b = R(at_b) * w[0] + R(bb * at_b) * w[2], odd_b = R(b * at_b) * w[1];
    w[5] = w[2];
    w[0] = R(at_0) * w[0];
    w[1] = even_a + odd_a;
    w[2] = even_a - odd_a;
    w[3] = even_b + odd_b;
    w[4] = even_b - odd_b;
  }
};

/// Gᵀ m: 6 numbers become cotangents of 3 weights.
template <class R>
struct WeightCotangentTransform {
  static constexpr int from = reach, to = window;
  template <class Line>
  INFINITILE_INLINE static void apply(Line m) {
    auto const even_a = R(at_a) * (m[1] + m[2]), odd_a = R(a * at_a) * (m[1] - m[2]);
    auto const even_b = R(at_b) * (m[3] + m[4]), odd_b = R(b * at_b) * (m[3] - m[4]);
    m[0] = R(at_0) * m[0] + even_a + even_b;
    m[1] = odd_a + odd_b;
    m[2] = R(aa) * even_a + R(bb) * even_b + m[5];
  }
};

/// Both axes of a square: load(i, j) gives its vectors, store(i, j, vector) takes those of the transformed one.
template <class Transform, class V, class Load, class Store>
INFINITILE_INLINE void transform(Load const& load, Store const& store) {
  V square[points];
#pragma GCC unroll 6
  for (int j = 0; j < Transform::from; ++j) {
#pragma GCC unroll 6
    for (int i = 0; i < Transform::from; ++i) square[i * reach + j] = load(i, j);
    Transform::apply(Line<V, reach>{square + j});
  }
#pragma GCC unroll 6
  for (int i = 0; i < Transform::to; ++i) {
    Transform::apply(Line<V, 1>{square + i * reach});
#pragma GCC unroll 6
    for (int j = 0; j < Transform::to; ++j) store(i, j, square[i * reach + j]);
  }
}

}  // namespace infinitile::winograd
