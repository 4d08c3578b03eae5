// Ready-made networks: each is what a user would have written out, and says so when it cannot be.
#include "net/families.hpp"

#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "net/print.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

using Shape = std::vector<long>;

std::string error_of(std::string const& words, Shape const& shape = {8, 8, 1}) {
  return message_of([&] { read_words(words, {shape}); });
}

/// The same network from a family and written out: fingerprint and printed form, on images of both sizes.
void expect_same(std::string const& family, std::string const& written) {
  INFO(family);
  for (Shape const& shape : {Shape{32, 32, 3}, Shape{8, 8, 1}}) {
    Network const made = read_words(family, {shape}), plain = read_words(written, {shape});
    CHECK(made.hash() == plain.hash());
    CHECK(describe(made) == describe(plain));
  }
}

/// The shape behind the top-level layer of that number.
Shape shape_at(Network const& net, int layer) {
  std::string const path = text(layer);
  for (Node const& node : net.nodes())
    if (node.path == path) return node.shape;
  return {};
}

}  // namespace

TEST_CASE("fully connected networks are dense layers with activations", "[families]") {
  expect_same("family: fully_connected", R"(
defaults: {w_std: 1.4142135623730951}
layers: [flatten, {repeat: {times: 3, layers: [dense, relu]}}, dense]
)");
  expect_same(R"(
family: fully_connected
depth: 1
width: 20
out_dim: 10
activation: erf
w_std: 1.5
b_std: 0.1
parameterization: standard
)",
              R"(
defaults: {w_std: 1.5, b_std: 0.1, parameterization: standard}
layers: [flatten, {repeat: {times: 1, layers: [{dense: {out_dim: 20}}, erf]}}, {dense: {out_dim: 10}}]
)");
}

TEST_CASE("plain convolutional networks end with a pool or with flatten", "[families]") {
  expect_same("family: vanilla_conv", R"(
defaults: {w_std: 1.4142135623730951, filter_shape: [3, 3], padding: SAME}
layers: [{repeat: {times: 3, layers: [conv, relu]}}, global_avg_pool, dense]
)");
  expect_same("{family: vanilla_conv, depth: 2, head: flatten}", R"(
defaults: {w_std: 1.4142135623730951, filter_shape: [3, 3], padding: SAME}
layers: [{repeat: {times: 2, layers: [conv, relu]}}, flatten, dense]
)");
  expect_same(R"(
family: vanilla_conv
depth: 1
padding: VALID
filter_shape: [5, 3]
out_chan: 7
b_std: 0
activation: {leaky_relu: {alpha: 0.1}}
)",
              R"(
defaults: {w_std: 1.4142135623730951, filter_shape: [5, 3], out_chan: 7, b_std: 0}
layers: [{repeat: {times: 1, layers: [conv, {leaky_relu: {alpha: 0.1}}]}}, global_avg_pool, dense]
)");
}

TEST_CASE("myrtle networks are those of Shankar et al. 2020", "[families]") {
  auto const written = [](int first, int second, int third) {
    auto const block = [](int times) {
      return text("- repeat: {times: ", times, ", layers: [{conv: {filter_shape: [3, 3], padding: SAME}}, relu]}\n");
    };
    std::string const half = "- avg_pool: {window_shape: [2, 2], strides: [2, 2]}\n";
    return text("defaults: {w_std: 1.4142135623730951}\nlayers:\n", block(first), half, block(second), half, block(third),
                "- global_avg_pool\n- dense\n");
  };
  expect_same("{family: myrtle}", written(2, 1, 1));
  expect_same("{family: myrtle, depth: 5}", written(2, 1, 1));
  expect_same("{family: myrtle, depth: 7}", written(2, 2, 2));
  expect_same("{family: myrtle, depth: 10}", written(3, 3, 3));
  Network const net = read_words("{family: myrtle, depth: 10, out_chan: 64, out_dim: 10}", {{32, 32, 3}});
  CHECK(shape_at(net, 1) == Shape{16, 16, 64});
  CHECK(shape_at(net, 3) == Shape{8, 8, 64});
  CHECK(net.node(net.output()).shape == Shape{10});
}

TEST_CASE("wide residual networks are those of Zagoruyko and Komodakis 2016, without normalization", "[families]") {
  expect_same("{family: wide_resnet, block_size: 2, k: 3, out_dim: 10}", R"(
defaults: {padding: SAME, filter_shape: [3, 3]}
layers:
- conv: {out_chan: 16}
- sum: [[relu, {conv: {out_chan: 48}}, relu, {conv: {out_chan: 48}}], [{conv: {out_chan: 48}}]]
- repeat: {times: 1, layers: [{sum: [[relu, {conv: {out_chan: 48}}, relu, {conv: {out_chan: 48}}], []]}]}
- sum: [[relu, {conv: {out_chan: 96, strides: [2, 2]}}, relu, {conv: {out_chan: 96}}], [{conv: {out_chan: 96, strides: [2, 2]}}]]
- repeat: {times: 1, layers: [{sum: [[relu, {conv: {out_chan: 96}}, relu, {conv: {out_chan: 96}}], []]}]}
- sum: [[relu, {conv: {out_chan: 192, strides: [2, 2]}}, relu, {conv: {out_chan: 192}}], [{conv: {out_chan: 192, strides: [2, 2]}}]]
- repeat: {times: 1, layers: [{sum: [[relu, {conv: {out_chan: 192}}, relu, {conv: {out_chan: 192}}], []]}]}
- global_avg_pool
- dense: {out_dim: 10}
)");
  expect_same("{family: wide_resnet, depth: 28}", "{family: wide_resnet, block_size: 4}");
  Network const net = read_words("{family: wide_resnet, depth: 10}", {{32, 32, 3}});
  CHECK(shape_at(net, 2) == Shape{});  // no more blocks in a group of one
  CHECK(shape_at(net, 1) == Shape{32, 32, 16});
  CHECK(shape_at(net, 3) == Shape{16, 16, 32});
  CHECK(shape_at(net, 5) == Shape{8, 8, 64});
}

