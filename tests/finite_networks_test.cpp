// Random networks of the language: derivatives agree, and a sample does not see the others.
#include "finite/compile.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/derivative_checks.hpp"

using namespace infinitile;
using derivatives::Checks;

namespace {

/// Layers on images. They take any input and end Gaussian, so that any may follow any; W stands for a width.
std::vector<std::string> const blocks{
    "{conv: {out_chan: W, filter_shape: [3, 2], padding: SAME, w_std: 1.4, b_std: 0.2}}",
    "{conv: {out_chan: W, filter_shape: [2, 3], strides: [1, 2], padding: CIRCULAR, parameterization: standard, b_std: 0.3}}",
    "{conv_local: {out_chan: W, filter_shape: [2, 2], padding: SAME, b_std: 0.1}}",
    "{conv_transpose: {out_chan: W, filter_shape: [2, 3], strides: [2, 1], padding: SAME, b_std: 0.1}}",
    "{conv_transpose: {out_chan: W, filter_shape: [3, 3], strides: [1, 2], padding: CIRCULAR}}",
    "{avg_pool: {window_shape: [2, 2], padding: SAME, normalize_edges: true}}, {conv: {out_chan: W, filter_shape: [1, 1]}}",
    "{sum_pool: {window_shape: [2, 1], padding: CIRCULAR}}, {dense: {out_dim: W, b_std: 0.5}}",
    "{image_resize: {shape: [-1, 3, 4, -1], method: linear}}, {dense: {out_dim: W}}",
    "{index: {idx: [':', '::-1', ':', ':']}}, {dense: {out_dim: W}}",
    "{dense: {out_dim: W}}, {layer_norm: {axis: [1, 3], eps: 0.01}}",
    "{dense: {out_dim: W}}, {sum: [[], [{dense: {out_dim: W}}], [sin, {conv: {out_chan: W, filter_shape: [3, 3], padding: SAME}}]]}",
    "{product: [[{dense: {out_dim: W}}], [{dense: {out_dim: W, b_std: 1}}]]}, {dense: {out_dim: W}}",
    "{concat: {axis: -1, branches: [[], [{dense: {out_dim: 2}}]]}}, {dense: {out_dim: W}}",
    "{dense: {out_dim: W}}, {concat: {axis: 2, branches: [[], [{dense: {out_dim: W}}]]}}",
    "{global_self_attention: {n_chan_out: W, n_chan_key: 3, n_chan_val: 2, n_heads: 2, pos_emb_type: SUM, b_std: 0.2}}",
    "{global_self_attention: {n_chan_out: W, n_chan_key: 2, n_chan_val: 3, linear_scaling: false, pos_emb_type: CONCAT, n_chan_pos_emb: 2, "
    "val_pos_emb: true}}",
};
std::vector<std::string> const activations{"erf", "gelu", "tanh", "{sin: {a: 0.8, b: 1.2}}", "sigmoid_like"};
std::vector<std::string> const ends{"flatten, {dense: {out_dim: 3}}", "global_avg_pool, {dense: {out_dim: 2, b_std: 0.4}}",
                                    "{dense: {out_dim: 2}}", "identity"};

/// A network that is a function of its number.
std::string random_network(std::uint64_t number) {
  RandomStream const random{99, number};
  std::uint64_t drawn = 0;
  auto const below = [&](std::size_t count) { return static_cast<std::size_t>(random.uniform(drawn++) * static_cast<double>(count)); };
  std::string out = "[";
  for (std::size_t i = 0, count = 1 + below(3); i < count; ++i) {
    std::string block = blocks[below(blocks.size())];
    std::string const width = std::to_string(2 + below(3));
    for (auto at = block.find(": W"); at != std::string::npos; at = block.find(": W")) block.replace(at, 3, ": " + width);
    out += block + ", ";
    if (below(3) > 0) out += activations[below(activations.size())] + ", ";
  }
  return out + ends[below(ends.size())] + "]";
}

FiniteProgram program_of(std::string const& words, std::vector<std::vector<long>> const& shapes) {
  auto const signatures = activation_signatures();
  return compile_finite(read_network(parse_yaml(words, "test"), ReadContext{"test", "", shapes, signatures}));
}

}  // namespace

TEST_CASE("derivatives of random networks agree with each other and with differences", "[finite_networks]") {
#ifdef INFINITILE_TRAP_NAN
  constexpr std::uint64_t count = 12;  // minutes under sanitizers
#else
  constexpr std::uint64_t count = 100;
#endif
  for (std::uint64_t number = 0; number < count; ++number) {
    std::string const words = random_network(number);
    CAPTURE(number, words);
    Checks const checks(program_of(words, {{4, 5, 2}}));
    checks.push_against_pull();
    checks.push_against_differences();
    if (number % 4 == 0) checks.methods_agree();
  }
}

TEST_CASE("parallel branches, products with constants and graphs have derivatives", "[finite_networks]") {
  struct Case {
    std::string words;
    std::vector<std::vector<long>> shapes;
  };
  for (auto const& [words, shapes] : {
           Case{"[{parallel: [[{dense: {out_dim: 3}}, erf, {dense: {out_dim: 2}}], [{dense: {out_dim: 2}}]]}, {sum: [[], []]}, tanh, "
                "{dense: "
                "{out_dim: 2}}]",
                {{4}, {3}}},
           Case{"[{dot_general: {rhs: [[1, 2, 3], [-1, 0.5, 0]], dimension_numbers: [[[1], [0]], [[], []]]}}, {dense: {out_dim: 3, "
                "batch_axis: 0, channel_axis: 1}}, flatten]",
                {{2, 4}}},
           Case{"[{dense: {out_dim: 3}}, {aggregate: {}}, erf, {dense: {out_dim: 2}}]", {{4, 2}}},
           Case{"[{dense: {out_dim: 3}}, {aggregate: {aggregate_axis: [1]}}, erf, flatten, {dense: {out_dim: 2}}]", {{4, 3, 2}}},
       }) {
    CAPTURE(words);
    Checks const checks(program_of(words, shapes));
    checks.push_against_pull();
    checks.push_against_differences();
    checks.methods_agree();
  }
}
