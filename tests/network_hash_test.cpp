// The fingerprint of a network: of its mathematics, not of its spelling.
#include <array>
#include <cmath>
#include <functional>

#include "net/network.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/networks.hpp"

using namespace infinitile;

TEST_CASE("each parameter changes the hash", "[network]") {
  auto const nonlinear = [](std::function<void(Activation&)> const& change) {
    Activation out{"erf", {{"a", 1.0}, {"coef", std::vector<double>{1, 2}}}, {}, {}};
    change(out);
    return chain({Dense{}, out, Dense{}}).hash();
  };
  auto const linear = [](std::function<void(Dense&)> const& change) {
    Dense out = standard_dense(4);
    change(out);
    return chain({out, Dense{}}).hash();
  };
  auto const normed = [](LayerNorm norm) { return chain({Dense{}, norm}, {4, 3}).hash(); };
  std::vector<std::uint64_t> const hashes{
      linear([](Dense&) {}),
      linear([](Dense& d) { d.out_dim = 5; }),
      linear([](Dense& d) { d.out_dim.reset(); }),
      linear([](Dense& d) { d.out_dim = 1; }),
      linear([](Dense& d) { d.w_std = std::nextafter(1.0, 2.0); }),
      linear([](Dense& d) { d.b_std = 0; }),
      linear([](Dense& d) { d.b_std = 1; }),
      linear([](Dense& d) { d.parameterization = Parameterization::ntk; }),
      linear([](Dense& d) {
        d.s = {1, 2};
      }),
      nonlinear([](Activation&) {}),
      nonlinear([](Activation& a) { a.name = "sin"; }),
      nonlinear([](Activation& a) { a.parameters[0].first = "beta"; }),
      nonlinear([](Activation& a) { a.parameters[0].second = 2.0; }),
      nonlinear([](Activation& a) {
        a.parameters[1].second = std::vector<double>{1, 2, 0};
      }),
      nonlinear([](Activation& a) { a.affine.input_scale = 2; }),
      nonlinear([](Activation& a) { a.affine.input_shift = 2; }),
      nonlinear([](Activation& a) { a.affine.output_scale = 2; }),
      nonlinear([](Activation& a) { a.affine.output_shift = 2; }),
      normed({{-1}, 0.1}),
      normed({{-1}, 0.2}),
      normed({{-2, -1}, 0.1}),
      chain({Dense{}, Dropout{0.5, Mode::train}}).hash(),
      chain({Dense{}, Dropout{0.6, Mode::train}}).hash(),
      chain({Dense{}}).hash(),
      chain({Dense{}, Dense{}}).hash(),
      chain({Dense{}}, {6}).hash(),
      chain({Flatten{}, Dense{}}).hash(),
      merged(Sum{}, wide(3), wide(3)).hash(),
      merged(Product{}, wide(3), wide(3)).hash(),
      merged(Concat{}, wide(3), wide(3)).hash(),
      merged(Concat{-1}, wide(3), wide(3), {4, 2}).hash(),
      merged(Concat{-2}, wide(3), wide(3), {4, 2}).hash(),
  };
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      INFO("networks " << i << " and " << j);
      CHECK(hashes[i] != hashes[j]);
    }
}

TEST_CASE("connections change the hash; lines, paths and layers that do nothing leave it alone", "[network]") {
  auto const two = [](std::array<int, 2> inputs, int output) {
    NetworkBuilder builder("net.yaml", {{5}});
    builder.add(wide(3), {0}, "0", 1);
    builder.add(wide(3), {0}, "1", 1);
    builder.add(Sum{}, {inputs[0], inputs[1]}, "2", 1);
    return std::move(builder).finish(output).hash();
  };
  CHECK(two({1, 2}, 3) != two({1, 1}, 3));  // 2 x is not the sum of two layers that are alike
  CHECK(two({1, 2}, 3) != two({1, 2}, 1));
  CHECK(chain({Identity{}, Dense{}, Sum{}, relu(), Dropout{0.5, Mode::test}, Dense{}, Identity{}}).hash()
        == chain({Dense{}, relu(), Dense{}}).hash());
  CHECK(chain({Dense{1, 1.0, -0.0}}).hash() == chain({Dense{1, 1.0, 0.0}}).hash());
  NetworkBuilder builder("other.yaml", {{5}});
  builder.add(Dense{}, {0}, "4/1", 77);
  CHECK(std::move(builder).finish(1).hash() == chain({Dense{}}).hash());
  CHECK(chain({Dense{}, relu(), Dense{}}).hash() == 0x63c062d01764bfef);
}

