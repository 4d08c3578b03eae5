// Finite networks of the language, random ones and by hand: derivatives and methods agree, layers do what their definitions say.
#include <numeric>

#include "base/error.hpp"
#include "finite/compile.hpp"
#include "kernels/activation.hpp"
#include "net/position_decay.hpp"
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
    "{global_self_attention: {n_chan_out: W, n_chan_key: 3, n_chan_val: 2, pos_emb_type: SUM, pos_emb_decay_fn: {exp: {rate: 0.2}}}}",
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

TEST_CASE("related embeddings are a factor of their covariance times independent ones", "[finite_networks]") {
  auto const words = [](std::string const& decay) {
    return "[{global_self_attention: {n_chan_out: 3, n_chan_key: 2, n_chan_val: 2, pos_emb_type: CONCAT, n_chan_pos_emb: 2, val_pos_emb: "
           "true"
           + decay + "}}]";
  };
  std::vector<double> x(12);
  std::iota(x.begin(), x.end(), -3.0);
  Batch<double const> const input(x.data(), 1, 1, 12);
  auto const output = [&](FiniteProgram const& program, ParameterValues const& values) {
    ParameterArrays<double> const arrays(values);
    Evaluation<double> const at_x(program, arrays.batches(), std::span(&input, 1), Evaluation<double>::Keep::nothing);
    return std::vector<double>(at_x.output().data, at_x.output().data + at_x.output().count());
  };
  FiniteProgram const related = program_of(words(", pos_emb_decay_fn: [1, 0.3], pos_emb_p_norm: 1"), {{2, 3, 2}}),
                      independent = program_of(words(""), {{2, 3, 2}});
  ParameterValues values = draw_parameters(related.parameters, {4, 0});
  std::vector<double> const found = output(related, values);
  std::vector<double> const drawn = values.back();  // (2, 3, 2), positions row-major
  GlobalSelfAttention op;
  op.pos_emb_decay_fn = PositionDecay{PositionDecay::Kind::values, 1, {1, 0.3}};
  op.pos_emb_p_norm = 1;
  std::vector<double> const factor = factor_of(embedding_covariance(op, std::vector<long>{2, 3}), 6);
  for (std::size_t p = 0; p < 6; ++p)
    for (std::size_t c = 0; c < 2; ++c) {
      values.back()[2 * p + c] = 0;
      for (std::size_t r = 0; r < 6; ++r) values.back()[2 * p + c] += factor[6 * p + r] * drawn[2 * r + c];
    }
  std::vector<double> const expected = output(independent, values);
  REQUIRE(found.size() == 18);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-13));
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

/// Each against a sum over indices; inputs are random, there are no parameters.
TEST_CASE("layers without weights move positions as their definitions say", "[finite_networks]") {
  SECTION("a product leaves its axis behind the channels, and flatten takes axes as they are written") {
    Checks const checks(
        program_of("[{dot_general: {rhs: [[1, 2, 3], [-1, 0.5, 0]], dimension_numbers: [[[1], [0]], [[], []]]}}, flatten]", {{2, 4}}));
    std::vector<double> const y = checks.output(), &x = checks.inputs()[0];
    double const rhs[2][3] = {{1, 2, 3}, {-1, 0.5, 0}};
    for (std::size_t row = 0; row < Checks::rows; ++row)
      for (std::size_t c = 0; c < 4; ++c)
        for (std::size_t j = 0; j < 3; ++j)
          CHECK(y[row * 12 + c * 3 + j] == Approx(x[row * 8 + c] * rhs[0][j] + x[row * 8 + 4 + c] * rhs[1][j]).epsilon(1e-14));
  }
  SECTION("an index takes positions") {
    Checks const checks(program_of("[{index: {idx: [':', '::-2', 1]}}]", {{4, 5, 2}}));
    std::vector<double> const y = checks.output(), &x = checks.inputs()[0];
    for (std::size_t row = 0; row < Checks::rows; ++row)
      for (std::size_t a = 0; a < 2; ++a)
        for (std::size_t c = 0; c < 2; ++c) CHECK(y[(row * 2 + a) * 2 + c] == x[((row * 4 + 3 - 2 * a) * 5 + 1) * 2 + c]);
  }
  SECTION("messages are summed along one axis of the positions") {
    Checks const checks(program_of("[{aggregate: {aggregate_axis: [1]}}]", {{4, 3, 2}}));
    std::vector<double> const y = checks.output(), &x = checks.inputs()[0], &graph = checks.inputs()[1];
    for (std::size_t row = 0; row < Checks::rows; ++row)
      for (std::size_t to = 0; to < 4; ++to)
        for (std::size_t rest = 0; rest < 6; ++rest) {
          double sum = 0;
          for (std::size_t from = 0; from < 4; ++from) sum += graph[(row * 4 + to) * 4 + from] * x[(row * 4 + from) * 6 + rest];
          CHECK(y[(row * 4 + to) * 6 + rest] == Approx(sum).margin(1e-13));
        }
  }
}

TEST_CASE("what a finite network cannot be is told", "[finite_networks]") {
  auto const error = [](std::string const& words) {
    try {
      program_of(words, {{4}});
    } catch (Error const& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(error("[{dense: {out_dim: 2}}, {dropout: {rate: 0.5}}]")
        == "test:1: layer 1 (dropout): dropout in mode train draws units anew for every use; a finite network is a fixed function here. Set mode: "
           "test.");
  CHECK(error("[{dense: {out_dim: 2}}, {dropout: {rate: 1}}]") == "no error");
  CHECK(error("[{dense: {out_dim: 2}}, exp_normalized]").starts_with("test:1: layer 1 (exp_normalized): "));
  CHECK(error("[dense]") == "test:1: layer 0 (dense): out_dim is missing; a finite network needs all its widths. Set out_dim.");
}
