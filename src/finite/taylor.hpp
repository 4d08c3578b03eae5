#pragma once

#include <span>
#include <vector>

#include "finite/evaluation.hpp"
#include "kernels/series.hpp"

namespace infinitile {

/// A finite network f along a line in its parameters, f(θ + t d) = Σ_k c_k tᵏ + ..., c_k = Dᵏf(θ)[d, ..., d] / k!, up to an order K.
///
/// Method  every value carries its coefficients; linear primitives act on each, bilinear ones on pairs that add up, curved ones by recurrences
///         (kernels/primitive_series). Exact: nothing is differenced. Kinks and jumps count as 0, as in first derivatives.
/// Cost    a layer with weights is 2 K + 1 forward passes, a product of two values (K + 1)(K + 2) / 2, an activation O(K²) operations per
///         entry. Values of degree below K, such as those behind the first layers, stop there.
/// Memory  K + 1 times the values between their making and their last use.
template <class T>
class TaylorExpansion {
public:
  static constexpr int most_order = Series::most_order;

  /// `displacement`: d, one row for each parameter, empty where it stays. Batches are read during construction alone.
  /// Throws Error for an order below 0 or above the most.
  TaylorExpansion(FiniteProgram const& program, std::span<Batch<T const> const> parameters, std::span<Batch<T const> const> displacement,
                  std::span<Batch<T const> const> inputs, int order);

  int order() const { return static_cast<int>(coefficients_.size()) - 1; }
  Batch<T const> coefficient(int k) const { return coefficients_[static_cast<std::size_t>(k)].batch(); }  ///< c_k, [1][rows][outputs]

  /// Σ c_k tᵏ for k ≤ `order`, which is at most the expansion's own.
  Numbers<T> sum(int order, double t = 1) const;

private:
  std::vector<Numbers<T>> coefficients_;
};

/// A finite network and its derivative at its parameters, for any number of displacements: the network is run once.
/// The product of the NTK between `rows` and `cols` with a vector, without the NTK, is rows.tangent(cols.gradient(v)).
template <class T>
class Linearization {
public:
  /// Program, parameters and inputs have to live as long as this does.
  Linearization(FiniteProgram const& program, std::span<Batch<T const> const> parameters, std::span<Batch<T const> const> inputs)
      : evaluation_(program, parameters, inputs, Evaluation<T>::Keep::for_derivatives) {}

  Batch<T const> value() const { return evaluation_.output(); }  ///< f(θ), [1][rows][outputs]
  /// J d, and f(θ) + J d: [copies][rows][outputs] for displacements of as many copies.
  Numbers<T> tangent(std::span<Batch<T const> const> displacement) const;
  Numbers<T> value_at(std::span<Batch<T const> const> displacement) const;
  /// Jᵀ v, summed over rows: one [copies][1][size] for each parameter.
  std::vector<Numbers<T>> gradient(Batch<T const> v) const { return evaluation_.pull_parameters(v, Samples::together); }

private:
  Evaluation<T> evaluation_;
};

}  // namespace infinitile
