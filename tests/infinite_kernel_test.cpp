#include "infinite/infinite_kernel.hpp"

#include <array>
#include <cmath>
#include <random>
#include <string>

#include "base/error.hpp"
#include "infinite/compile_pairs.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/golden_kernels.hpp"

using namespace infinitile;
using golden::Lower;

namespace {

PairProgram program_of(std::string const& yaml, long width) {
  auto const signatures = activation_signatures();
  return compile_pair_program(read_network(parse_yaml(yaml, "test"), ReadContext{"test", "", {{width}}, signatures}));
}

#ifdef INFINITILE_TRAP_NAN
constexpr std::array sides{3};  // minutes under sanitizers
#else
constexpr std::array sides{1, 3, 64};
#endif

/// A network on train and test rows, tabulated once for tiles of any side in both precisions.
struct Tabulated {
  PairProgram program;
  RowTable rows;
  Tabulated(std::string const& yaml, long width, std::vector<double> const& x)
      : program(program_of(yaml, width)), rows(tabulate_rows(program, {{width, x}}, Precision::float32)) {}
};

template <class T>
Lower compute_all(Tabulated const& network, long train, int side) {
  return golden::compute_all<T>(network.rows.rows, train, side, [&](TileTask<T> const& task) {
    return compute_tiles(Exec(), network.program, network.rows, std::span(&task, 1));
  });
}

void check_case(hid_t group, std::string const& network) {
  golden::Inputs const inputs = golden::read_inputs(group);
  Tabulated const tabulated(network, inputs.shape.back(), inputs.values);
  for (int const side : sides) {
    CAPTURE(side);
    golden::check_double(group, compute_all<double>(tabulated, inputs.train, side), inputs.train);
  }
  golden::check_single(group, compute_all<float>(tabulated, inputs.train, 2), inputs.train);
}

}  // namespace

TEST_CASE("every fully connected golden kernel is met, at any tile side", "[infinite_kernel]") {
  h5::Handle const file = h5::open_file(std::string(INFINITILE_TEST_DATA) + "/infinite_fc.h5");
  auto const names = golden::case_names(file);
  REQUIRE(names.size() == 87);
  for (auto const& name : names) {
    h5::Handle const group(H5Gopen(file, name.c_str(), H5P_DEFAULT), H5Gclose);
    std::string const network = golden::read_words(group, "network");
    CAPTURE(name, network);
    if (name == "layer_norm_batch") {  // a tile would depend on all others
      CHECK_THROWS_WITH(program_of(network, 5), Catch::Contains("batch"));
      continue;
    }
    check_case(group, network);
  }
}

namespace {

/// The NTK of one hidden ReLU layer at an angle, from its formula in long double: T = θ-dependent slope times cos + the last layer's own
/// kernel.
long double relu_ntk(long double angle) {
  long double const pi = std::acos(-1.0L), c = std::cos(angle), s = std::sin(angle);
  long double const slope = (pi - angle) / (2 * pi);
  return c * slope + (s + (pi - angle) * c) / (2 * pi);
}

}  // namespace

TEST_CASE("near-duplicate inputs keep their digits, also in float32", "[infinite_kernel]") {
  double const angle = GENERATE(1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6);
  // Unit vectors of many entries at that angle, scaled so that the variance is 1; the second one a multiple of it, since the norm must not
  // matter.
  long const d = 784;
  std::vector<double> a(d), b(d), x;
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  double aa = 0, ab = 0, bb = 0;
  for (auto& v : a) v = normal(random);
  for (auto& v : b) v = normal(random);
  for (long k = 0; k < d; ++k) aa += a[static_cast<std::size_t>(k)] * a[static_cast<std::size_t>(k)];
  for (auto& v : a) v /= std::sqrt(aa);
  for (long k = 0; k < d; ++k) ab += a[static_cast<std::size_t>(k)] * b[static_cast<std::size_t>(k)];
  for (long k = 0; k < d; ++k) b[static_cast<std::size_t>(k)] -= ab * a[static_cast<std::size_t>(k)];
  for (double const v : b) bb += v * v;
  for (auto& v : b) v /= std::sqrt(bb);
  double const root = std::sqrt(static_cast<double>(d)), stretch = 2.5;
  for (double const v : a) x.push_back(root * v);
  for (long k = 0; k < d; ++k)
    x.push_back(stretch * root * (std::cos(angle) * a[static_cast<std::size_t>(k)] + std::sin(angle) * b[static_cast<std::size_t>(k)]));
  double const expected = stretch * static_cast<double>(relu_ntk(angle));
  std::string const network = "[dense, relu, dense]";
  CAPTURE(angle);
  Tabulated const tabulated(network, d, x);
  Lower const all = compute_all<double>(tabulated, 2, 64), single = compute_all<float>(tabulated, 2, 64);
  CHECK(all.at(all.ntk, 1, 0) == Approx(expected).epsilon(1e-12));
  CHECK(single.at(single.ntk, 1, 0) == Approx(expected).epsilon(1e-6));
}

TEST_CASE("the bits of a tile do not depend on how many are computed together", "[infinite_kernel]") {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  long const n = 70, d = 9;
  std::vector<double> x(n * d);
  for (auto& v : x) v = normal(random);
  TileGrid const grid(50, 20, 16);
  InfiniteKernel const kernel(grid, program_of("[{dense: {b_std: 0.1}}, relu, {dense: {w_std: 1.4}}, erf, dense]", d), {{d, x}},
                              Precision::float64);
  auto const tiles = grid.tiles_of(Block::train_train);
  std::vector<InfiniteKernel::Values<double>> together, alone;
  kernel.compute<double>(Exec(), tiles, InfiniteKernel::Get::nngp_and_ntk, together);
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    kernel.compute<double>(Exec(), {tiles[t]}, InfiniteKernel::Get::nngp_and_ntk, alone);
    CHECK(alone[0].nngp == together[t].nngp);
    CHECK(alone[0].ntk == together[t].ntk);
    kernel.compute<double>(Exec(), {tiles[t]}, InfiniteKernel::Get::nngp, alone);
    CHECK(alone[0].nngp == together[t].nngp);
  }
}

#ifndef INFINITILE_TRAP_NAN  // debug builds stop where the first NaN is born; release builds refuse
TEST_CASE("a kernel beyond the numbers is refused, of float64 and of float32", "[infinite_kernel]") {
  TileGrid const grid(2, 0, 2);
  auto const kernel_of = [&](std::string const& yaml, Precision precision) {
    return InfiniteKernel(grid, program_of(yaml, 1), {{1, {1e10, 2}}}, precision);
  };
  CHECK_THROWS_AS(kernel_of("[{dense: {w_std: 1e200}}, dense]", Precision::float64), NumericalAnswer);
  InfiniteKernel const kernel = kernel_of("[{dense: {w_std: 1e30}}, dense]", Precision::float32);  // 1e80
  std::vector<InfiniteKernel::Values<float>> values;
  CHECK_THROWS_AS(kernel.compute<float>(Exec(), {{0, 0}}, InfiniteKernel::Get::nngp, values), NumericalAnswer);
}
#endif
