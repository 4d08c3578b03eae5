// Kernels at infinite width against means over finite networks, for each layer that both have: two readings of one network that share no
// formula.
#include <cmath>
#include <map>

#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/compile.hpp"
#include "finite/empirical_kernel.hpp"
#include "infinite/infinite_kernel.hpp"
#include "job/mask_inputs.hpp"
#include "kernels/activation.hpp"
#include "kernels/philox.hpp"
#include "kernels/running_mean.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

constexpr int rows = 3;

#ifdef INFINITILE_TRAP_NAN
constexpr int per_cent = 4;  // of the networks: minutes under sanitizers
#else
constexpr int per_cent = 100;
#endif

/// A network; each W in its words is its width.
struct Case {
  std::string words;
  std::vector<long> shape;
  int width = 0;
  int networks = 0;
  double bias = 0;  ///< allowed for finite width: bias / width, relative
  enum class Masks { none, some } masks = Masks::none;

  long features() const {
    long product = 1;
    for (long const size : shape) product *= size;
    return product;
  }
};

Network network_of(Case const& c) {
  std::string words = c.words;
  for (auto at = words.find(": W"); at != std::string::npos; at = words.find(": W")) words.replace(at, 3, text(": ", c.width));
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(words, "test"), ReadContext{"test", "", {c.shape}, signatures});
}

/// Of the first input nothing is masked, of the others a part: the last positions, and every third.
std::vector<unsigned char> masked_of(Case const& c) {
  long const positions = c.features() / c.shape.back();
  std::vector<unsigned char> masked(at(rows * positions), 0);
  for (long p = 0; p < positions; ++p) {
    masked[at(positions + p)] = p >= positions - (positions + 2) / 3 ? 1 : 0;
    masked[at(2 * positions + p)] = p % 3 == 1 ? 1 : 0;
  }
  return c.masks == Case::Masks::some ? masked : std::vector<unsigned char>{};
}

std::vector<double> inputs_of(Case const& c) {
  RandomStream const random{3, 5};
  std::vector<unsigned char> const masked = masked_of(c);
  std::vector<double> x(at(rows * c.features()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = !masked.empty() && masked[i / at(c.shape.back())] != 0 ? 0 : random.normals(i).first;
  return x;
}

/// Of all pairs of rows, row by row: the NNGP, then the NTK.
using Kernels = std::array<std::vector<double>, 2>;

Kernels infinite_kernels(Case const& c) {
  auto const masks = c.masks == Case::Masks::some ? Masks::given : Masks::none;
  InfiniteKernel const kernel(TileGrid(rows, 0, rows), compile_infinite(network_of(c), masks), {{c.features(), inputs_of(c), masked_of(c)}},
                              Precision::float64);
  std::vector<InfiniteKernel::Values<double>> values;
  kernel.compute(Exec(), {{0, 0}}, InfiniteKernel::Get::nngp_and_ntk, values);
  return {std::vector<double>(values[0].nngp.begin(), values[0].nngp.end()), {values[0].ntk.begin(), values[0].ntk.end()}};
}

struct Mean {
  Kernels means, errors;
};

Mean mean_of_finite_networks(Case const& c) {
  Network const network = network_of(c);
  MaskInputs const masks = c.masks == Case::Masks::some ? find_mask_inputs(network) : MaskInputs{};
  FiniteProgram const program = compile_finite(network, masks.nodes);
  std::vector<double> const x = inputs_of(c);
  std::vector<Batch<double const>> batches{{x.data(), 1, rows, c.features()}};
  std::vector<InputRows> const there = masks.rows({masked_of(c)}, rows);
  for (InputRows const& mask : there) batches.emplace_back(mask.values.data(), 1, rows, mask.width);
  Mean out;
  Kernels squares;
  for (auto* const kernels : {&out.means, &out.errors, &squares})
    for (auto& kernel : *kernels) kernel.assign(rows * rows, 0);
  int const networks = std::max(2, c.networks * per_cent / 100);
  for (int n = 1; n <= networks; ++n) {
    ParameterValues const parameters = draw_parameters(program.parameters, {1, static_cast<std::uint64_t>(n)});
    auto const block = EmpiricalKernel<double>(program, parameters, {}, NtkMethod::automatic).within(batches);
    add_to_means<double>(block.nngp, n, out.means[0], squares[0]);
    add_to_means<double>(block.ntk, n, out.means[1], squares[1]);
  }
  for (std::size_t k = 0; k < 2; ++k) standard_errors<double>(squares[k], networks, out.errors[k]);
  return out;
}

/// The largest deviation in units of what is allowed: 5 standard errors, which chance exceeds once in two million, and the bias of finite width.
/// Relative numbers are relative to the diagonal, √(k(x, x) k(x', x')); 1e-12 is for rounding.
double deviation(Kernels const& infinite, Mean const& finite, double bias) {
  double worst = 0;
  for (std::size_t kernel = 0; kernel < 2; ++kernel)
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < rows; ++j) {
        auto const& k = infinite[kernel];
        std::size_t const pair = i * rows + j;
        double const scale = std::sqrt(k[i * (rows + 1)] * k[j * (rows + 1)]);
        double const allowed = 5 * finite.errors[kernel][pair] + (bias + 1e-12) * scale;
        worst = std::max(worst, std::abs(finite.means[kernel][pair] - k[pair]) / allowed);
      }
  return worst;
}

void check(std::vector<Case> const& cases) {
  for (Case const& c : cases) {
    CAPTURE(c.words);
    CHECK(deviation(infinite_kernels(c), mean_of_finite_networks(c), c.bias / c.width) <= 1);
  }
}

/// Cases that differ in one layer, written L in `words`; `pattern` has what they share.
std::vector<Case> with_layers(Case const& pattern, std::vector<std::string> const& layers) {
  std::vector<Case> out;
  for (std::string const& layer : layers) {
    out.push_back(pattern);
    std::string& words = out.back().words;
    words.replace(words.find("LAYER"), 5, layer);
  }
  return out;
}

}  // namespace

