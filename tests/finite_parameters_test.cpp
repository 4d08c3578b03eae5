#include <cmath>

#include "finite/parameters.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

std::vector<ParameterSpec> specs_of(std::string const& words, std::vector<long> const& shape) {
  return list_parameters(read_words(words, {shape}));
}

}  // namespace

/// Shapes and paths are those of README "Parameters"; standard deviations follow from reference 2.3 by hand.
TEST_CASE("parameters have the path of their layer, a shape, and the deviation they are drawn with", "[parameters]") {
  CHECK(specs_of("[{dense: {out_dim: 3, w_std: 1.5, b_std: 0.4}}, relu, {dense: {out_dim: 2}}]", {5})
        == std::vector<ParameterSpec>{{"0/w", {5, 3}, 1}, {"0/b", {3}, 1}, {"2/w", {3, 2}, 1}});
  CHECK(specs_of("[{dense: {out_dim: 4, w_std: 1.5, b_std: 0.4, parameterization: standard, s: [1, 2]}},"
                 " {dense: {out_dim: 2, w_std: 3, b_std: 0, parameterization: standard, s: [2, 1]}}]",
                 {9})
        == std::vector<ParameterSpec>{{"0/w", {9, 8}, 0.5}, {"0/b", {8}, 0.4}, {"1/w", {8, 2}, 1.5}, {"1/b", {2}, 0}});
  CHECK(specs_of("[{conv: {out_chan: 3, filter_shape: [2, 4], w_std: 8, b_std: 2, parameterization: standard}}, relu,"
                 " {conv_local: {out_chan: 5, filter_shape: [2, 1], b_std: 1}}]",
                 {4, 5, 2})
        == std::vector<ParameterSpec>{{"0/w", {2, 4, 2, 3}, 2}, {"0/b", {3}, 2}, {"2/w", {2, 2, 2, 1, 3, 5}, 1}, {"2/b", {2, 2, 5}, 1}});
}

TEST_CASE("repeats, branches and attention name their parameters", "[parameters]") {
  auto const paths = [](std::vector<ParameterSpec> const& specs) {
    std::vector<std::string> out;
    for (ParameterSpec const& spec : specs) out.push_back(spec.path);
    return out;
  };
  CHECK(
      paths(specs_of(
          "[{dense: {out_dim: 3}}, {repeat: {times: 2, layers: [{sum: [[], [erf, {dense: {out_dim: 3}}]]}, {dense: {out_dim: 3}}]}}]", {3}))
      == std::vector<std::string>{"0/w", "1/0/0/1/1/w", "1/0/1/w", "1/1/0/1/1/w", "1/1/1/w"});
  CHECK(specs_of("[{global_self_attention: {n_chan_out: 5, n_chan_key: 4, n_chan_val: 3, n_heads: 2, b_std: 1, pos_emb_type: CONCAT,"
                 " n_chan_pos_emb: 6}}]",
                 {7, 2})
        == std::vector<ParameterSpec>{
            {"0/w_key", {2, 8, 4}, 1}, {"0/w_value", {2, 2, 3}, 1}, {"0/w_out", {6, 5}, 1}, {"0/b", {5}, 1}, {"0/pos_emb", {7, 6}, 1}});
}

TEST_CASE("a width left out is named", "[parameters]") {
  CHECK(message_of([] { specs_of("[{dense: {out_dim: 3}}, relu, dense]", {5}); })
        == "net.yaml:1: layer 2 (dense): out_dim is missing; a finite network needs all its widths. Set out_dim.");
  CHECK(message_of([] {
          specs_of("[{global_self_attention: {n_chan_out: 5, n_chan_val: 3}}]", {4, 5});
        })
        == "net.yaml:1: layer 0 (global_self_attention): n_chan_key is missing; a finite network needs all its widths. Set n_chan_key.");
}

TEST_CASE("an entry depends on draw, path and place alone", "[parameters]") {
  ParameterSpec const small{"0/w", {3, 5}, 1}, large{"0/w", {40, 5}, 2};
  auto const few = draw_parameter(small, {3, 0}), many = draw_parameter(large, {3, 0});
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(2 * few[i] == many[i]);
  CHECK(draw_parameter(small, {3, 1})[0] != few[0]);
  CHECK(draw_parameter(small, {4, 0})[0] != few[0]);
  CHECK(draw_parameter({"1/w", {3, 5}, 1}, {3, 0})[0] != few[0]);
}

TEST_CASE("drawn numbers have their deviation", "[parameters]") {
  auto const values = draw_parameter({"w", {100, 1000}, 0.3}, {});
  double squares = 0;
  for (double const v : values) squares += v * v;
  double const n = static_cast<double>(values.size());
  CHECK(std::abs(squares / n / 0.09 - 1) < 5 * std::sqrt(2 / n));
}
