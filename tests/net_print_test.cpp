// The table that people read.
#include <algorithm>

#include "base/text.hpp"
#include "net/print.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/networks.hpp"

using namespace infinitile;

TEST_CASE("an operation is shown with the parameters that are not at their defaults", "[print]") {
  auto const last = [](std::string const& words) {
    Network const net = read_words(words, {{4, 3}});
    return describe(net.node(net.output()).op);
  };
  CHECK(last("[dense]") == "dense");
  CHECK(last("[{dense: {w_std: 1.0, s: [1, 1]}}]") == "dense");
  CHECK(last("[{dense: {out_dim: 8, w_std: 1.4142, b_std: 0, parameterization: standard}}]")
        == "dense (out_dim 8, w_std 1.4142, b_std 0, parameterization standard)");
  CHECK(last("[dense, {layer_norm: {axis: 2}}]") == "layer_norm");
  CHECK(last("[dense, {layer_norm: {axis: [1, 2], eps: 0.1}}]") == "layer_norm (axis [-2, -1], eps 0.1)");
  CHECK(last("[{dropout: {rate: 0.5}}]") == "dropout (rate 0.5)");
  CHECK(last("[dense, relu]") == "relu");
  CHECK(last("[dense, {erf: {a: 1, c: 0.5, input_shift: -1}}]") == "erf (c 0.5, input_shift -1)");
  CHECK(last("[dense, {leaky_relu: {alpha: 0}}]") == "leaky_relu (alpha 0)");  // it has no default
  CHECK(last("[dense, {polynomial: {coef: [0, 1.5, -2]}}]") == "polynomial (coef [0, 1.5, -2])");
  CHECK(last("[{concat: {axis: 1, branches: [[dense], [dense]]}}]") == "concat (axis -2)");
}

TEST_CASE("parameters of layers on positions are shown as they are written", "[print]") {
  auto const last = [](std::string const& words) {
    Network const net = read_words("- " + words, {{6, 5, 2}});
    return describe(net.node(net.output()).op);
  };
  CHECK(last("conv: {out_chan: 8, filter_shape: [3, 2], strides: [1, 1], padding: SAME, b_std: 0.5}")
        == "conv (out_chan 8, filter_shape [3, 2], padding SAME, b_std 0.5)");
  CHECK(last("conv_transpose: {filter_shape: [3, 2], strides: [2, 1]}") == "conv_transpose (filter_shape [3, 2], strides [2, 1])");
  CHECK(last("avg_pool: {window_shape: [2, 2], padding: SAME, normalize_edges: true}")
        == "avg_pool (window_shape [2, 2], padding SAME, normalize_edges true)");
  CHECK(last("global_avg_pool") == "global_avg_pool");
  CHECK(last("global_self_attention: {attention_mechanism: IDENTITY, linear_scaling: false, pos_emb_type: SUM}")
        == "global_self_attention (linear_scaling false, attention_mechanism IDENTITY, pos_emb_type SUM)");
  CHECK(last("global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: power, pos_emb_p_norm: 1}")
        == "global_self_attention (pos_emb_type SUM, pos_emb_p_norm 1, pos_emb_decay_fn {power: {rate: 1}})");
  CHECK(last("image_resize: {shape: [-1, 3, -1, -1], method: bilinear, antialias: false}")
        == "image_resize (shape [-1, 3, 5, -1], method linear, antialias false)");
  CHECK(last("index: {idx: [':', '1:6:2', -1]}") == "index (idx [':', '1::2', 4])");
  CHECK(last("index: {idx: [':', '4::-1']}") == "index (idx [':', '4::-1', ':'])");
  CHECK(last("dot_general: {rhs: -0.5}") == "dot_general (rhs -0.5)");
  CHECK(last("dot_general: {lhs: [[1, 2, 3, 4, 5, 6]], dimension_numbers: [[[1], [1]], [[], []]]}")
        == "dot_general (lhs [[1, 2, 3, 4, 5, 6]], dimension_numbers [[[1], [1]], [[], []]])");
  CHECK(last("dot_general: {rhs: [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]}") == "dot_general (rhs an array of 3 x 6)");
  SECTION("what is shown can be read again") {
    for (char const* idx : {"[':', '1::2', 4]", "[':', '4::-1', ':']"})
      CHECK(last(text("index: {idx: ", idx, "}")) == text("index (idx ", idx, ")"));
  }
  SECTION("branches with long constants of the same size are not taken for copies") {
    auto const branches = [](int different) {
      std::string words = "- sum:\n";
      for (int i = 0; i < 4; ++i)
        words += text("  - [{dense: {out_dim: 1}}, {dot_general: {rhs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ",
                      i == 3 ? different : 16, "]}}]\n");
      return describe(read_words(words, {{6, 5, 2}}));
    };
    CHECK(branches(16).find("4 copies of:") != std::string::npos);
    CHECK(branches(17).find("copies of:") == std::string::npos);
  }
}

