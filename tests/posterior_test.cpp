#include "solve/posterior.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include <hdf5.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

std::vector<double> read(std::string const& name) {
  hid_t const file = H5Fopen(INFINITILE_TEST_DATA "/predict.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t const set = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  hid_t const space = H5Dget_space(set);
  std::vector<double> out(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  REQUIRE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) >= 0);
  H5Sclose(space), H5Dclose(set), H5Fclose(file);
  return out;
}

/// Kernels in memory, whole: [block][kernel].
struct Problem {
  long n = 0;
  long m = 0;
  int outputs = 1;
  std::vector<double> train_train[2], test_train[2], test_test[2], y;

  KernelSource source(int side) const {
    TileGrid const grid(n, m, side);
    auto load = [this, grid](KernelKind kind, TileIndex t, Matrix tile) {
      auto const k = static_cast<std::size_t>(kind);
      Block const block = grid.block(t);
      auto const& from = block == Block::train_train ? train_train[k] : block == Block::test_train ? test_train[k] : test_test[k];
      long const width = block == Block::test_test ? m : n;
      for (int i = 0; i < tile.rows; ++i)
        for (int j = 0; j < tile.cols; ++j)
          tile(i, j) = from[static_cast<std::size_t>((grid.range(t.row).first + i) * width + grid.range(t.col).first + j)];
    };
    auto variance = [this](KernelKind kind) {
      std::vector<double> out;
      for (long i = 0; i < m; ++i) out.push_back(test_test[static_cast<std::size_t>(kind)][static_cast<std::size_t>(i * (m + 1))]);
      return out;
    };
    return {grid, load, variance};
  }
  Targets targets() const { return {y, outputs}; }
};

Problem golden(std::string const& name) {
  Problem p{.n = 12, .m = 5, .outputs = 1, .train_train = {}, .test_train = {}, .test_test = {}, .y = read(name + "/y1")};
  p.outputs = static_cast<int>(p.y.size()) / 12;
  for (std::size_t k : {0U, 1U}) {
    std::string const kernel = k == 0 ? "/nngp" : "/ntk";
    p.train_train[k] = read(name + "/k_train_train" + kernel);
    p.test_train[k] = read(name + "/k_test_train" + kernel);
    p.test_test[k] = read(name + "/k_test_test" + kernel);
  }
  return p;
}

/// Two smooth kernels of points on a line, with many sizes of tiles in it.
Problem smooth(long n, long m, int outputs) {
  Problem p{.n = n, .m = m, .outputs = outputs, .train_train = {}, .test_train = {}, .test_test = {}, .y = {}};
  auto const x = [&](long i) { return i < n ? 0.37 * static_cast<double>(i) : 0.31 * static_cast<double>(i - n) + 0.1; };
  for (std::size_t kind : {0U, 1U}) {
    auto const k = [&](long i, long j) {
      return (2.0 + static_cast<double>(kind)) * std::exp(-std::abs(x(i) - x(j)) / (1.0 + 2.0 * static_cast<double>(kind)));
    };
    for (long i = 0; i < n + m; ++i)
      for (long j = 0; j < n + m; ++j)
        (i < n ? p.train_train : j < n ? p.test_train : p.test_test)[kind].push_back(i < n && j >= n ? NAN : k(i, j));
    std::erase_if(p.train_train[kind], [](double value) { return std::isnan(value); });
  }
  for (long i = 0; i < n * outputs; ++i) p.y.push_back(std::sin(0.3 * static_cast<double>(i)));
  return p;
}

constexpr PosteriorKind kinds[] = {PosteriorKind::nngp, PosteriorKind::ntk, PosteriorKind::ntkgp};
char const* const names[] = {"nngp", "ntk", "ntkgp"};

/// The covariance of all ranks, (m, m), both triangles.
std::vector<double> whole(ProcessGrid const& grid, TileGrid const& tiles, TileMatrix const& covariance) {
  long const m = tiles.test();
  std::vector<double> out(static_cast<std::size_t>(m * m), 0.0);
  for (TileIndex const t : covariance.mine())
    for (int i = 0; i < tiles.height(t); ++i)
      for (int j = 0; j < tiles.width(t); ++j) {
        long const row = tiles.range(t.row).first + i, col = tiles.range(t.col).first + j;
        out[static_cast<std::size_t>(row * m + col)] = out[static_cast<std::size_t>(col * m + row)] = covariance.at(t)(i, j);
      }
  grid.all.all_reduce(std::span(out), Reduction::sum);
  return out;
}

