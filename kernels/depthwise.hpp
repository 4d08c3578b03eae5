#pragma once

#include "kernels/primitive_convolve.hpp"

// Convolutions whose channels see themselves alone: as many groups as channels, one filter each. As matrix products they would be one of a
// single column for each channel; here channels lie side by side in the vectors. 2 out_positions taps channels flops per sample and
// direction, 2 numbers read from the cache for each.

namespace infinitile::primitive {

bool is_depthwise(Convolve const& p);

template <class T>
void depthwise_forward(Convolve const& p, Batch<T const> x, Batch<T const> w, Batch<T> y, Into into);
template <class T>
void depthwise_pull_input(Convolve const& p, Batch<T const> w, Batch<T const> g, Batch<T> target, Into into);
template <class T>
void depthwise_pull_weights(Convolve const& p, Batch<T const> x, Batch<T const> g, Batch<T> target, Into into);

}  // namespace infinitile::primitive
