#pragma once

#include "kernels/primitive_elementwise.hpp"
#include "kernels/primitive_normalize.hpp"
#include "kernels/primitive_pointwise.hpp"

// Curved primitives along a line: their Taylor coefficients from those of the operand. Primitives that are linear in each operand need no
// function of their own: push does it (finite/taylor).

namespace infinitile::primitive {

/// Taylor coefficients 0, 1, ... of a value: batches of one shape, one copy each.
template <class T>
using Coefficients = std::span<Batch<T> const>;

/// y(t) from x(t), up to the order y.size() − 1; coefficients of x beyond x.size() are zero, and y[0] is what forward gives. Per entry
/// O(K²) operations for an order K, in double, and 2 K numbers through memory.
template <class T>
void compose(Activate const& p, Coefficients<T const> x, Coefficients<T> y);

/// Formula   c = x − mean(x), v = mean(c²) + eps, y = c v^(−1/2), as series.
template <class T>
void compose(Pointwise const& p, Coefficients<T const> x, Coefficients<T> y);

template <class T>
void compose(Normalize const& p, Coefficients<T const> x, Coefficients<T> y);

/// Formula   y' = y (x' − Σ y x').
template <class T>
void compose(Softmax const& p, Coefficients<T const> x, Coefficients<T> y);

}  // namespace infinitile::primitive