TEST_CASE("vision transformers are patches, attention and two dense layers on residual branches", "[families]") {
  expect_same("family: vision_transformer", R"(
- conv: {filter_shape: [4, 4], strides: [4, 4]}
- repeat:
    times: 1
    layers:
      - sum: [[], [layer_norm, {global_self_attention: {pos_emb_type: SUM}}]]
      - sum: [[], [layer_norm, dense, gelu, dense]]
- layer_norm
- global_avg_pool
- dense
)");
  expect_same(R"(
family: vision_transformer
depth: 2
patch_shape: [2, 4]
width: 8
mlp_ratio: 3
n_heads: 2
out_dim: 5
head: flatten
attention_mechanism: RELU
pos_emb_type: NONE
activation: erf
w_std: 1.5
b_std: 0.1
)",
              R"(
defaults: {w_std: 1.5, b_std: 0.1}
layers:
- conv: {out_chan: 8, filter_shape: [2, 4], strides: [2, 4]}
- repeat:
    times: 2
    layers:
      - sum: [[], [layer_norm, {global_self_attention: {n_chan_out: 8, n_heads: 2, attention_mechanism: RELU}}]]
      - sum: [[], [layer_norm, {dense: {out_dim: 24}}, erf, {dense: {out_dim: 8}}]]
- layer_norm
- flatten
- dense: {out_dim: 5}
)");
}

TEST_CASE("every family has parameters for one activation, and takes it with its own", "[families]") {
  for (char const* family : {"fully_connected", "vanilla_conv", "myrtle", "wide_resnet", "vision_transformer"}) {
    INFO(family);
    Network const net =
        read_words(text("{family: ", family, ", activation: {polynomial: {coef: [0, 1.5, -2], output_scale: 0.5}}}"), {{8, 8, 1}});
    CHECK(describe(net).find("polynomial (coef [0, 1.5, -2], output_scale 0.5)") != std::string::npos);
    CHECK_THAT(error_of(text("{family: ", family, ", activation: rleu}")),
               Catch::StartsWith(text("net.yaml:1: family ", family, ": the activation rleu is not known. Did you mean \"relu\"")));
    CHECK(error_of(text("{family: ", family, ", activation: [relu]}"))
          == text("net.yaml:1: family ", family,
                  ": activation is [relu]; an activation, such as relu or {leaky_relu: {alpha: 0.1}}, is needed."));
    CHECK_THAT(error_of(text("{family: ", family, ", activation: leaky_relu}")),
               Catch::StartsWith(text("net.yaml:1: family ", family, ": layer ")) && Catch::Contains("(leaky_relu): alpha is not given;"));
  }
}

TEST_CASE("an alias cannot unfold an activation without end", "[families]") {
  std::string const needed = "an activation, such as relu or {leaky_relu: {alpha: 0.1}}, is needed.";
  CHECK_THAT(error_of("{family: myrtle, activation: &a {leaky_relu: *a}}"), Catch::EndsWith(needed));
  CHECK_THAT(error_of("{family: myrtle, activation: {polynomial: {coef: [&b [&a [1, 2], *a], *b]}}}"), Catch::EndsWith(needed));
  CHECK(error_of("{family: myrtle, b_std: &a 0.5, activation: {leaky_relu: {alpha: *a}}}") == "no error");
}

TEST_CASE("a family can stand in a file of its own", "[families]") {
  Scratch const scratch;
  std::ofstream(scratch.path() / "net.yaml") << "family: myrtle\ndepth: 7\n";
  Network const net = read_words("{file: " + (scratch.path() / "net.yaml").string() + "}", {{8, 8, 1}});
  CHECK(net.hash() == read_words("{family: myrtle, depth: 7}", {{8, 8, 1}}).hash());
}