/// With one hidden layer under a nonlinearity its channels are independent and alike, so the mean over networks is exact at any width. It is
/// so too where all that follows a random layer is linear in its kernel: another layer with weights, a pool, a product with an independent branch.
TEST_CASE("the mean of finite networks is the kernel at infinite width where width does not matter", "[monte_carlo]") {
  Case const plain{"[LAYER, {dense: {out_dim: 16, w_std: 1.3, b_std: 0.2}}]", {6}, 32, 1000};
  SECTION("layers") {
    check(with_layers(
        plain, {
                   "{dense: {out_dim: W, w_std: 1.4, b_std: 0.2}}, relu",
                   "{dense: {out_dim: W, w_std: 1.4, b_std: 0.2, parameterization: standard}}, relu",
                   "{dense: {out_dim: W, w_std: 1.4, b_std: 0.2, parameterization: standard, s: [1, 2]}}, relu, {dense: {out_dim: 8, "
                   "parameterization: standard, s: [2, 1]}}",
                   "{dense: {out_dim: W}}, relu, {dropout: {rate: 0.7, mode: test}}",
                   "{dense: {out_dim: W}}, {dense: {out_dim: W, w_std: 0.7}}, {dense: {out_dim: W, b_std: 0.4}}",
                   "{dense: {out_dim: W}}, {sum: [[], [erf, {dense: {out_dim: W, w_std: 0.7}}]]}",
                   "{product: [[{dense: {out_dim: W}}, erf], [{dense: {out_dim: W, b_std: 1}}]]}",
                   "{concat: {axis: -1, branches: [[{dense: {out_dim: W}}, relu], [{dense: {out_dim: W, w_std: 2}}]]}}",
                   "{parallel: [[{dense: {out_dim: W}}], [{dense: {out_dim: W}}, relu, {dense: {out_dim: W}}]]}, {sum: [[], []]}",
               }));
  }
  SECTION("every nonlinearity that is a function") {
    std::map<std::string, std::string> const needed{
        {"ab_relu", "{a: -0.5, b: 1.2}"}, {"leaky_relu", "{alpha: 0.2}"},        {"hermite", "{degree: 3}"},
        {"monomial", "{degree: 2}"},      {"rectified_monomial", "{degree: 2}"}, {"polynomial", "{coef: [0.5, 1, 0.3]}"}};
    std::vector<std::string> layers;
    for (Signature const& signature : activation_signatures()) {
      if (signature.name == "exp_normalized") continue;  // a kernel without a function
      std::string const parameters = needed.contains(signature.name) ? needed.at(signature.name) : "{input_scale: 0.9, output_shift: 0.1}";
      layers.push_back("{dense: {out_dim: W, w_std: 0.9, b_std: 0.2}}, {" + signature.name + ": " + parameters + "}");
    }
    CHECK(layers.size() == 28);
    check(with_layers(plain, layers));
  }
  SECTION("layers with positions") {
    std::vector<std::string> const layers{
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
        "{concat: {axis: 2, branches: [[], [{conv: {out_chan: W, filter_shape: [1, 1]}}]]}}",
        "{sum: [[], [relu, {conv: {out_chan: W, filter_shape: [3, 3], padding: SAME}}]]}",
        "relu",
    };
    for (std::string const pool : {"flatten", "global_avg_pool", "global_sum_pool"}) {
      std::string const words =
          "[{conv: {out_chan: W, filter_shape: [2, 1], padding: SAME, b_std: 0.2}}, LAYER, " + pool + ", {dense: {out_dim: 16}}]";
      check(with_layers({words, {4, 3, 2}, 12, pool == "flatten" ? 500 : 150}, layers));
    }
  }
}

