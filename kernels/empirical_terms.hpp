#pragma once

#include "kernels/primitive_convolve.hpp"
#include "kernels/primitive_lookup.hpp"
#include "kernels/primitive_product.hpp"

// Terms of an empirical tangent kernel: what one use of a parameter adds to the kernel of two batches of samples.

namespace infinitile {

/// The outputs of a sample, in this order, the last fastest: those whose mean is taken, those kept once, those kept in pairs.
struct OutputSplit {
  int traced = 1, diagonal = 1, full = 1;
};

/// Kernel values of two batches, [diagonal][full][rows][full'][cols]: a matrix (full · rows, full · cols) for each diagonal output.
template <class T>
struct TermSum {
  T* data = nullptr;
  OutputSplit outputs;
  int rows = 1, cols = 1;

  int height() const { return outputs.full * rows; }
  int width() const { return outputs.full * cols; }
  long count() const { return static_cast<long>(outputs.diagonal) * height() * width(); }
  T* at(int diagonal, int full, int row, int other, int col) const {
    return data + ((static_cast<long>(diagonal) * outputs.full + full) * rows + row) * width() + static_cast<long>(other) * cols + col;
  }
};

/// sum += Σ over traced outputs and numbers of left right: both have one copy per output and one row per sample of their batch.
/// 2 traced · diagonal · full² · rows · cols · size flops: matrix products of depth `size`.
template <class T>
void add_contraction(Batch<T const> left, Batch<T const> right, TermSum<T> sum);

/// What one side knows of a use of weights w: the operand x beside them, and the cotangents g of the result, a copy per output.
template <class T>
struct WeightUse {
  Batch<T const> x;
  Batch<T const> g;
};

/// The terms of weights that are the right operand of a product or a convolution, without their Jacobians:
///   sum += scale² Σ_{p, r} <x[p], x'[r]> <g[p], g'[r]>  over positions p, r of the two samples (x: what the weights multiply there),
/// group by group; groups that have one matrix of weights together are positions of one group.
/// By whichever is faster: one pair of positions after the other, with Gram matrices of all samples, 2 rows cols m² (k + outputs² n) flops per
/// group; or pair of samples by pair: the Gram matrix of the positions, through it all cotangents of one side, then products of those with
/// the other side's, 2 rows cols (m² k + outputs m² n + outputs² m n) flops. Source: Novak, Sohl-Dickstein, Schoenholz 2022, section 3.2;
/// reference 3.2. Where both sides are the same arrays, pairs go only as far as the lower triangle.
template <class T>
void add_weight_term(primitive::MatrixProduct const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum);
/// The windows of all samples are laid side by side, (positions, taps · in), and where there are groups, each group's by themselves.
template <class T>
void add_weight_term(primitive::Convolve const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum);

/// The term of a table that is looked up: cotangents meet where both samples have the same index,
///   sum += Σ_{i, j: x[i] = x'[j]} <g[i], g'[j]>.
/// Those of one index are added up first, so a pair takes at most 2 count outputs² width flops.
template <class T>
void add_weight_term(primitive::Lookup const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum);

/// Are there such terms? Not where groups have one matrix of weights and one x together.
bool has_weight_term(primitive::MatrixProduct const& p);
inline bool has_weight_term(primitive::Convolve const&) {
  return true;
}
inline bool has_weight_term(primitive::Lookup const&) {
  return true;
}

/// One of several uses of a parameter.
template <class P, class T>
struct SharedUse {
  P const* primitive;
  WeightUse<T> left, right;
};

/// The term of a parameter that is used several times, with the cross terms between its uses: positions of all uses are positions of one.
/// Memory: copies of what the weights multiply and of the cotangents, of all uses and samples. Uses must be alike.
template <class P, class T>
void add_weight_term(std::span<SharedUse<P, T> const> uses, TermSum<T> sum);

/// Do they read the same weights in the same way, be it at other positions? Products whose weights are transposed and products whose
/// weights are not do not: cross terms between those, and between products and tables, have no rule.
bool are_alike(primitive::MatrixProduct const& one, primitive::MatrixProduct const& other);
bool are_alike(primitive::Convolve const& one, primitive::Convolve const& other);
bool are_alike(primitive::Lookup const& one, primitive::Lookup const& other);

/// Groups that have one matrix of weights together, as one group of more positions.
primitive::MatrixProduct with_groups_merged(primitive::MatrixProduct p);
/// The product that a convolution is of its windows.
primitive::MatrixProduct product_of_windows(primitive::Convolve const& p);
/// What the structured term of a product takes, the faster way of both: multiplications, and the time of everything else in numbers that go
/// through memory, ten multiplications each (finite/ntk_cost.hpp). `pairs`: of samples, of a batch with itself about half of all. Measured on
/// one core at 40 G multiplications per second in float32: calls, what is laid out for them, and sums that are added up.
struct TermCost {
  double multiplications = 0, numbers = 0;
  double total() const { return multiplications + 10 * numbers; }
};
TermCost cost_by_positions(primitive::MatrixProduct const& p, OutputSplit const& outputs, double pairs);
TermCost cost_by_samples(primitive::MatrixProduct const& p, OutputSplit const& outputs, double pairs);
/// Does it go pair of positions by pair?
bool goes_by_positions(primitive::MatrixProduct const& p, OutputSplit const& outputs, double pairs);

}  // namespace infinitile
