#include "solve/regression.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/text.hpp"
#include "comm/exact_sum.hpp"
#include "solve/cholesky.hpp"

namespace infinitile {

namespace {

char const* name_of(KernelKind kind) {
  return kind == KernelKind::nngp ? "nngp" : "ntk";
}

/// What stays the same while one regression is at work.
struct Problem {
  ProcessGrid const& grid;
  KernelSource const& kernels;
  Targets const& targets;
  KernelKind kind;

  long rows() const { return kernels.grid.train(); }
  TileMatrix empty(Block block) const { return {grid.distribution, grid.all.rank(), kernels.grid, block}; }
};

/// The size of A: its largest entry and its Frobenius norm.
struct Size {
  double largest = 0;
  double norm = 0;
};

TileMatrix load_rows(Problem const& p, KernelKind kind) {
  TileMatrix rows = p.empty(Block::test_train);
  for (TileIndex const t : rows.mine()) p.kernels.load(kind, t, rows.at(t));
  return rows;
}

/// yᵀ as one tile row below all others, so that it goes through the factorization with them.
TileMatrix target_row(Problem const& p) {
  TileMatrix row(p.grid.distribution, p.grid.all.rank(), TileAxis{p.kernels.grid.tiles(), {p.targets.outputs}},
                 TileAxis::train(p.kernels.grid), TileMatrix::Shape::rectangle);
  for (TileIndex const t : row.mine()) {
    Matrix const tile = row.at(t);
    long const first = p.kernels.grid.range(t.col).first;
    for (int i = 0; i < tile.rows; ++i)
      for (int j = 0; j < tile.cols; ++j) tile(i, j) = p.targets.values[static_cast<std::size_t>((first + j) * p.targets.outputs + i)];
  }
  return row;
}

/// A tile row (outputs, n) as (n, outputs) on every rank. Each number comes from one rank, so adding zeros to it changes no bit.
std::vector<double> replicated(Problem const& p, TileMatrix const& row) {
  std::vector<double> all(p.targets.values.size(), 0.0);
  for (TileIndex const t : row.mine()) {
    ConstMatrix const tile = row.at(t);
    long const first = p.kernels.grid.range(t.col).first;
    for (int i = 0; i < tile.rows; ++i)
      for (int j = 0; j < tile.cols; ++j) all[static_cast<std::size_t>((first + j) * p.targets.outputs + i)] += tile(i, j);
  }
  p.grid.all.all_reduce(std::span(all), Reduction::sum);
  return all;
}

double ridge_for(Problem const& p, PosteriorOptions const& options, TileMatrix const& a) {
  if (options.scale == RidgeScale::absolute) return options.diag_reg;
  std::vector<double> diagonal;
  for (TileIndex const t : a.mine())
    if (t.row == t.col)
      for (int i = 0; i < a.at(t).rows; ++i) diagonal.push_back(a.at(t)(i, i));
  return options.diag_reg * reproducible_sum(p.grid.all, diagonal) / static_cast<double>(p.rows());
}

void add_to_diagonal(TileIndex t, Matrix tile, double ridge) {
  if (t.row != t.col) return;
  for (int i = 0; i < tile.rows; ++i) tile(i, i) += ridge;
}

Size size_of(Problem const& p, TileMatrix const& a) {
  double const largest = agreed_bound(p.grid.all, largest_entry(a), text("the ", name_of(p.kind), " kernel of the train rows").c_str());
  double const scale = largest > 0 ? 1 / largest : 0;
  std::vector<double> squares;
  for (TileIndex const t : a.mine()) {
    ConstMatrix const tile = a.at(t);
    double sum = 0;
    for (int i = 0; i < tile.rows; ++i)
      for (int j = 0; j < tile.cols; ++j) sum += tile(i, j) * scale * (tile(i, j) * scale);
    squares.push_back(t.row == t.col ? sum : 2 * sum);
  }
  return {largest, largest * std::sqrt(reproducible_sum(p.grid.all, squares))};
}

[[noreturn]] void refuse(Problem const& p, PosteriorOptions const& options, double ridge, Breakdown const& found) {
  throw NumericalAnswer(text(
      "The ", name_of(p.kind), " kernel of the train rows plus ridge is not positive definite: the pivot of row ", found.row,
      " (counted from 0) is ", found.pivot, ", its diagonal ", found.diagonal, ", with posterior.diag_reg ", options.diag_reg, " (", ridge,
      " added). Look for repeated or zero rows, a linear network, or (ntk) one without weights; else increase posterior.diag_reg."));
}

double log_determinant(Problem const& p, TileMatrix const& factor) {
  std::vector<double> logs;
  for (TileIndex const t : factor.mine())
    if (t.row == t.col)
      for (int i = 0; i < factor.at(t).rows; ++i) logs.push_back(std::log(factor.at(t)(i, i)));
  return 2 * reproducible_sum(p.grid.all, logs);
}

/// Every rank has all of w, (n, outputs), so this is the same sum in the same order.
double square(std::vector<double> const& w) {
  double sum = 0;
  for (double const value : w) sum += value * value;
  return sum;
}

double largest_of(std::vector<double> const& values) {
  double out = 0;
  for (double const value : values) out = std::isfinite(value) ? std::max(out, std::abs(value)) : HUGE_VAL;
  return out;
}

/// (m, outputs) = W w, tile by tile, w (n, outputs).
std::vector<double> mean_of(Problem const& p, TileMatrix const& rows, std::vector<double> const& w) {
  TileGrid const& grid = p.kernels.grid;
  int const outputs = p.targets.outputs;
  double const largest = agreed_bound(p.grid.all, largest_entry(rows), text("the ", name_of(p.kind), " kernel of the test rows").c_str());
  ExactSums sums(static_cast<std::size_t>(grid.test() * outputs), 2.0 * grid.side() * largest * largest_of(w));
  std::vector<double> part(static_cast<std::size_t>(grid.side()) * static_cast<std::size_t>(outputs));
  for (TileIndex const t : rows.mine()) {
    Matrix const product(part.data(), grid.height(t), outputs);
    gemm(1, rows.at(t), ConstMatrix(w.data() + grid.range(t.col).first * outputs, grid.width(t), outputs), 0, product);
    for (int i = 0; i < product.rows; ++i)
      for (int o = 0; o < outputs; ++o) sums.add(static_cast<std::size_t>((grid.range(t.row).first + i) * outputs + o), product(i, o));
  }
  return sums.total(p.grid.all);
}

/// A α - y, (n, outputs), with the tiles of A as they are loaded once more.
std::vector<double> defect(Problem const& p, TileMatrix const& a, double ridge, double largest, std::vector<double> const& alpha) {
  TileGrid const& grid = p.kernels.grid;
  int const outputs = p.targets.outputs;
  auto const side = static_cast<std::size_t>(grid.side());
  ExactSums sums(alpha.size(), 2.0 * grid.side() * largest * largest_of(alpha));
  std::vector<double> memory(side * side), part(side * static_cast<std::size_t>(outputs));
  auto const add = [&](Factor const& tile, int from, int to) {
    Matrix const product(part.data(), tile.rows(), outputs);
    gemm(1, tile, ConstMatrix(alpha.data() + grid.range(from).first * outputs, tile.cols(), outputs), 0, product);
    for (int i = 0; i < product.rows; ++i)
      for (int o = 0; o < outputs; ++o) sums.add(static_cast<std::size_t>((grid.range(to).first + i) * outputs + o), product(i, o));
  };
  for (TileIndex const t : a.mine()) {
    Matrix const tile(memory.data(), grid.height(t), grid.width(t));
    p.kernels.load(p.kind, t, tile);
    add_to_diagonal(t, tile, ridge);
    add(tile, t.col, t.row);
    if (t.row != t.col) add(transposed(tile), t.row, t.col);
  }
  std::vector<double> out = sums.total(p.grid.all);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] -= p.targets.values[i];
  return out;
}

double residual(Problem const& p, TileMatrix const& a, double ridge, Size size, std::vector<double> const& alpha) {
  agreed_bound(p.grid.all, largest_of(alpha), "the solution for the targets");
  double const y = std::sqrt(square({p.targets.values.begin(), p.targets.values.end()}));
  double const scale = size.norm * std::sqrt(square(alpha)) + y;
  return scale > 0 ? std::sqrt(square(defect(p, a, ridge, size.largest, alpha))) / scale : 0;
}

}  // namespace