/// What is not linear in the kernel of a random layer sees its fluctuations, whose variance is a few times 1 / width: a normalization, a second
/// nonlinearity, the logits of attention. So the mean is off by some c / width. From fluctuations of ReLU layers, of relative variance 5 / width,
/// and a curvature of order ½ for each, c is 2 or 3; tangent kernels behind attention that is not normalized are of fourth order in such
/// kernels, (4 · 3 / 2) · 2 / width.
TEST_CASE("the mean of finite networks meets the kernel at infinite width within its error and what width allows", "[monte_carlo]") {
  check(with_layers({"[LAYER, {dense: {out_dim: 16, w_std: 1.3, b_std: 0.2}}]", {6}, 128, 500, 3},
                    {"{repeat: {times: 3, layers: [{dense: {out_dim: W, w_std: 1.4}}, relu]}}",
                     "{repeat: {times: 2, layers: [{dense: {out_dim: W, w_std: 1.4, b_std: 0.1, parameterization: standard}}, gelu]}}",
                     "{dense: {out_dim: W, b_std: 0.2}}, layer_norm, relu"}));
  check(with_layers({"[{conv: {out_chan: W, filter_shape: [1, 1]}}, LAYER, flatten, {dense: {out_dim: 16}}]", {4, 3, 2}, 48, 150, 3},
                    {"{layer_norm: {axis: [1, 3]}}", "{layer_norm: {eps: 0.1}}",
                     "relu, {conv: {out_chan: W, filter_shape: [3, 3], padding: SAME}}, erf"}));
  std::string const attention = "{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, b_std: 0.3";
  std::vector<std::string> heads;
  for (std::string const parameters :
       {"", ", pos_emb_type: SUM, w_pos_emb_std: 0.8, pos_emb_decay_fn: {exp: {rate: 0.2}}",
        ", pos_emb_type: CONCAT, n_chan_pos_emb: W, val_pos_emb: true", ", attention_mechanism: RELU", ", attention_mechanism: ABS",
        ", attention_mechanism: IDENTITY", ", attention_mechanism: IDENTITY, linear_scaling: false"})
    heads.push_back(attention + parameters + "}}");
  check(with_layers({"[LAYER, flatten, {dense: {out_dim: 16}}]", {3, 96}, 96, 150, 12}, heads));
  heads.resize(3);
  check(with_layers({"[LAYER, global_avg_pool, {dense: {out_dim: 16}}]", {3, 96}, 96, 150, 12}, heads));
}

