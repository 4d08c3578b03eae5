#pragma once

#include "kernels/empirical_terms.hpp"

namespace infinitile {

/// The terms of weights by their Jacobians, which are made and contracted a slice of the weights at a time: inputs of a product, taps of a
/// convolution, entries of a table. What is held is two slices, [outputs][samples][numbers of the slice] each, of at most numbers_at_once numbers where one input
/// or tap is no larger. For the uses that have_weight_term; samples and flops as add_contraction, and 2 outputs samples m k n to make the Jacobians.
template <class T>
void add_sliced_contraction(primitive::MatrixProduct const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum,
                            long numbers_at_once);
template <class T>
void add_sliced_contraction(primitive::Convolve const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum,
                            long numbers_at_once);
template <class T>
void add_sliced_contraction(primitive::Lookup const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum,
                            long numbers_at_once);

}  // namespace infinitile