TEST_CASE("a network is shown layer by layer, with columns of the caller's", "[print]") {
  Network const net = read_words(R"(
- flatten
- dense: {out_dim: 1024, w_std: 1.5, b_std: 0.1}
- leaky_relu: {alpha: 0.2, output_scale: 2}
- dense: {out_dim: 1000}
- sum: [[], [relu, {dense: {out_dim: 1000}}]]
)",
                                 {{8, 8, 3}});
  auto const column = [](Node const& node) { return node.path == "1" ? std::string("not here") : ""; };
  CHECK(text("\n", describe(net, {{"infinite", column}})) == R"(
path   layer                                       shape      parameters  gaussian  infinite
input                                              8 x 8 x 3              no
0      flatten                                     192                    no
1      dense (out_dim 1024, w_std 1.5, b_std 0.1)  1024          197,632  yes       not here
2      leaky_relu (alpha 0.2, output_scale 2)      1024                   no
3      dense (out_dim 1000)                        1000        1,024,000  yes
4/1/0  relu                                        1000                   no
4/1/1  dense (out_dim 1000)                        1000        1,000,000  yes
4      sum                                         1000                   yes

7 layers, 2,221,632 parameters
)");
}

TEST_CASE("widths that are not known are said to be so", "[print]") {
  Network const net =
      read_words("- parallel: [[{dense: {out_dim: 8}}], [dense, relu, dense]]\n- sum: [[], []]\n- relu\n- dense\n", {{5}, {7}});
  CHECK(text("\n", describe(net)) == R"(
path     layer              shape  parameters  gaussian
input 0                     5                  no
input 1                     7                  no
0/0/0    dense (out_dim 8)  8              40  yes
0/1/0    dense              ?               ?  yes
0/1/1    relu               ?                  no
0/1/2    dense              ?               ?  yes
1        sum                8                  yes
2        relu               8                  no
3        dense              ?               ?  yes

7 layers, parameters: ? (40 in the layers whose widths are known; 3 without a known width)
)");
}

TEST_CASE("copies that are alike are shown once, the others one by one", "[print]") {
  Network const net = read_words(R"(
- dense: {out_dim: 64}
- repeat:
    times: 20
    layers:
      - relu
      - dense: {out_dim: 32}
      - repeat: {times: 5, layers: [erf, {dense: {out_dim: 32}}]}
      - sum: [[], [relu, {dense: {out_dim: 32}}]]
- repeat: {times: 3, layers: [layer_norm]}
)");
  CHECK(text("\n", describe(net)) == R"(
path                layer               shape  parameters  gaussian
input                                   5                  no
0                   dense (out_dim 64)  64            320  yes
1/0/0               relu                64                 no
1/0/1               dense (out_dim 32)  32          2,048  yes
1/0/2/0..1/0/2/4    5 copies of:
  1/0/2/0/0         erf                 32                 no
  1/0/2/0/1         dense (out_dim 32)  32          1,024  yes
1/0/3/1/0           relu                32                 no
1/0/3/1/1           dense (out_dim 32)  32          1,024  yes
1/0/3               sum                 32                 yes
1/1..1/19           19 copies of:
  1/1/0             relu                32                 no
  1/1/1             dense (out_dim 32)  32          1,024  yes
  1/1/2/0..1/1/2/4  5 copies of:
    1/1/2/0/0       erf                 32                 no
    1/1/2/0/1       dense (out_dim 32)  32          1,024  yes
  1/1/3/1/0         relu                32                 no
  1/1/3/1/1         dense (out_dim 32)  32          1,024  yes
  1/1/3             sum                 32                 yes
2/0/0               layer_norm          32                 yes
2/1/0               layer_norm          32                 yes
2/2/0               layer_norm          32                 yes

304 layers, 144,704 parameters
)");
}

TEST_CASE("copies of one repeat are not counted with those of the next", "[print]") {
  Network const net = read_words("[dense, {repeat: {times: 3, layers: [identity]}}, {repeat: {times: 3, layers: [identity]}}]");
  CHECK(describe(net).find("copies of:") == std::string::npos);
}

TEST_CASE("copies that the caller's columns tell apart are not folded", "[print]") {
  Network const net = read_words("[dense, {repeat: {times: 9, layers: [identity]}}]");
  auto const lines = [&](std::vector<TableColumn> const& columns) {
    std::string const table = describe(net, columns);
    return std::count(table.begin(), table.end(), '\n');
  };
  CHECK(lines({}) == 1 + 2 + 2 + 2);
  CHECK(lines({{"path", [](Node const& node) { return node.path; }}}) == 1 + 2 + 9 + 2);
}
