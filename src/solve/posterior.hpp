#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "solve/process_grid.hpp"
#include "solve/tile_matrix.hpp"

namespace infinitile {

enum class KernelKind { nngp, ntk };
enum class PosteriorKind { nngp, ntk, ntkgp };
enum class Covariance { diagonal, full };
enum class RidgeScale { relative, absolute };

/// The matrix that is factored: NNGP for nngp, NTK for ntk and ntkgp.
constexpr KernelKind kernel_of(PosteriorKind kind) {
  return kind == PosteriorKind::nngp ? KernelKind::nngp : KernelKind::ntk;
}

/// Where the kernels come from: tiles that are in memory or on disk already, each read by the rank that owns it (ProcessGrid's
/// distribution), by one thread. Train tiles are read twice or more, so that no second copy of a matrix has to be held.
struct KernelSource {
  TileGrid grid;
  /// Fills the tile: train_train and test_train, and test_test where the covariance is full. Diagonal tiles whole. Finite numbers only.
  std::function<void(KernelKind, TileIndex, Matrix)> load;
  /// The prior variances of the test rows, (m), the same on all ranks. Not asked for where the covariance is full.
  std::function<std::vector<double>(KernelKind)> test_variance;
};

/// y, row-major (n, outputs), the same on all ranks.
struct Targets {
  std::span<double const> values;
  int outputs = 1;
};

struct PosteriorOptions {
  std::vector<PosteriorKind> get;
  double diag_reg = 1e-4;
  RidgeScale scale = RidgeScale::relative;  ///< relative to the mean of the train diagonal of the matrix that is factored
  Covariance covariance = Covariance::diagonal;
};

/// One prediction; everything but the covariance is the same on all ranks.
struct Posterior {
  PosteriorKind kind = PosteriorKind::nngp;
  double ridge = 0;                    ///< what was added to the diagonal
  double log_determinant = 0;          ///< of A = kernel + ridge
  double log_marginal_likelihood = 0;  ///< log N(y; 0, A), summed over outputs, in nats
  double residual = 0;  ///< ‖A α − y‖ / (‖A‖ ‖α‖ + ‖y‖), Frobenius norms, α = A⁻¹ y as computed, A from the tiles as loaded
  std::vector<double> mean;              ///< (m, outputs)
  std::vector<double> variance;          ///< (m), of the function, without the ridge
  std::optional<TileMatrix> covariance;  ///< (m, m), lower tiles on their owners, where it was asked for
};

/// Gaussian-process predictions at t = infinity, for the kinds asked for, in the order asked for.
/// With A = Θ_XX + ridge (K_XX + ridge for nngp):
///   mean = k_ZX A⁻¹ y,  k = K for nngp, Θ else
///   nngp:  K_ZZ − K_ZX A⁻¹ K_XZ          ntkgp: Θ_ZZ − Θ_ZX A⁻¹ Θ_XZ
///   ntk:   K_ZZ + Bᵀ K_XX B − (Θ_ZX A⁻¹ K_XZ + transpose),  B = A⁻¹ Θ_XZ, K_XX without ridge
/// (neural-tangents 0.6.5, gp_inference; Lee et al. 2019, Wide neural networks of any depth, section 2.4).
///
/// A variance below zero by no more than the rounding of its terms is zero, as is its place in the covariance; any other is left as it was
/// computed. A that is not positive definite, also numerically, throws NumericalAnswer with the same row on every rank.
/// The same bits for any number of ranks and threads: tiles are updated in a fixed order, and sums over ranks are exact
/// (comm/exact_sum.hpp).
///
/// Flops   n³/3 + m n² for nngp or ntkgp; ntk adds 4 m n² (K_ZX in the factorization, the backward sweep, the product with K_XX).
/// Memory  doubles over all ranks: n²/2 + m n for one factorization at a time, 3 m n for ntk; with full covariance m²/2 per kind.
///         Per rank: y three times, 24 (m + n) outputs bytes of sums, the panels of cholesky().
std::vector<Posterior> predict(ProcessGrid const& grid, KernelSource const& kernels, Targets const& targets,
                               PosteriorOptions const& options);

}  // namespace infinitile