TEST_CASE("parameters of layers on positions change the hash", "[network]") {
  std::vector<std::string> const layers{
      "conv: {filter_shape: [2, 2]}",
      "conv_transpose: {filter_shape: [2, 2]}",
      "conv_local: {filter_shape: [2, 2]}",
      "conv: {filter_shape: [2, 3]}",
      "conv: {filter_shape: [2, 2], strides: [1, 2]}",
      "conv: {filter_shape: [2, 2], padding: SAME}",
      "conv: {filter_shape: [2, 2], padding: CIRCULAR}",
      "conv: {filter_shape: [2, 2], out_chan: 1}",
      "conv: {filter_shape: [2, 2], w_std: 2}",
      "conv: {filter_shape: [2, 2], b_std: 0}",
      "conv: {filter_shape: [2, 2], parameterization: standard}",
      "avg_pool: {window_shape: [2, 2], padding: SAME}",
      "avg_pool: {window_shape: [2, 2], padding: SAME, normalize_edges: true}",
      "sum_pool: {window_shape: [2, 2], padding: SAME}",
      "sum_pool: {window_shape: [2, 2], padding: SAME, strides: [2, 2]}",
      "global_avg_pool",
      "global_sum_pool",
      "global_self_attention",
      "global_self_attention: {n_heads: 2}",
      "global_self_attention: {n_chan_key: 2}",
      "global_self_attention: {n_chan_val: 2}",
      "global_self_attention: {w_key_std: 2}",
      "global_self_attention: {w_query_std: 2}",
      "global_self_attention: {w_value_std: 2}",
      "global_self_attention: {w_out_std: 2}",
      "global_self_attention: {attention_mechanism: IDENTITY}",
      "global_self_attention: {attention_mechanism: IDENTITY, linear_scaling: false}",
      "global_self_attention: {pos_emb_type: SUM}",
      "global_self_attention: {pos_emb_type: SUM, val_pos_emb: true}",
      "global_self_attention: {pos_emb_type: SUM, w_pos_emb_std: 2}",
      "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: exp}",
      "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: exp, pos_emb_p_norm: 1}",
      "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: {exp: {rate: 2}}}",
      "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: power}",
      "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, 0.2]}",
      "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, 0.1]}",
      "global_self_attention: {pos_emb_type: CONCAT}",
      "global_self_attention: {pos_emb_type: CONCAT, n_chan_pos_emb: 1}",
      "image_resize: {shape: [-1, 3, 3, -1], method: linear}",
      "image_resize: {shape: [-1, 3, 3, -1], method: linear, antialias: false}",
      "image_resize: {shape: [-1, 3, 3, -1], method: nearest}",
      "image_resize: {shape: [-1, 3, 4, -1], method: nearest}",
      "index: {idx: [':', 1]}",
      "index: {idx: [':', 2]}",
      "index: {idx: [':', '1:2']}",
      "index: {idx: [':', ':', 1]}",
      "index: {idx: [':', '::-1']}",
      "dot_general: {rhs: 2}",
      "dot_general: {rhs: [2]}",
      "dot_general: {rhs: [[2]]}",
      "dot_general: {lhs: [2]}",
      "dot_general: {rhs: [2, 2, 2, 2, 2, 2], dimension_numbers: [[[1], [0]], [[], []]]}",
      "dot_general: {rhs: [2, 2, 2, 2, 2, 2], dimension_numbers: [[[], []], [[1], [0]]]}",
      "dot_general: {rhs: [2, 2, 2, 2, 2, 2.0000000000000004], dimension_numbers: [[[1], [0]], [[], []]]}",
  };
  std::vector<std::uint64_t> hashes;
  for (auto const& layer : layers)
    hashes.push_back(read_words("[" + std::string("{conv: {filter_shape: [1, 1], out_chan: 2}}, {")
                                    + (layer.find(':') == std::string::npos ? layer + ":" : layer) + "}]",
                                {{6, 5, 2}})
                         .hash());
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      INFO(layers[i] << " and " << layers[j]);
      CHECK(hashes[i] != hashes[j]);
    }
}

