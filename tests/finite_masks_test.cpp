// Finite networks whose inputs have masks: what is padding leaves no trace, and derivatives agree.
#include <cmath>

#include "base/index.hpp"
#include "finite/compile.hpp"
#include "job/mask_inputs.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/derivative_checks.hpp"

using namespace infinitile;
using derivatives::Checks;

namespace {

Network network_of(std::string const& words, std::vector<long> const& shape) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(words, "test"), ReadContext{"test", "", {shape}, signatures});
}

/// Inputs of so many positions and 2 channels, of which `length` are there: 0 behind them.
struct Sequences {
  std::vector<double> values;
  std::vector<unsigned char> masked;

  Sequences(long rows, long positions, long length) {
    for (long row = 0; row < rows; ++row)
      for (long p = 0; p < positions; ++p) {
        masked.push_back(p < length ? 0 : 1);
        for (int c = 0; c < 2; ++c)
          values.push_back(p < length ? std::sin(static_cast<double>(7 * row + 3) * static_cast<double>(p + 1) + c) : 0);
      }
  }
};

std::vector<double> outputs(FiniteProgram const& program, ParameterValues const& parameters,
                            std::vector<Batch<double const>> const& inputs) {
  ParameterArrays<double> const arrays(parameters);
  Evaluation<double> const at_x(program, arrays.batches(), inputs, Evaluation<double>::Keep::nothing);
  return {at_x.output().data, at_x.output().data + at_x.output().count()};
}

}  // namespace

/// The shorter sequence alone is the oracle: the same parameters, no masks.
TEST_CASE("a sequence that is filled up gives what it gives alone", "[finite_masks]") {
  constexpr long rows = 2, positions = 7, length = 4;
  for (std::string const words : {
           "[{conv: {out_chan: 3, filter_shape: [3], padding: SAME, b_std: 0.3}}, cos, {conv: {out_chan: 4, filter_shape: [3], padding: "
           "SAME, b_std: 0.2}}, "
           "erf, global_avg_pool, {dense: {out_dim: 2, b_std: 0.1}}]",
           "[{dense: {out_dim: 3, b_std: 1}}, {layer_norm: {axis: [1, 2], eps: 0.01}}, {erf: {output_shift: 0.3}}, global_avg_pool]",
           "[{dense: {out_dim: 3, b_std: 1}}, {layer_norm: {eps: 0}}, erf, global_sum_pool, {dense: {out_dim: 2}}]",
           "[{global_self_attention: {n_chan_out: 3, n_chan_key: 3, n_chan_val: 2, n_heads: 2, b_std: 0.4}}, erf, "
           "{global_self_attention: {n_chan_out: 3, n_chan_key: 3, n_chan_val: 2, n_heads: 2, attention_mechanism: ABS}}, global_avg_pool]",
           "[{dense: {out_dim: 3, b_std: 1}}, {sum_pool: {window_shape: [3], padding: SAME}}, {dense: {out_dim: 3, b_std: 1}}, "
           "{sum: [[], [{avg_pool: {window_shape: [3], padding: SAME}}, sigmoid]]}, global_avg_pool]",
           "[{conv_local: {out_chan: 2, filter_shape: [1], b_std: 0.2}}, global_avg_pool]",
       }) {
    CAPTURE(words);
    Network const filled = network_of(words, {positions, 2});
    FiniteProgram const alone = compile_finite(network_of(words, {length, 2}));
    MaskInputs const masks = find_mask_inputs(filled);
    FiniteProgram const program = compile_finite(filled, masks.nodes);
    ParameterValues const values = draw_parameters(program.parameters, {3, 0});
    ParameterValues own = values;  // a layer with weights for each position has them for the first ones
    for (std::size_t p = 0; p < own.size(); ++p) own[p].resize(at(alone.parameters[p].size()));
    Sequences const long_ones(rows, positions, length), short_ones(rows, length, length);
    std::vector<Batch<double const>> inputs{{long_ones.values.data(), 1, rows, 2 * positions}};
    std::vector<InputRows> const there = masks.rows({long_ones.masked}, rows);
    for (InputRows const& mask : there) inputs.emplace_back(mask.values.data(), 1, rows, mask.width);
    std::vector<double> const found = outputs(program, values, inputs),
                              expected = outputs(alone, own, {{short_ones.values.data(), 1, rows, 2 * length}});
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-13).margin(1e-13));
  }
}

/// A batch has a number for each position and mask.
TEST_CASE("layers that leave a mask as it is have no mask of their own", "[finite_masks]") {
  auto const masks_of = [](std::string const& layers) { return find_mask_inputs(network_of(layers, {6, 2})).nodes.positions; };
  std::string const conv = "{conv: {out_chan: 2, filter_shape: [3], padding: SAME}}";
  CHECK(masks_of("[" + conv + ", erf, " + conv + ", {dense: {out_dim: 2}}, {sum: [[], [" + conv
                 + "]]}, {concat: {branches: [[], [erf]], axis: -1}}]")
        == std::vector<long>{6});
  CHECK(masks_of("[{conv: {out_chan: 2, filter_shape: [3]}}, " + conv + "]") == std::vector<long>{6, 4});
  CHECK(masks_of("[{avg_pool: {window_shape: [2], strides: [2]}}, " + conv + "]") == std::vector<long>{6, 3});
  CHECK(masks_of("[{conv_transpose: {out_chan: 2, filter_shape: [3], padding: SAME}}, erf]") == std::vector<long>{6, 6});
}

TEST_CASE("derivatives of networks with masks agree with each other and with differences", "[finite_masks]") {
  for (std::string const words : {
           "[{conv: {out_chan: 3, filter_shape: [3], strides: [2], padding: SAME, b_std: 0.3}}, tanh, {layer_norm: {axis: [1, 2], eps: "
           "0.1}}, "
           "global_avg_pool, {dense: {out_dim: 2, b_std: 0.1}}]",
           "[{conv_transpose: {out_chan: 2, filter_shape: [2], strides: [2], b_std: 0.3}}, sigmoid, flatten, {dense: {out_dim: 2}}]",
           "[{global_self_attention: {n_chan_out: 3, n_chan_key: 3, n_chan_val: 2, n_heads: 2, pos_emb_type: SUM, b_std: 0.4}}, tanh, "
           "flatten, "
           "{dense: {out_dim: 2}}]",
           "[{global_self_attention: {n_chan_out: 2, n_chan_key: 3, n_chan_val: 2, pos_emb_type: CONCAT, n_chan_pos_emb: 2, val_pos_emb: "
           "true}}, "
           "tanh, {dense: {out_dim: 2}}]",
       }) {
    CAPTURE(words);
    Network const network = network_of(words, {6, 2});
    MaskInputs const masks = find_mask_inputs(network);
    std::vector<unsigned char> masked(6 * at(Checks::rows), 0);
    for (std::size_t const place : {4, 5, 9, 10, 11}) masked[place] = 1;
    ParameterValues there;
    for (InputRows const& mask : masks.rows({masked}, Checks::rows)) there.push_back(mask.values);
    Checks const checks(compile_finite(network, masks.nodes), there);
    checks.push_against_pull();
    checks.push_against_differences();
  }
}
