#include "solve/posterior.hpp"

#include <algorithm>
#include <cmath>

#include "comm/exact_sum.hpp"
#include "solve/cholesky.hpp"
#include "solve/product.hpp"
#include "solve/regression.hpp"

namespace infinitile {

namespace {

/// The covariance of the test rows as it comes together: the prior, then products of tile rows. The variances are always summed apart from
/// the covariance, so that they have the same bits with it and without.
class Spread {
public:
  Spread(ProcessGrid const& grid, KernelSource const& kernels, Covariance covariance, KernelKind prior);

  /// Adds alpha x yᵀ.
  void add(double alpha, TileMatrix const& x, TileMatrix const& y);
  /// Fills in variance and covariance.
  void finish(Posterior& out) &&;

private:
  ProcessGrid const& grid_;
  TileGrid const& tiles_;
  std::vector<double> variance_;
  std::vector<double> terms_;  ///< sizes of all that was added to each variance
  std::optional<TileMatrix> covariance_;
};

Spread::Spread(ProcessGrid const& grid, KernelSource const& kernels, Covariance covariance, KernelKind prior)
    : grid_(grid), tiles_(kernels.grid) {
  if (covariance == Covariance::full) {
    covariance_.emplace(grid.distribution, grid.all.rank(), tiles_, Block::test_test);
    variance_.assign(static_cast<std::size_t>(tiles_.test()), 0.0);
    for (TileIndex const t : covariance_->mine()) {
      Matrix const tile = covariance_->at(t);
      kernels.load(prior, t, tile);
      if (t.row == t.col)
        for (int i = 0; i < tile.rows; ++i) variance_[static_cast<std::size_t>(tiles_.range(t.row).first + i)] = tile(i, i);
    }
    grid.all.all_reduce(std::span(variance_), Reduction::sum);  // one rank has each, the others zero
  } else {
    variance_ = kernels.test_variance(prior);
  }
  INFINITILE_EXPECT(static_cast<long>(variance_.size()) == tiles_.test());
  terms_ = variance_;
}

void Spread::add(double alpha, TileMatrix const& x, TileMatrix const& y) {
  double const largest_x = agreed_bound(grid_.all, largest_entry(x), "the solution for the test rows");
  double const largest_y = agreed_bound(grid_.all, largest_entry(y), "the solution for the test rows");
  ExactSums sums(variance_.size(), 2.0 * tiles_.side() * largest_x * largest_y);
  for (TileIndex const t : x.mine()) {
    ConstMatrix const left = x.at(t), right = y.at(t);
    for (int i = 0; i < left.rows; ++i)
      sums.add(static_cast<std::size_t>(tiles_.range(t.row).first + i), dot(left.row(i), right.row(i), left.cols));
  }
  std::vector<double> const products = sums.total(grid_.all);
  for (std::size_t i = 0; i < products.size(); ++i) {
    variance_[i] += alpha * products[i];
    terms_[i] += std::abs(alpha * products[i]);
  }
  if (covariance_) add_product(grid_, alpha, x, y, *covariance_);
}

void Spread::finish(Posterior& out) && {
  double const rounding = pivot_tolerance(tiles_.train());
  for (std::size_t i = 0; i < variance_.size(); ++i)
    if (variance_[i] < 0 && -variance_[i] <= rounding * terms_[i]) variance_[i] = 0;
  if (covariance_)
    for (TileIndex const t : covariance_->mine())
      if (t.row == t.col)
        for (int i = 0; i < tiles_.height(t); ++i)
          covariance_->at(t)(i, i) = variance_[static_cast<std::size_t>(tiles_.range(t.row).first + i)];
  out.variance = std::move(variance_);
  out.covariance = std::move(covariance_);
}

/// The parts of a posterior that do not depend on its covariance formula.
Posterior start(PosteriorKind kind, Regression const& regression) {
  return {.kind = kind,
          .ridge = regression.ridge,
          .log_determinant = regression.log_determinant,
          .log_marginal_likelihood = regression.log_marginal_likelihood,
          .residual = regression.residual,
          .mean = regression.mean,
          .variance = {},
          .covariance = {}};
}

/// nngp and ntkgp: the prior minus W Wᵀ.
Posterior bayesian(ProcessGrid const& grid, KernelSource const& kernels, Covariance covariance, PosteriorKind kind,
                   Regression const& regression) {
  Posterior out = start(kind, regression);
  Spread spread(grid, kernels, covariance, kernel_of(kind));
  spread.add(-1, regression.rows, regression.rows);
  std::move(spread).finish(out);
  return out;
}

/// ntk: with V = K_ZX L⁻ᵀ of the nngp kernel, K_ZZ - (W Vᵀ + V Wᵀ) + (B K_XX) Bᵀ. Uses the regression up: W becomes B.
Posterior ensemble(ProcessGrid const& grid, KernelSource const& kernels, Covariance covariance, Regression regression) {
  Posterior out = start(PosteriorKind::ntk, regression);
  Spread spread(grid, kernels, covariance, KernelKind::nngp);
  spread.add(-1, regression.rows, *regression.cross);
  spread.add(-1, *regression.cross, regression.rows);
  regression.cross.reset();
  TileMatrix* const rows[] = {&regression.rows};
  solve_back(grid, regression.factor, rows);
  TileMatrix const product =
      times_symmetric(grid, regression.rows, [&](TileIndex t, Matrix tile) { kernels.load(KernelKind::nngp, t, tile); });
  spread.add(1, product, regression.rows);
  std::move(spread).finish(out);
  return out;
}

}  // namespace

std::vector<Posterior> predict(ProcessGrid const& grid, KernelSource const& kernels, Targets const& targets,
                               PosteriorOptions const& options) {
  std::vector<std::optional<Posterior>> found(3);
  auto const wanted = [&](PosteriorKind kind) { return std::find(options.get.begin(), options.get.end(), kind) != options.get.end(); };
  auto const place = [&](PosteriorKind kind) -> std::optional<Posterior>& { return found[static_cast<std::size_t>(kind)]; };
  auto const regress_on = [&](KernelKind kind, std::optional<KernelKind> cross) {
    return regress(grid, kernels, targets, options, kind, cross);
  };
  if (wanted(PosteriorKind::nngp))
    place(PosteriorKind::nngp) = bayesian(grid, kernels, options.covariance, PosteriorKind::nngp, regress_on(KernelKind::nngp, {}));
  if (wanted(PosteriorKind::ntk) || wanted(PosteriorKind::ntkgp)) {
    bool const cross = wanted(PosteriorKind::ntk);
    Regression regression = regress_on(KernelKind::ntk, cross ? std::optional(KernelKind::nngp) : std::nullopt);
    if (wanted(PosteriorKind::ntkgp))
      place(PosteriorKind::ntkgp) = bayesian(grid, kernels, options.covariance, PosteriorKind::ntkgp, regression);
    if (cross) place(PosteriorKind::ntk) = ensemble(grid, kernels, options.covariance, std::move(regression));
  }
  std::vector<Posterior> out;
  for (PosteriorKind const kind : options.get) out.push_back(std::move(*place(kind)));
  return out;
}

}  // namespace infinitile
