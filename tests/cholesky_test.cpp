#include "solve/cholesky.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "solve/product.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// The tiles of this rank, filled with f(i, j), i and j counted in the rows of their own data set.
template <class F>
TileMatrix filled(ProcessGrid const& grid, TileGrid const& tiles, Block block, F const& f) {
  TileMatrix out(grid.distribution, grid.all.rank(), tiles, block);
  for (TileIndex const t : out.mine())
    for (int i = 0; i < tiles.height(t); ++i)
      for (int j = 0; j < tiles.width(t); ++j) out.at(t)(i, j) = f(tiles.range(t.row).first + i, tiles.range(t.col).first + j);
  return out;
}

/// The covariance of Brownian motion at times 1, 2, ...: its factor is all ones, so no tolerance is needed.
double brownian(long i, long j) {
  return static_cast<double>(std::min(i, j) + 1);
}

/// Calls f(i, j, value) for the entries of this rank with j ≤ i.
template <class F>
void for_lower(TileGrid const& tiles, TileMatrix const& a, F const& f) {
  for (TileIndex const t : a.mine())
    for (int i = 0; i < tiles.height(t); ++i)
      for (int j = 0; j < tiles.width(t); ++j)
        if (tiles.range(t.row).first + i >= tiles.range(t.col).first + j)
          f(tiles.range(t.row).first + i, tiles.range(t.col).first + j, a.at(t)(i, j));
}

/// Fixed numbers in (-1, 1), the same on every rank.
double noise(long i, long j) {
  return std::sin(12.9898 * static_cast<double>(i + 1) + 78.233 * static_cast<double>(j * j + 3));
}

/// A well-conditioned positive definite matrix without structure.
double covariance(long i, long j) {
  return (i == j ? 8 : 0) + std::cos(0.7 * static_cast<double>(i - j)) + 0.5 * std::cos(2.1 * static_cast<double>(i - j));
}

/// All shapes of process grid for these ranks.
std::vector<Distribution> shapes(int ranks) {
  std::vector<Distribution> out;
  for (int rows = 1; rows <= ranks; ++rows)
    if (ranks % rows == 0) out.emplace_back(rows, ranks / rows);
  return out;
}

}  // namespace

TEST_CASE("the factor of the Brownian covariance is all ones", "[cholesky]") {
  auto const comm = Communicator::world();
  auto const [n, side] = GENERATE(table<long, int>({{1, 4}, {4, 4}, {23, 4}, {24, 5}, {40, 64}, {7, 1}, {150, 70}}));
  for (Distribution const& shape : shapes(comm.size())) {
    ProcessGrid const grid(comm, shape);
    TileGrid const tiles(n, 0, side);
    TileMatrix a = filled(grid, tiles, Block::train_train, brownian);
    REQUIRE_FALSE(cholesky(grid, a, {}, pivot_tolerance(n)));
    long wrong = 0;
    for_lower(tiles, a, [&](long, long, double value) { wrong += value != 1; });
    CHECK(wrong == 0);
  }
}

TEST_CASE("rows appended to the Brownian covariance become increments, and come back", "[cholesky]") {
  // Row z of K_ZX is min(t_z, t_j): W(z, j) is 1 for j + 1 ≤ t_z and 0 after, and B = W L⁻¹ picks the one training time that equals t_z.
  auto const comm = Communicator::world();
  auto const side = GENERATE(1, 3, 8, 100);
  long const n = 19, m = 11;
  ProcessGrid const grid(comm);
  TileGrid const tiles(n, m, side);
  auto const time = [](long z) { return 2 * z % 19 + 1; };
  TileMatrix a = filled(grid, tiles, Block::train_train, brownian);
  TileMatrix rows = filled(grid, tiles, Block::test_train, [&](long z, long j) { return static_cast<double>(std::min(time(z), j + 1)); });
  TileMatrix* const appended[] = {&rows};
  REQUIRE_FALSE(cholesky(grid, a, appended, pivot_tolerance(n)));
  long wrong = 0;
  auto const count_wrong = [&](auto const& expected) {
    for (TileIndex const t : rows.mine())
      for (int i = 0; i < tiles.height(t); ++i)
        for (int j = 0; j < tiles.width(t); ++j)
          wrong += rows.at(t)(i, j) != expected(time(tiles.range(t.row).first + i), tiles.range(t.col).first + j + 1);
  };
  count_wrong([](long t, long j) { return j <= t ? 1.0 : 0.0; });
  CHECK(wrong == 0);
  solve_back(grid, a, appended);
  count_wrong([](long t, long j) { return j == t ? 1.0 : 0.0; });
  CHECK(wrong == 0);
}