/// Largest difference, relative to the largest entry.
double distance(std::vector<double> const& a, std::vector<double> const& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return difference / largest;
}

/// A checksum of every bit of some predictions.
std::uint64_t digest(ProcessGrid const& grid, TileGrid const& tiles, std::vector<Posterior> const& posteriors) {
  std::uint64_t sum = 0;
  auto const add = [&](std::vector<double> const& values) { sum = checksum(std::as_bytes(std::span(values)), sum); };
  for (Posterior const& p : posteriors) {
    add({p.ridge, p.log_determinant, p.log_marginal_likelihood, p.residual});
    add(p.mean), add(p.variance);
    if (p.covariance) add(whole(grid, tiles, *p.covariance));
  }
  return sum;
}

std::uint64_t digest_of_smooth(ProcessGrid const& grid, int side, Covariance covariance) {
  Problem const problem = smooth(70, 31, 3);
  KernelSource const source = problem.source(side);
  return digest(
      grid, source.grid,
      predict(grid, source, problem.targets(), {.get = {kinds[0], kinds[1], kinds[2]}, .diag_reg = 1e-3, .covariance = covariance}));
}

}  // namespace

TEST_CASE("posteriors agree with the golden ones for every problem, ridge and kind", "[posterior]") {
  ProcessGrid const grid(Communicator::world());
  auto const name = GENERATE(as<std::string>(), "erf_1", "erf_3", "relu_1", "relu_3", "duplicate_rows", "zero_row");
  auto const side = GENERATE(1, 5, 12, 64);
  Problem const problem = golden(name);
  KernelSource const source = problem.source(side);
  for (auto const& [ridge, diag_reg, scale] :
       {std::tuple("relative_0", 0.0, RidgeScale::relative), std::tuple("relative_1e-4", 1e-4, RidgeScale::relative),
        std::tuple("relative_1e-1", 1e-1, RidgeScale::relative), std::tuple("absolute_1e-2", 1e-2, RidgeScale::absolute)}) {
    if (diag_reg == 0 && (name == "duplicate_rows" || name == "zero_row")) continue;
    auto const found = predict(grid, source, problem.targets(), {{kinds[0], kinds[1], kinds[2]}, diag_reg, scale, Covariance::full});
    for (std::size_t k = 0; k < 3; ++k) {
      INFO(name << " side " << side << " " << ridge << " " << names[k]);
      std::string const place = name + "/gp_inference/" + ridge + "/" + names[k];
      CHECK(found[k].kind == kinds[k]);
      CHECK(distance(found[k].mean, read(place + "/mean")) < 1e-10);
      auto const covariance = whole(grid, source.grid, *found[k].covariance);
      CHECK(distance(covariance, read(place + "/covariance")) < 1e-10);
      CHECK(found[k].log_determinant == Approx(read(place + "/log_determinant")[0]).epsilon(1e-10));
      CHECK(found[k].log_marginal_likelihood == Approx(read(place + "/log_marginal_likelihood")[0]).epsilon(1e-10));
      CHECK(found[k].residual > 0);
      CHECK(found[k].residual < 1e-15);
      for (std::size_t i = 0; i < 5; ++i) CHECK(found[k].variance[i] == covariance[i * 6]);
    }
  }
}

TEST_CASE("singular kernels without a ridge are refused with one message on all ranks", "[posterior]") {
  auto const world = Communicator::world();
  ProcessGrid const grid(world);
  auto const [name, row] = GENERATE(table<std::string, int>({{"duplicate_rows", 1}, {"zero_row", 3}}));
  auto const side = GENERATE(1, 5, 64);
  Problem const problem = golden(name);
  for (PosteriorKind const kind : kinds) {
    std::string message;
    try {
      predict(grid, problem.source(side), problem.targets(), {.get = {kind}, .diag_reg = 0});
    } catch (NumericalAnswer const& answer) {
      message = answer.what();
    }
    CHECK_THAT(message, Catch::Contains(text("the pivot of row ", row, " ")) && Catch::Contains("diag_reg"));
    CHECK_THAT(message, Catch::Contains(kind == PosteriorKind::nngp ? "The nngp kernel" : "The ntk kernel"));
    CHECK(world.broadcast(message, 0) == message);
  }
}

