#pragma once

#include <optional>
#include <vector>

#include "solve/posterior.hpp"

namespace infinitile {

/// A regularized kernel matrix, factored, with the test rows and the targets carried through the factorization. m test rows.
struct Regression {
  TileMatrix factor;                ///< L
  TileMatrix rows;                  ///< W = k_ZX L⁻ᵀ
  std::optional<TileMatrix> cross;  ///< the same of another kernel's test rows
  double ridge = 0;
  double log_determinant = 0;
  double log_marginal_likelihood = 0;
  double residual = 0;
  std::vector<double> mean = {};  ///< (m, outputs)
};

/// Loads the matrix of `kind`, adds the ridge, factors it and solves for the targets. With `cross`, the test rows of that kernel go through
/// the same factorization. Throws NumericalAnswer, the same on every rank, if the matrix is not positive definite. See predict() for what
/// it costs.
Regression regress(ProcessGrid const& grid, KernelSource const& kernels, Targets const& targets, PosteriorOptions const& options,
                   KernelKind kind, std::optional<KernelKind> cross);

}  // namespace infinitile
