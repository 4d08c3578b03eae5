// Kernels at infinite width against means over finite networks, for each layer that both have: two readings of one network that share no
// formula.
#include <cmath>
#include <map>

#include "base/clock.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/compile.hpp"
#include "finite/empirical_kernel.hpp"
#include "infinite/infinite_kernel.hpp"
#include "kernels/activation.hpp"
#include "kernels/philox.hpp"
#include "kernels/running_mean.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

constexpr int rows = 3;

/// A network; each W in its words is replaced by `width`.
struct Case {
  std::string words;
  std::vector<long> shape{6};
  int width = 64;
};

std::string replaced(std::string words, std::string const& what, std::string const& by) {
  for (auto at = words.find(what); at != std::string::npos; at = words.find(what, at + by.size())) words.replace(at, what.size(), by);
  return words;
}

Network network_of(Case const& c) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(replaced(c.words, ": W", ": " + std::to_string(c.width)), "test"),
                      ReadContext{"test", "", {c.shape}, signatures});
}

long features(Case const& c) {
  long product = 1;
  for (long const size : c.shape) product *= size;
  return product;
}

/// Of all pairs of rows, row by row.
struct Kernels {
  std::vector<double> nngp = std::vector<double>(rows * rows), ntk = nngp;
};

Kernels infinite_kernels(Case const& c, std::vector<double> const& x) {
  Network const network = network_of(c);
  InfiniteKernel const kernel(TileGrid(rows, 0, rows), compile_infinite(network), {{features(c), x}}, Precision::float64);
  std::vector<InfiniteKernel::Values<double>> values;
  kernel.compute(Exec(), {{0, 0}}, InfiniteKernel::Get::nngp_and_ntk, values);
  return {{values[0].nngp.begin(), values[0].nngp.end()}, {values[0].ntk.begin(), values[0].ntk.end()}};
}

struct Mean {
  Kernels means, squares;
  Kernels errors;
};

Mean mean_of_finite_networks(Case const& c, std::vector<double> const& x, int samples) {
  FiniteProgram const program = compile_finite(network_of(c));
  Batch<double const> const batch(x.data(), 1, rows, features(c));
  Mean out;
  for (int sample = 0; sample < samples; ++sample) {
    ParameterValues const parameters = draw_parameters(program.parameters, {1, static_cast<std::uint64_t>(sample)});
    EmpiricalKernel<double> const kernel(program, parameters, {}, NtkMethod::automatic);
    auto const block = kernel.within({&batch, 1});
    add_to_means<double>(block.nngp, sample + 1, out.means.nngp, out.squares.nngp);
    add_to_means<double>(block.ntk, sample + 1, out.means.ntk, out.squares.ntk);
  }
  standard_errors<double>(out.squares.nngp, samples, out.errors.nngp);
  standard_errors<double>(out.squares.ntk, samples, out.errors.ntk);
  return out;
}

std::vector<double> inputs_of(Case const& c) {
  std::vector<double> x(at(rows * features(c)));
  RandomStream const random{3, 5};
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normals(i).first;
  return x;
}

void compare(Case const& c, int samples) {
  auto const x = inputs_of(c);
  auto const infinite = infinite_kernels(c, x);
  auto const mean = mean_of_finite_networks(c, x, samples);
  auto const show = [&](char const* name, std::vector<double> const& k, std::vector<double> const& m, std::vector<double> const& e) {
    double worst = 0, z = 0, error = 0;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < rows; ++j) {
        double const scale = std::sqrt(k[i * rows + i] * k[j * rows + j]), d = std::abs(m[i * rows + j] - k[i * rows + j]);
        worst = std::max(worst, d / scale);
        error = std::max(error, e[i * rows + j] / scale);
        z = std::max(z, (d - 5 * e[i * rows + j]) / scale * c.width);
      }
    std::printf("%s worst %.4f error %.4f z %.2f   ", name, worst, error, z);
  };
  show("nngp", infinite.nngp, mean.means.nngp, mean.errors.nngp);
  show("ntk", infinite.ntk, mean.means.ntk, mean.errors.ntk);
  std::printf("%s\n", c.words.c_str());
  std::fflush(stdout);
}

/// Each layer of docs/layers.md that finite networks have too.
std::vector<Case> const fully_connected{
    {"[{dense: {out_dim: W, w_std: 1.4, b_std: 0.2}}, relu, {dense: {out_dim: 8, w_std: 0.9, b_std: 0.1}}]"},
    {"[{dense: {out_dim: W, w_std: 1.4, b_std: 0.2, parameterization: standard, s: [1, 2]}}, relu, {dense: {out_dim: 8, w_std: 0.9, b_std: "
     "0.1, "
     "parameterization: standard, s: [2, 1]}}]"},
    {"[{repeat: {times: 3, layers: [{dense: {out_dim: W, w_std: 1.4}}, relu]}}, {dense: {out_dim: 8}}]"},
    {"[{dense: {out_dim: W, b_std: 0.2}}, layer_norm, relu, {dense: {out_dim: 8}}]"},
    {"[{dense: {out_dim: W}}, relu, {dropout: {rate: 0.7, mode: test}}, {dense: {out_dim: 8}}]"},
    {"[{dense: {out_dim: W}}, {sum: [[], [erf, {dense: {out_dim: W, w_std: 0.7}}]]}, {dense: {out_dim: 8}}]"},
    {"[{dense: {out_dim: W}}, {sum: [[relu, {dense: {out_dim: W}}], [{dense: {out_dim: W}}]]}, erf, {dense: {out_dim: 8}}]"},
    {"[{product: [[{dense: {out_dim: W}}, erf], [{dense: {out_dim: W, b_std: 1}}]]}, {dense: {out_dim: 8}}]"},
    {"[{concat: {axis: -1, branches: [[{dense: {out_dim: W}}, relu], [{dense: {out_dim: W, w_std: 2}}]]}}, {dense: {out_dim: 8}}]"},
    {"[{parallel: [[{dense: {out_dim: W}}], [{dense: {out_dim: W}}, relu, {dense: {out_dim: W}}]]}, {sum: [[], []]}, erf, {dense: {out_dim: 8}}]"},
};