TEST_CASE("all ranks together predict the same bits as one rank alone", "[posterior]") {
  auto const world = Communicator::world();
  auto const side = GENERATE(9, 16, 31, 200);
  for (Covariance const covariance : {Covariance::diagonal, Covariance::full})
    CHECK(digest_of_smooth(ProcessGrid(world), side, covariance) == digest_of_smooth(ProcessGrid(Communicator::self()), side, covariance));
}

TEST_CASE("variances have the same bits with the full covariance and without", "[posterior]") {
  ProcessGrid const grid(Communicator::world());
  Problem const problem = smooth(40, 13, 1);
  PosteriorOptions options{.get = {kinds[0], kinds[1], kinds[2]}};
  auto const diagonal = predict(grid, problem.source(7), problem.targets(), options);
  options.covariance = Covariance::full;
  auto const full = predict(grid, problem.source(7), problem.targets(), options);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(diagonal[k].variance == full[k].variance);
    CHECK_FALSE(diagonal[k].covariance);
  }
}

TEST_CASE("at the train rows, without a ridge, the mean is y and the variance rounds to zero or is zero", "[posterior]") {
  ProcessGrid const grid(Communicator::world());
  Problem problem = smooth(30, 30, 2);
  for (std::size_t k : {0U, 1U}) problem.test_train[k] = problem.test_test[k] = problem.train_train[k];
  for (Posterior const& p : predict(grid, problem.source(8), problem.targets(), {.get = {kinds[0], kinds[1], kinds[2]}, .diag_reg = 0})) {
    CHECK(distance(p.mean, problem.y) < 1e-12);
    for (double const variance : p.variance) {
      CHECK(variance >= 0);
      CHECK(variance < 1e-12);
    }
  }
}

TEST_CASE("a relative ridge is relative to the mean of the diagonal, and kinds come in the order asked for", "[posterior]") {
  ProcessGrid const grid(Communicator::world());
  Problem const problem = smooth(20, 3, 1);  // the diagonals are 2 (nngp) and 3 (ntk)
  auto const found =
      predict(grid, problem.source(6), problem.targets(), {.get = {PosteriorKind::ntkgp, PosteriorKind::nngp}, .diag_reg = 0.5});
  REQUIRE(found.size() == 2);
  CHECK(found[0].kind == PosteriorKind::ntkgp);
  CHECK(found[0].ridge == 1.5);
  CHECK(found[1].ridge == 1.0);
  auto const absolute =
      predict(grid, problem.source(6), problem.targets(), {.get = {PosteriorKind::ntk}, .diag_reg = 0.5, .scale = RidgeScale::absolute});
  CHECK(absolute[0].ridge == 0.5);
}

TEST_CASE("without test rows there is still a marginal likelihood", "[posterior]") {
  ProcessGrid const grid(Communicator::world());
  Problem const with = smooth(20, 3, 1), without = smooth(20, 0, 1);
  for (PosteriorKind const kind : kinds) {
    auto const found = predict(grid, without.source(6), without.targets(), {.get = {kind}});
    CHECK(found[0].mean.empty());
    CHECK(found[0].log_marginal_likelihood == predict(grid, with.source(6), with.targets(), {.get = {kind}})[0].log_marginal_likelihood);
  }
}

// Run by tests/solve.tests.cmake with several numbers of ranks and threads: the line must be the same each time.
TEST_CASE("the bits of a prediction", "[.digest]") {
  auto const world = Communicator::world();
  auto const sum = digest_of_smooth(ProcessGrid(world), 9, Covariance::full);
  if (world.is_first()) std::printf("digest %s\n", hexadecimal(sum).c_str());
}