TEST_CASE("factor and appended rows multiply back to what they came from", "[cholesky]") {
  auto const comm = Communicator::world();
  auto const [n, m, side] = GENERATE(table<long, long, int>({{1, 1, 1}, {50, 20, 7}, {130, 9, 40}, {64, 64, 64}}));
  ProcessGrid const grid(comm);
  TileGrid const tiles(n, m, side);
  TileMatrix a = filled(grid, tiles, Block::train_train, covariance), rows = filled(grid, tiles, Block::test_train, noise);
  TileMatrix* const appended[] = {&rows};
  REQUIRE_FALSE(cholesky(grid, a, appended, pivot_tolerance(n)));
  // Rows of L, with zeros above the diagonal, as a rectangle: then L Lᵀ and W Lᵀ are plain products.
  TileMatrix l(grid.distribution, comm.rank(), a.rows(), a.cols(), TileMatrix::Shape::rectangle);
  for (TileIndex const t : a.mine())
    for (int i = 0; i < tiles.height(t); ++i)
      for (int j = 0; j < tiles.width(t); ++j) l.at(t)(i, j) = t.row == t.col && j > i ? 0 : a.at(t)(i, j);
  TileMatrix back(grid.distribution, comm.rank(), tiles, Block::train_train),
      rows_back(grid.distribution, comm.rank(), tiles, Block::test_train);
  add_product(grid, 1, l, l, back);
  add_product(grid, 1, rows, l, rows_back);
  double worst = 0;
  for_lower(tiles, back, [&](long i, long j, double value) { worst = std::max(worst, std::abs(value - covariance(i, j))); });
  CHECK(worst < 1e-13);
  worst = 0;
  for (TileIndex const t : rows_back.mine())
    for (int i = 0; i < tiles.height(t); ++i)
      for (int j = 0; j < tiles.width(t); ++j)
        worst = std::max(worst, std::abs(rows_back.at(t)(i, j) - noise(tiles.range(t.row).first + i, tiles.range(t.col).first + j)));
  CHECK(worst < 1e-13);
}

TEST_CASE("all ranks together find the same bits as one rank alone", "[cholesky]") {
  auto const comm = Communicator::world();
  auto const [n, m, side] = GENERATE(table<long, long, int>({{50, 20, 7}, {130, 9, 40}, {300, 70, 33}}));
  TileGrid const tiles(n, m, side);
  auto const factored = [&](ProcessGrid const& grid) {
    std::pair out(filled(grid, tiles, Block::train_train, covariance), filled(grid, tiles, Block::test_train, noise));
    TileMatrix* const appended[] = {&out.second};
    CHECK_FALSE(cholesky(grid, out.first, appended, pivot_tolerance(n)));
    solve_back(grid, out.first, appended);
    return out;
  };
  auto const [l_alone, rows_alone] = factored(ProcessGrid(Communicator::self()));
  for (Distribution const& shape : shapes(comm.size())) {
    auto const [l, rows] = factored(ProcessGrid(comm, shape));
    long wrong = 0;
    for_lower(tiles, l, [&](long i, long j, double value) {
      wrong += value
               != l_alone.at(TileIndex{static_cast<int>(i / side), static_cast<int>(j / side)})(static_cast<int>(i % side),
                                                                                                static_cast<int>(j % side));
    });
    for (TileIndex const t : rows.mine())
      for (int i = 0; i < tiles.height(t); ++i)
        for (int j = 0; j < tiles.width(t); ++j) wrong += rows.at(t)(i, j) != rows_alone.at(t)(i, j);
    CHECK(wrong == 0);
  }
}