Regression regress(ProcessGrid const& grid, KernelSource const& kernels, Targets const& targets, PosteriorOptions const& options,
                   KernelKind kind, std::optional<KernelKind> cross) {
  Problem const p{grid, kernels, targets, kind};
  INFINITILE_EXPECT(targets.outputs > 0 && static_cast<long>(targets.values.size()) == p.rows() * targets.outputs);
  Regression out{.factor = p.empty(Block::train_train), .rows = load_rows(p, kind), .cross = {}};
  TileMatrix& a = out.factor;
  for (TileIndex const t : a.mine()) kernels.load(kind, t, a.at(t));
  if (cross) out.cross = load_rows(p, *cross);
  out.ridge = ridge_for(p, options, a);
  for (TileIndex const t : a.mine()) add_to_diagonal(t, a.at(t), out.ridge);
  Size const size = size_of(p, a);

  TileMatrix row = target_row(p);
  std::vector<TileMatrix*> appended{&out.rows, &row};
  if (out.cross) appended.push_back(&*out.cross);
  if (auto const found = cholesky(grid, a, appended, pivot_tolerance(p.rows()))) refuse(p, options, out.ridge, *found);

  std::vector<double> const w = replicated(p, row);
  out.mean = mean_of(p, out.rows, w);
  out.log_determinant = log_determinant(p, a);
  double const n = static_cast<double>(p.rows());
  out.log_marginal_likelihood = -0.5 * targets.outputs * (out.log_determinant + n * std::log(2 * std::numbers::pi)) - 0.5 * square(w);
  TileMatrix* const again[] = {&row};
  solve_back(grid, a, again);
  out.residual = residual(p, a, out.ridge, size, replicated(p, row));
  return out;
}

}  // namespace infinitile