TEST_CASE("spellings that mean the same have the same hash", "[network]") {
  auto const [one, other] = GENERATE(table<char const*, char const*>({
      {"conv: {filter_shape: [2, 2]}", "conv: {filter_shape: [2, 2], strides: [1, 1], dimension_numbers: [NHWC, HWIO, NHWC]}"},
      {"conv: {filter_shape: [2, 2], padding: SAME}", "conv: {filter_shape: [2, 2], padding: same, out_chan: null}"},
      {"avg_pool: {window_shape: [2, 2]}", "avg_pool: {window_shape: [2, 2], strides: null, normalize_edges: true}"},
      {"avg_pool: {window_shape: [2, 2], padding: CIRCULAR}", "avg_pool: {window_shape: [2, 2], padding: CIRCULAR, normalize_edges: true}"},
      {"global_self_attention", "global_self_attention: {n_chan_pos_emb: 3, w_pos_emb_std: 2, val_pos_emb: true, pos_emb_p_norm: 1}"},
      {"global_self_attention: {pos_emb_type: SUM}", "global_self_attention: {pos_emb_type: SUM, n_chan_pos_emb: 2, pos_emb_p_norm: 1}"},
      {"global_self_attention: {pos_emb_type: SUM}",
       "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, 0], pos_emb_p_norm: 1}"},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: exp}",
       "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: {exp: {rate: 1.0}}, pos_emb_p_norm: 2}"},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, 0.2]}",
       "global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1.0, 0.2, 0, 0]}"},
      {"image_resize: {shape: [-1, 3, -1, -1], method: linear}", "image_resize: {shape: [-1, 3, 5, 2], method: bilinear}"},
      {"image_resize: {shape: [-1, 3, 5, -1], method: triangle}", "image_resize: {shape: [-1, 3, 5, 2], method: trilinear}"},
      {"image_resize: {shape: [-1, 8, 8, -1], method: linear}", "image_resize: {shape: [-1, 8, 8, -1], method: linear, antialias: false}"},
      {"image_resize: {shape: [-1, 3, 3, -1], method: nearest}",
       "image_resize: {shape: [-1, 3, 3, -1], method: nearest, antialias: false}"},
      {"index: {idx: [':', -1]}", "index: {idx: [':', 5, '...', ':']}"},
      {"index: {idx: [':', '1:6:2', '::-1']}", "index: {idx: ['0:', '-5::2', '9:-9:-1', '0::1']}"},
      {"index: {idx: [':', '3:9']}", "index: {idx: [':', '3:6:1', '0:5']}"},
      {"index: {idx: [':', '2:3']}", "index: {idx: [':', '2:1:-7']}"},
      {"dot_general: {rhs: 2}", "dot_general: {lhs: 2.0}"},
      {"dot_general: {rhs: [1, 2, 3, 4, 5], dimension_numbers: [[[2], [0]], [[], []]]}",
       "dot_general: {lhs: [1, 2, 3, 4, 5], dimension_numbers: [[[0], [2]], [[], []]]}"},
      {"dot_general: {rhs: [[1, 2, 3, 4, 5], [1, 1, 1, 1, 1], [2, 2, 2, 2, 2], [3, 3, 3, 3, 3], [4, 4, 4, 4, 4], [5, 5, 5, 5, 5]],"
       " dimension_numbers: [[[1, 2], [0, 1]], [[], []]]}",
       "dot_general: {rhs: [[1, 2, 3, 4, 5], [1, 1, 1, 1, 1], [2, 2, 2, 2, 2], [3, 3, 3, 3, 3], [4, 4, 4, 4, 4], [5, 5, 5, 5, 5]],"
       " dimension_numbers: [[[2, 1], [1, 0]], [[], []]]}"},
      {"dot_general: {rhs: [1, 2, 3, 4, 5], dimension_numbers: [[[], []], [[2], [0]]]}",
       "dot_general: {lhs: [1, 2, 3, 4, 5], dimension_numbers: [[[], []], [[0], [2]]]}"},
      {"dot_general", "identity"},
  }));
  auto const hash = [](std::string const& layer) {
    return read_words("- conv: {filter_shape: [1, 1], out_chan: 2}\n- " + layer, {{6, 5, 2}}).hash();
  };
  INFO(one << " and " << other);
  CHECK(hash(one) == hash(other));
}