TEST_CASE("a matrix that is not positive definite breaks down at the same row on every rank", "[cholesky]") {
  auto const comm = Communicator::world();
  auto const side = GENERATE(1, 4, 9, 64);
  long const n = 37;
  ProcessGrid const grid(comm);
  TileGrid const tiles(n, 5, side);
  for (long const bad : {0L, 1L, 17L, 36L}) {
    // A pivot of the Brownian covariance is 1; lowering one diagonal entry by 1.25 leaves -0.25 there.
    TileMatrix a =
        filled(grid, tiles, Block::train_train, [&](long i, long j) { return brownian(i, j) - (i == j && i == bad ? 1.25 : 0); });
    TileMatrix rows = filled(grid, tiles, Block::test_train, noise);
    TileMatrix* const appended[] = {&rows};
    auto const breakdown = cholesky(grid, a, appended, pivot_tolerance(n));
    REQUIRE(breakdown);
    CHECK(breakdown->row == bad);
    CHECK(breakdown->pivot == -0.25);
    CHECK(breakdown->diagonal == static_cast<double>(bad) + 1 - 1.25);
  }
}

TEST_CASE("singular matrices are refused although rounding leaves tiny positive pivots", "[cholesky]") {
  auto const comm = Communicator::world();
  ProcessGrid const grid(comm);
  auto const seed = GENERATE(range(1, 9));
  long const n = 60;
  TileGrid const tiles(n, 0, 16);
  std::mt19937 random(static_cast<unsigned>(seed));
  std::normal_distribution<double> normal;
  int const features = 5 + 6 * seed;  // the kernel of a linear network of this input width
  std::vector<double> x(static_cast<std::size_t>(n * features));
  for (double& value : x) value = normal(random);
  auto const dot = [&](long i, long j) {
    double sum = 0;
    for (int f = 0; f < features; ++f) sum += x[static_cast<std::size_t>(i * features + f)] * x[static_cast<std::size_t>(j * features + f)];
    return sum / features;
  };
  TileMatrix linear = filled(grid, tiles, Block::train_train, dot);
  auto const breakdown = cholesky(grid, linear, {}, pivot_tolerance(n));
  REQUIRE(breakdown);
  CHECK(breakdown->row >= features);  // at once, or soon after: the rounding of a badly conditioned leading block may pass for a pivot
  CHECK(std::abs(breakdown->pivot) < 1e-12);

  // Two equal rows of a smooth kernel.
  auto const smooth = [&](long i, long j) {
    auto const at = [&](long row) { return row == 41 ? 7 : row; };
    double square = 0;
    for (int f = 0; f < features; ++f)
      square += std::pow(x[static_cast<std::size_t>(at(i) * features + f)] - x[static_cast<std::size_t>(at(j) * features + f)], 2);
    return std::exp(-0.5 * square / features);
  };
  TileMatrix equal = filled(grid, tiles, Block::train_train, smooth);
  auto const repeated = cholesky(grid, equal, {}, pivot_tolerance(n));
  REQUIRE(repeated);
  CHECK(repeated->row == 41);
}

TEST_CASE("the product with a symmetric matrix uses each of its tiles on both sides", "[product]") {
  auto const comm = Communicator::world();
  auto const side = GENERATE(1, 4, 7, 50);
  long const n = 23, m = 9;
  for (Distribution const& shape : shapes(comm.size())) {
    ProcessGrid const grid(comm, shape);
    TileGrid const tiles(n, m, side);
    TileMatrix const b = filled(grid, tiles, Block::test_train, [](long i, long j) { return static_cast<double>((3 * i + j) % 7 - 2); });
    auto const k = [](long i, long j) { return static_cast<double>((i + j) * (i + j) % 11 + (i == j)); };  // integers: products are exact
    TileMatrix const product = times_symmetric(grid, b, [&](TileIndex t, Matrix tile) {
      for (int i = 0; i < tile.rows; ++i)
        for (int j = 0; j < tile.cols; ++j) tile(i, j) = k(tiles.range(t.row).first + i, tiles.range(t.col).first + j);
    });
    long wrong = 0;
    for (TileIndex const t : product.mine())
      for (int i = 0; i < tiles.height(t); ++i)
        for (int j = 0; j < tiles.width(t); ++j) {
          double expected = 0;
          for (long l = 0; l < n; ++l)
            expected += static_cast<double>((3 * (tiles.range(t.row).first + i) + l) % 7 - 2) * k(l, tiles.range(t.col).first + j);
          wrong += product.at(t)(i, j) != expected;
        }
    CHECK(wrong == 0);
  }
}