TEST_CASE("the mean of finite networks with masks is the masked kernel at infinite width", "[monte_carlo]") {
  auto const masked = [](Case c) {
    c.masks = Case::Masks::some;
    return c;
  };
  std::vector<std::string> const layers{
      "{conv: {out_chan: W, filter_shape: [3, 2], padding: SAME, w_std: 1.4, b_std: 0.2}}",
      "{conv: {out_chan: W, filter_shape: [2, 3], strides: [1, 2], padding: CIRCULAR, b_std: 0.4}}",
      "{conv_local: {out_chan: W, filter_shape: [3, 2], padding: SAME, b_std: 0.2}}",
      "{conv_transpose: {out_chan: W, filter_shape: [2, 3], strides: [2, 1], padding: SAME, b_std: 0.2}}",
      "{avg_pool: {window_shape: [3, 2], strides: [2, 1], padding: SAME}}",
      "{avg_pool: {window_shape: [2, 2], padding: SAME, normalize_edges: true}}",
      "{sum_pool: {window_shape: [2, 2], padding: CIRCULAR}}",
      "{image_resize: {shape: [-1, 3, 2, -1], method: linear}}",
      "{index: {idx: [':', '::-2', '0:2', ':']}}",
      "{dot_general: {lhs: [1, 2, -1, 0.5], dimension_numbers: [[[0], [1]], [[], []]]}}",
      "{concat: {axis: 2, branches: [[], [{conv: {out_chan: W, filter_shape: [1, 1], b_std: 1}}]]}}",
      "{concat: {axis: -1, branches: [[], [{conv: {out_chan: W, filter_shape: [1, 1], b_std: 1}}]]}}",
      "{sum: [[], [relu, {conv: {out_chan: W, filter_shape: [3, 3], padding: SAME, b_std: 0.3}}]]}",
      "{cos: {output_shift: 0.5}}",
  };
  for (std::string const pool : {"flatten", "global_avg_pool", "global_sum_pool"})
    check(with_layers(masked({"[{conv: {out_chan: W, filter_shape: [2, 1], padding: SAME, b_std: 0.2}}, LAYER, " + pool
                                  + ", {dense: {out_dim: 16, b_std: 0.1}}]",
                              {4, 3, 2},
                              12,
                              pool == "flatten" ? 500 : 150}),
                      layers));
  check(with_layers(
      masked({"[{conv: {out_chan: W, filter_shape: [1, 1], b_std: 0.3}}, LAYER, flatten, {dense: {out_dim: 16}}]", {4, 3, 2}, 48, 150, 3}),
      {"{layer_norm: {axis: [1, 3]}}", "{layer_norm: {axis: [1, 2, 3], eps: 0.1}}", "{layer_norm: {eps: 0}}"}));
  check(
      {masked({"[{product: [[{conv: {out_chan: W, filter_shape: [2, 1], padding: SAME, b_std: 0.2}}], [{dense: {out_dim: W, b_std: 1}}]]}, "
               "global_avg_pool, {dense: {out_dim: 16, b_std: 0.1}}]",
               {4, 3, 2},
               12,
               150})});
  std::vector<std::string> heads;
  for (std::string const parameters :
       {"", ", pos_emb_type: SUM, w_pos_emb_std: 0.8, pos_emb_decay_fn: {exp: {rate: 0.2}}",
        ", pos_emb_type: CONCAT, n_chan_pos_emb: W, val_pos_emb: true", ", attention_mechanism: RELU", ", attention_mechanism: IDENTITY"})
    heads.push_back("{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, b_std: 0.3" + parameters + "}}");
  for (std::string const pool : {"flatten", "global_avg_pool"})
    check(with_layers(masked({"[LAYER, " + pool + ", {dense: {out_dim: 16}}]", {3, 96}, 96, 150, 12}), heads));
}

TEST_CASE("a scale that is wrong in one layer is noticed", "[monte_carlo]") {
  auto const dense = [](double w_std) {
    return Case{text("[{dense: {out_dim: W, w_std: ", w_std, "}}, relu, {dense: {out_dim: 16}}]"), {6}, 32, 1000};
  };
  auto const deep = [](double w_std) {
    return Case{
        text("[{dense: {out_dim: W}}, relu, {dense: {out_dim: W, w_std: ", w_std, "}}, relu, {dense: {out_dim: 16}}]"), {6}, 128, 500, 3};
  };
  auto const attention = [](double w_std) {
    return Case{text("[{global_self_attention: {n_chan_out: 16, n_chan_key: W, n_chan_val: 8, n_heads: 2, w_value_std: ", w_std,
                     "}}, flatten, {dense: {out_dim: 16}}]"),
                {3, 96},
                96,
                300,
                12};
  };
  CHECK(deviation(infinite_kernels(dense(1.4)), mean_of_finite_networks(dense(1.4 * 1.05)), 0) > 1);
  CHECK(deviation(infinite_kernels(deep(1.4)), mean_of_finite_networks(deep(1.4 * 1.05)), deep(1).bias / deep(1).width) > 1);
  CHECK(deviation(infinite_kernels(attention(1)), mean_of_finite_networks(attention(1.15)), attention(1).bias / attention(1).width) > 1);
}
