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
///   sum += scale² Σ_{p, r} <x[p], x'[r]> <g[p], g'[r]>  over positions p, r of the two samples (x: what the weights multiply there).
/// With one position a product of two Gram matrices: 2 rows cols (k + outputs² n) flops per group. Otherwise pair by pair: the Gram matrix of the
/// positions, through it all cotangents of one side, then products of those with the other side's:
/// 2 rows cols (m² k + outputs m² n + outputs² m n) flops. Source: Novak, Sohl-Dickstein, Schoenholz 2022, section 3.2; reference 3.2.
/// Where both sides are the same arrays, pairs go only as far as the lower triangle.
template <class T>
void add_weight_term(primitive::MatrixProduct const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum);
template <class T>
void add_weight_term(primitive::Convolve const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum);

/// The term of a table that is looked up: cotangents meet where both samples have the same index,
///   sum += Σ_{i, j: x[i] = x'[j]} <g[i], g'[j]>.
/// Those of one index are added up first, so a pair takes at most 2 count outputs² width flops.
template <class T>
void add_weight_term(primitive::Lookup const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum);

/// Are there such terms? Not for convolutions in groups, nor where x is a parameter itself.
bool has_weight_term(primitive::MatrixProduct const& p);
bool has_weight_term(primitive::Convolve const& p);
inline bool has_weight_term(primitive::Lookup const&) {
  return true;
}

}  // namespace infinitile