std::vector<Case> on_images() {
  std::vector<Case> out;
  for (char const* const layer : {
           "{conv: {out_chan: W, filter_shape: [3, 2], padding: SAME, w_std: 1.4, b_std: 0.2}}",
           "{conv: {out_chan: W, filter_shape: [3, 2], strides: [1, 2], padding: CIRCULAR, w_std: 1.4}}",
           "{conv: {out_chan: W, filter_shape: [2, 2], w_std: 1.4, b_std: 0.2, parameterization: standard}}",
           "{conv_local: {out_chan: W, filter_shape: [3, 2], padding: SAME, w_std: 1.4, b_std: 0.2}}",
           "{conv_local: {out_chan: W, filter_shape: [2, 2], w_std: 1.4, b_std: 0.2, parameterization: standard}}",
           "{conv_transpose: {out_chan: W, filter_shape: [2, 3], strides: [2, 1], padding: SAME, w_std: 1.4, b_std: 0.2}}",
           "{conv_transpose: {out_chan: W, filter_shape: [3, 2], strides: [1, 2], padding: CIRCULAR, w_std: 1.4}}",
           "{conv_transpose: {out_chan: W, filter_shape: [2, 2], w_std: 1.4, b_std: 0.2, parameterization: standard}}",
           "{avg_pool: {window_shape: [2, 2]}}",
           "{avg_pool: {window_shape: [3, 2], strides: [2, 1], padding: SAME, normalize_edges: true}}",
           "{sum_pool: {window_shape: [2, 2], padding: CIRCULAR}}",
           "{image_resize: {shape: [-1, 3, 2, -1], method: linear}}",
           "{image_resize: {shape: [-1, 6, 5, -1], method: nearest}}",
           "{index: {idx: [':', '::-2', '0:2', ':']}}",
           "{dot_general: {lhs: [1, 2, -1, 0.5], dimension_numbers: [[[0], [1]], [[], []]]}}",
           "{layer_norm: {axis: [1, 3]}}",
           "{concat: {axis: 2, branches: [[], [{conv: {out_chan: W, filter_shape: [1, 1]}}]]}}",
           "{sum: [[], [relu, {conv: {out_chan: W, filter_shape: [3, 3], padding: SAME}}]]}",
           "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, b_std: 0.3}}",
           "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, pos_emb_type: SUM, w_pos_emb_std: 0.8, "
           "pos_emb_decay_fn: {exp: {rate: 0.2}}}}",
           "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, pos_emb_type: CONCAT, n_chan_pos_emb: 64, "
           "val_pos_emb: true, attention_mechanism: RELU}}",
           "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, attention_mechanism: ABS}}",
           "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, attention_mechanism: IDENTITY}}",
           "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, attention_mechanism: IDENTITY, "
           "linear_scaling: false}}",
       })
    for (char const* const end : {"flatten", "global_avg_pool"}) {
      int const width = std::string(layer).find("attention") == std::string::npos ? 32 : 128;
      out.push_back({text(std::string(layer).find("attention") == std::string::npos ? "[{conv: {out_chan: W, filter_shape: [1, 1], b_std: 0.2}}, " : "[", layer, ", ", end, ", {dense: {out_dim: 8}}]"),
                     {4, 3, 2},
                     width});
    }
  out.push_back({"[{conv: {out_chan: W, filter_shape: [2, 2]}}, relu, global_sum_pool, {dense: {out_dim: 8}}]", {4, 3, 2}, 32});
  return out;
}

/// Every nonlinearity that is a function.
std::vector<Case> activations() {
  std::map<std::string, std::string> const needed{
      {"ab_relu", "{a: -0.5, b: 1.2}"}, {"leaky_relu", "{alpha: 0.2}"},        {"hermite", "{degree: 3}"},
      {"monomial", "{degree: 2}"},      {"rectified_monomial", "{degree: 2}"}, {"polynomial", "{coef: [0.5, 1, 0.3]}"}};
  std::vector<Case> out;
  for (Signature const& signature : activation_signatures()) {
    if (signature.name == "exp_normalized") continue;  // a kernel without a function
    std::string const layer =
        needed.contains(signature.name) ? "{" + signature.name + ": " + needed.at(signature.name) + "}" : signature.name;
    out.push_back({text("[{dense: {out_dim: W, w_std: 0.9, b_std: 0.2}}, ", layer, ", {dense: {out_dim: 8, w_std: 1.3}}]")});
  }
  return out;
}

}  // namespace

TEST_CASE("the mean of finite networks meets the kernel at infinite width within its error", "[monte_carlo]") {
  for (auto const& list : {fully_connected, on_images(), activations()})
    for (Case const& c : list) {
      Stopwatch const clock;
      try {
        compare(c, std::getenv("N") ? std::atoi(std::getenv("N")) : 400);
      } catch (std::exception const& e) {
        std::printf("%s: %s\n", c.words.c_str(), e.what());
      }
      std::printf("    %.2f s\n", clock.seconds());
    }
}