TEST_CASE("a family that cannot be is refused in one line", "[families]") {
  CHECK(error_of("family: mirtle")
        == "net.yaml:1: the family mirtle is not known. Did you mean \"myrtle\"? Known: fully_connected, vanilla_conv, myrtle,"
           " wide_resnet and vision_transformer.");
  CHECK(error_of("family:") == "net.yaml:1: family is nothing; a word is needed.");
  CHECK(error_of("{family: myrtle, layers: [relu]}")
        == "net.yaml:1: family myrtle: the parameter layers is not known. Known: family, depth, out_chan, out_dim, activation, w_std, b_std and"
           " parameterization.");
  CHECK_THAT(error_of("family: myrtle\ndefaults: {w_std: 1}"),
             Catch::StartsWith("net.yaml:2: family myrtle: the parameter defaults is not known."));
  CHECK_THAT(
      error_of("family: vanilla_conv\ndpeth: 1"),
      Catch::StartsWith("net.yaml:2: family vanilla_conv: the parameter dpeth is not known. Did you mean \"depth\"? Known: family, "));
  CHECK(error_of("family: myrtle\ndepth: 6") == "net.yaml:2: family myrtle: depth is 6; 5, 7 or 10 is needed.");
  CHECK(error_of("family: vanilla_conv\ndepth: 0") == "net.yaml:2: family vanilla_conv: depth is 0; an integer above zero is needed.");
  CHECK(error_of("family: vanilla_conv\nhead: pool") == "net.yaml:2: family vanilla_conv: head is pool; pooling or flatten is needed.");
  CHECK(error_of("family: vanilla_conv\nw_std: -1")
        == "net.yaml:2: family vanilla_conv: w_std is -1; a number that is not negative is needed.");
  CHECK(error_of("family: wide_resnet\ndepth: 27")
        == "net.yaml:2: family wide_resnet: depth is 27; 6 block_size + 4, such as 10, 16, 22 or 28, is needed.");
  CHECK(error_of("family: wide_resnet\ndepth: 4")
        == "net.yaml:2: family wide_resnet: depth is 4; 6 block_size + 4, such as 10, 16, 22 or 28, is needed.");
  CHECK(error_of("family: wide_resnet\nblock_size: 4\ndepth: 28")
        == "net.yaml:3: family wide_resnet: depth stands beside block_size; depth is 6 block_size + 4, so one of them is enough.");
}

TEST_CASE("widths that a family cannot have are told by its own keys", "[families]") {
  CHECK(error_of("{family: wide_resnet, k: 33554432}")
        == "net.yaml:1: family wide_resnet: k is 33554432; an integer from 1 to 33554431 (the last layers have 64 k channels) is needed.");
  CHECK(error_of("{family: wide_resnet, k: 9223372036854775807}")
        == "net.yaml:1: family wide_resnet: k is 9223372036854775807; an integer from 1 to 2147483647 is needed.");
  CHECK(error_of("{family: wide_resnet, k: 9223372036854775808}")
        == "net.yaml:1: family wide_resnet: k is 9223372036854775808; an integer of at most 18 digits is needed.");
  CHECK(error_of("family: vision_transformer\nwidth: 536870912")
        == "net.yaml:2: family vision_transformer: width is 536870912; an integer from 1 to 536870911 (mlp_ratio is 4) is needed.");
  CHECK(error_of("family: vision_transformer\npos_emb_type: CONCAT") ==
        "net.yaml:2: family vision_transformer: pos_emb_type is CONCAT, which needs to know how wide layers are, and width is not given; "
        "give one, such as width: 256.");
  CHECK(error_of("{family: vision_transformer, pos_emb_type: CONCAT, width: 64, depth: 2}", {8, 8, 1}) == "no error");
  CHECK(error_of("{family: fully_connected, parameterization: standard}") ==
        "net.yaml:1: family fully_connected: parameterization is standard, which needs to know how wide layers are, and width is not given; "
        "give one, such as width: 256.");
  CHECK_THAT(error_of("{family: myrtle, parameterization: standard}"),
             Catch::EndsWith("and out_chan is not given; give one, such as out_chan: 256."));
  CHECK(error_of("{family: vanilla_conv, parameterization: standard, out_chan: 8}", {8, 8, 1}) == "no error");
  CHECK(error_of("{family: wide_resnet, parameterization: standard}", {8, 8, 1}) == "no error");
}

TEST_CASE("an error within a family names the family and the layer", "[families]") {
  CHECK_THAT(error_of("\nfamily: myrtle", {2, 2, 1}), Catch::StartsWith("net.yaml:2: family myrtle: layer 3 (avg_pool): "));
  CHECK(error_of("family: vision_transformer", {5}) ==
        "net.yaml:1: family vision_transformer: patch_shape is [4, 4], and the data have the shape (5); one size for each axis but the channels "
        "is needed, no larger than the axis.");
  CHECK_THAT(error_of("{family: vision_transformer, patch_shape: [9, 1]}"), Catch::Contains("patch_shape is [9, 1], and the data"));
  CHECK_THAT(error_of("{family: vanilla_conv, filter_shape: [3]}"),
             Catch::StartsWith("net.yaml:1: family vanilla_conv: layer 0/0/0 (conv): "));
  CHECK_THAT(error_of("{family: fully_connected, depth: 1000000}"), Catch::StartsWith("net.yaml:1: family fully_connected: "));
  for (char const* words : {"family: myrtle", "family: wide_resnet", "family: vanilla_conv"})
    CHECK(error_of(words, {8, 8, 1}) == "no error");
}
