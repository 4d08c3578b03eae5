// The same bits for any number of threads: prints a digest of outputs, derivatives and kernels, which tests/finite.tests.cmake compares.
#include <iostream>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "finite/compile.hpp"
#include "finite/empirical_kernel.hpp"
#include "kernels/philox.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// Large enough that products, convolutions and lines are cut into pieces.
constexpr char const* network = R"(
- conv: {out_chan: 32, filter_shape: [3, 3], padding: SAME, w_std: 1.4, b_std: 0.1}
- gelu
- conv: {out_chan: 32, filter_shape: [1, 1]}
- sum: [[], [relu, {conv: {out_chan: 32, filter_shape: [3, 3], padding: SAME}}, {layer_norm: {eps: 0.01}}]]
)";

template <class T>
std::uint64_t digest_of(std::vector<T> const& values, std::uint64_t seed) {
  return checksum(std::as_bytes(std::span(values)), seed);
}

template <class T>
std::uint64_t digest(std::string const& words, std::vector<long> const& shape, std::uint64_t seed) {
  auto const signatures = activation_signatures();
  FiniteProgram const program = compile_finite(read_network(parse_yaml(words, "test"), ReadContext{"test", "", {shape}, signatures}));
  ParameterValues const values = draw_parameters(program.parameters, {});
  Numbers<T> const x(1, 5, program.value(0).size);
  for (long i = 0; i < x.batch().count(); ++i)
    x.batch().data[i] = static_cast<T>(RandomStream{3, 4}.uniform(static_cast<std::uint64_t>(i)));
  Batch<T const> const input = x.batch();
  for (NtkMethod const method : {NtkMethod::jacobian_contraction, NtkMethod::ntk_vector_products, NtkMethod::structured_derivatives}) {
    auto const [nngp, ntk] = EmpiricalKernel<T>(program, values, {{}, {}}, method).within({&input, 1});
    seed = digest_of(ntk, digest_of(nngp, seed));
  }
  return seed;
}

std::uint64_t digest_of_all() {
  std::string const image = text(network, "- relu\n- global_avg_pool\n- dense: {out_dim: 3}\n");
  std::string const tokens = text(network, "- global_self_attention: {n_chan_out: 9, n_chan_key: 7, n_chan_val: 8, n_heads: 3}\n",
                                  "- flatten\n- dense: {out_dim: 2}\n");
  std::string const flat = "[{dense: {out_dim: 600, b_std: 0.1}}, erf, {dense: {out_dim: 700}}, relu, {dense: {out_dim: 4}}]";
  std::uint64_t seed = digest<double>(image, {17, 16, 3}, 0);
  seed = digest<float>(image, {17, 16, 3}, seed);
  seed = digest<double>(tokens, {9, 8, 3}, seed);
  seed = digest<double>(flat, {500}, seed);
  seed = digest<float>(flat, {500}, seed);
  return seed;
}

}  // namespace

TEST_CASE("finite networks have the same bits when they are computed again", "[finite_bits]") {
  CHECK(digest_of_all() == digest_of_all());
}

TEST_CASE("digest of finite networks", "[.digest]") {
  std::cout << "digest " << hexadecimal(digest_of_all()) << std::endl;
}
