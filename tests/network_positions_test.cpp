// The rules of the operations on positions: shapes, widths, what is refused, one form per meaning.
#include "base/text.hpp"
#include "net/network.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

/// Of one input of shape (6, 5, 2), unless said otherwise.
Network net(std::string const& words, std::vector<long> const& shape = {6, 5, 2}) {
  return read_words(words, {shape});
}
Node last(std::string const& words, std::vector<long> const& shape = {6, 5, 2}) {
  Network const network = net(words, shape);
  return network.node(network.output());
}
std::string error_of(std::string const& words, std::vector<long> const& shape = {6, 5, 2}) {
  return message_of([&] { net(words, shape); });
}

}  // namespace

TEST_CASE("layers with weights end Gaussian, pools and the like leave it, global pools drop the positions", "[network]") {
  for (char const* words : {"[conv: {filter_shape: [3, 3]}]", "[conv_transpose: {filter_shape: [3, 3]}]",
                            "[conv_local: {filter_shape: [3, 3]}]", "[global_self_attention]"}) {
    INFO(words);
    Node const node = last(words);
    CHECK(node.gaussian);
    CHECK_FALSE(node.width_known);
    CHECK(node.channels() == 1);
  }
  for (char const* words : {"avg_pool: {window_shape: [2, 2]}", "sum_pool: {window_shape: [2, 2]}", "global_avg_pool", "global_sum_pool",
                            "image_resize: {shape: [-1, 3, 3, -1], method: linear}", "index: {idx: [':', 0]}", "dot_general: {rhs: 2}"}) {
    INFO(words);
    CHECK(last(text("[dense: {out_dim: 7}, ", words, "]")).gaussian);
    Node const node = last(text("[", words, "]"));
    CHECK_FALSE(node.gaussian);
    CHECK(node.width_known);
    CHECK(node.channels() == 2);
  }
  CHECK(last("[global_avg_pool]").shape == std::vector<long>{2});
  CHECK(last("[global_sum_pool]").shape == std::vector<long>{2});
  CHECK(last("[global_sum_pool]", {7}).shape == std::vector<long>{7});
  CHECK(last("[global_self_attention: {n_chan_out: 8}]").shape == std::vector<long>{6, 5, 8});
  CHECK(last("[conv: {filter_shape: [], out_chan: 3}]", {7}).shape == std::vector<long>{3});
}

TEST_CASE("standard parameterization asks of convolutions what it asks of dense layers", "[network]") {
  std::string const conv = "conv: {filter_shape: [3, 3], parameterization: standard, ";
  Network const network = net(text("[{", conv, "out_chan: 8, s: [1, 4]}}, relu, {", conv,
                                   "out_chan: 3, s: [4, 2]}}, {dense: {parameterization: standard, s: [2, 1]}}]"));
  CHECK(network.node(1).shape == std::vector<long>{4, 3, 32});
  CHECK(network.node(3).shape == std::vector<long>{2, 1, 6});
  CHECK(network.node(3).width_multiplier == 2);
  CHECK(error_of(text("[{", conv, "out_chan: 8, s: [1, 4]}}, relu, {", conv, "s: [2, 1]}}]"))
        == "net.yaml:1: layer 2 (conv): s[0] is 2; it has to be s[1] of the layer before, 4 at layer 1 (relu).");
  CHECK(error_of("[{conv_local: {filter_shape: [3, 3]}}, {conv: {filter_shape: [1, 1], parameterization: standard}}]") ==
        "net.yaml:1: layer 1 (conv): the width of layer 0 (conv_local) is not known; parameterization standard needs it. "
        "Give a width (out_dim, out_chan) to the layer that sets it.");
  CHECK(error_of("[conv: {filter_shape: [1, 1], s: [1, 2]}]") ==
        "net.yaml:1: layer 0 (conv): s is [1, 2]; with parameterization ntk widths do not matter and s is [1, 1]. Set parameterization: standard.");
  CHECK(error_of("[conv: {filter_shape: [1, 1], out_chan: 3000000000}]")
        == "net.yaml:1: layer 0 (conv): out_chan is 3000000000; at most 2147483647 can be handled.");
  CHECK(error_of("[conv: {filter_shape: [1, 1], out_chan: 3, parameterization: standard, s: [1, 2]}]")
        == "net.yaml:1: layer 0 (conv): the network ends with the multiplier s[1] = 2; the last layer with weights needs s[1] = 1.");
}

TEST_CASE("windows that do not fit are refused with layer and shapes", "[network]") {
  auto const [words, message] = GENERATE(table<char const*, char const*>({
      {"[conv: {filter_shape: [3]}]",
       "(conv): filter_shape has 1 entry; the input, the data, of shape (6, 5, 2), has 2 spatial axes, and one entry for each is needed."},
      {"[conv_transpose: {filter_shape: []}]",
       "(conv_transpose): filter_shape has 0 entries; the input, the data, of shape (6, 5, 2), has 2 spatial axes, and one entry for each "
       "is needed."},
      {"[conv: {filter_shape: [3, 3], strides: [1, 1, 2]}]",
       "(conv): strides has 3 entries; the input, the data, of shape (6, 5, 2), has 2 spatial axes, and one entry for each is needed."},
      {"[sum_pool: {window_shape: [3, 3, 3]}]",
       "(sum_pool): window_shape has 3 entries; the input, the data, of shape (6, 5, 2), has 2 spatial axes, and one entry for each is "
       "needed."},
      {"[conv: {filter_shape: [3, 6]}]",
       "(conv): filter_shape has 6 for a spatial axis of size 5 of the input, the data, of shape (6, 5, 2); with padding VALID it has to "
       "fit into it. "
       "Make it smaller, or set padding: SAME."},
      {"[conv_local: {filter_shape: [7, 1], strides: [9, 9]}]",
       "(conv_local): filter_shape has 7 for a spatial axis of size 6 of the input, the data, of shape (6, 5, 2); with padding VALID it "
       "has to fit into it. "
       "Make it smaller, or set padding: SAME."},
      {"[avg_pool: {window_shape: [7, 1]}]",
       "(avg_pool): window_shape has 7 for a spatial axis of size 6 of the input, the data, of shape (6, 5, 2); with padding VALID it has "
       "to fit into it. "
       "Make it smaller, or set padding: SAME."},
      {"[conv: {filter_shape: [3000000000, 1], padding: SAME}]", "(conv): filter_shape has 3000000000; at most 2147483647 can be handled."},
      {"[conv: {filter_shape: [1, 1], strides: [3000000000, 1]}]", "(conv): strides has 3000000000; at most 2147483647 can be handled."},
      {"[conv: {filter_shape: [100000, 100000], padding: SAME}]",
       "(conv): filter_shape is (100000, 100000); at most 2147483647 numbers of the input can be under one window."},
      {"[conv_transpose: {filter_shape: [1, 1], strides: [1000000, 1000000]}]",
       "(conv_transpose): its output of shape (6000000, 5000000, ?) is too large; at most 2147483647 numbers per sample can be handled."},
  }));
  CHECK(error_of(words) == text("net.yaml:1: layer 0 ", message));
}

TEST_CASE("a pad larger than the image goes around it as often as it takes", "[network]") {
  CHECK(last("[conv: {filter_shape: [9, 20], padding: CIRCULAR}]", {2, 3, 1}).shape == std::vector<long>{2, 3, 1});
  CHECK(last("[conv_transpose: {filter_shape: [9, 20], padding: CIRCULAR}]", {2, 3, 1}).shape == std::vector<long>{2, 3, 1});
}

TEST_CASE("attention needs positions, and widths where embeddings are weighed against them", "[network]") {
  CHECK(error_of("[global_self_attention]", {5}) ==
        "net.yaml:1: layer 0 (global_self_attention): its input, the data, has the shape (5); attention needs positions to attend to, "
        "a shape such as (positions, channels). Put it before the layer that drops them.");
  CHECK(error_of("[dense, {global_self_attention: {pos_emb_type: CONCAT}}]") ==
        "net.yaml:1: layer 1 (global_self_attention): the width of layer 0 (dense) is not known; pos_emb_type CONCAT weighs it against the width of "
        "the embeddings. Give a width (out_dim, out_chan) to the layer that sets it.");
  CHECK(error_of("[dense, {global_self_attention: {pos_emb_type: SUM}}]") == "no error");
  CHECK(error_of("[global_self_attention: {pos_emb_type: SUM, n_chan_pos_emb: 2}]") == "no error");
  CHECK(error_of("[global_self_attention: {pos_emb_type: SUM, n_chan_pos_emb: 3}]") ==
        "net.yaml:1: layer 0 (global_self_attention): n_chan_pos_emb is 3; with pos_emb_type SUM embeddings are added to the data, and their width is "
        "that of it, 2. Leave n_chan_pos_emb out, or set pos_emb_type: CONCAT.");
  CHECK(error_of("[dense, {global_self_attention: {pos_emb_type: SUM, n_chan_pos_emb: 1}}]").find("is that of it, which is not known.")
        != std::string::npos);
  CHECK(error_of("[global_self_attention: {n_heads: 30000, n_chan_val: 30000}]")
        == "net.yaml:1: layer 0 (global_self_attention): n_heads is 30000 and n_chan_val 30000; their product can be at most 268435455.");
  CHECK(error_of("[global_self_attention: {pos_emb_type: CONCAT, n_chan_pos_emb: 300000000}]")
        == "net.yaml:1: layer 0 (global_self_attention): n_chan_pos_emb is 300000000; at most 268435455 can be handled.");
}

TEST_CASE("resizing changes positions alone", "[network]") {
  CHECK(last("[image_resize: {shape: [-1, 3, -1, -1], method: nearest}]").shape == std::vector<long>{3, 5, 2});
  CHECK(last("[image_resize: {shape: [-1, 9, 1, 2], method: nearest}]").shape == std::vector<long>{9, 1, 2});
  auto const error = [](std::string const& shape) { return error_of("[image_resize: {shape: " + shape + ", method: linear}]"); };
  std::string const place = "net.yaml:1: layer 0 (image_resize): shape has ";
  CHECK(error("[3, 3]") == place + "2 entries; the input, the data, of shape (6, 5, 2), has 4 axes with the batch, and one entry for each is needed, "
                                   "-1 for what stays.");
  CHECK(error("[4, 3, 3, -1]") == place + "4 for the batch, which cannot be resized; -1 is needed.");
  CHECK(error("[-1, 3, 3, 4]") == place + "4 for the channels, which cannot be resized; -1 is needed.");
  CHECK(error("[-1, 0, 3, -1]") == place + "the entry 0; -1 (as it is) or a size from 1 to 2147483647 is needed.");
  CHECK(error("[-1, -2, 3, -1]") == place + "the entry -2; -1 (as it is) or a size from 1 to 2147483647 is needed.");
  CHECK(error_of("[dense, {image_resize: {shape: [-1, 3, 3, 1], method: linear}}]")
        == "net.yaml:1: layer 1 (image_resize): shape has 1 for the channels, which cannot be resized; -1 is needed.");
}

TEST_CASE("an index leaves batch and channels whole", "[network]") {
  CHECK(last("[index: {idx: [':', '1:6:2', 2]}]").shape == std::vector<long>{3, 2});
  CHECK(last("[index: {idx: [':', -1, 0]}]").shape == std::vector<long>{2});
  CHECK(error_of("- dense\n- index: {idx: [':', 6]}") ==
        "net.yaml:2: layer 1 (index): idx has 6 for spatial axis 0 of size 6; -6 to 5 are there. Its input is layer 0 (dense), of shape (6, 5, ?).");
  CHECK(error_of("[index: {idx: [':', '4:4']}]") ==
        "net.yaml:1: layer 0 (index): idx has '4:4' for spatial axis 0 of size 6; that leaves nothing of it. Its input is the data, of shape (6, 5, 2).");
  CHECK(error_of("[index: {idx: 0}]")
        == "net.yaml:1: layer 0 (index): idx takes a part of the batch; ':' is needed for it. Its input is the data, of shape (6, 5, 2).");
  CHECK(error_of("[index: {idx: ['...', 0]}]")
        == "net.yaml:1: layer 0 (index): idx takes a part of the channels; ':' is needed for them. Its input is the data, of shape (6, 5, 2).");
}

TEST_CASE("a product can leave batch and channels elsewhere, and the next layers know", "[network]") {
  // (new, batch, 5, channels)
  std::string const front =
      "- dense: {out_dim: 3}\n- dot_general: {lhs: [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]], dimension_numbers: [[[1], [1]], [[], []]]}\n";
  Node const moved = last(front);
  CHECK(moved.shape == std::vector<long>{2, 5, 3});
  CHECK(moved.batch_axis == 1);
  CHECK(moved.channel_axis == 3);
  CHECK(moved.has_moved_axes());
  CHECK_FALSE(last("[dense]").has_moved_axes());
  auto const after = [&](std::string const& layer) { return last(front + "- " + layer); };
  auto const places = [&](std::string const& layer) {
    Node const node = after(layer);
    return std::vector<long>{node.batch_axis, node.channel_axis, static_cast<long>(node.shape.size())};
  };
  using Places = std::vector<long>;
  CHECK(places("relu") == Places{1, 3, 3});
  CHECK(places("identity") == Places{1, 3, 3});
  CHECK(places("dropout: {rate: 0.5}") == Places{1, 3, 3});
  CHECK(places("dense: {batch_axis: 1, channel_axis: -1, out_dim: 7}") == Places{1, 3, 3});
  CHECK(after("dense: {batch_axis: 1, channel_axis: -1, out_dim: 7}").shape == std::vector<long>{2, 5, 7});
  CHECK(places("flatten: {batch_axis: 1, batch_axis_out: 0}") == Places{0, 1, 1});
  CHECK(after("flatten: {batch_axis: -3}").shape == std::vector<long>{30});
  CHECK(places("global_avg_pool: {batch_axis: 1, channel_axis: 3}") == Places{0, 1, 1});
  CHECK(places("global_sum_pool: {batch_axis: -3, channel_axis: -1}") == Places{0, 1, 1});
  CHECK(places("sum: [[], [relu, {dense: {batch_axis: 1}}]]") == Places{1, 3, 3});
  CHECK(places("product: [[], [relu]]") == Places{1, 3, 3});
  CHECK(places("index: {idx: [0], batch_axis: 1}") == Places{0, 2, 2});
  CHECK(places("index: {idx: [':', ':', 0], batch_axis: 1}") == Places{1, 2, 2});
  CHECK(places("index: {idx: [1, '...', 2, ':'], batch_axis: 1}") == Places{0, 1, 1});
  CHECK(places("dot_general: {rhs: [[1], [2]], dimension_numbers: [[[0], [0]], [[], []]], batch_axis: 1}") == Places{0, 2, 3});
  SECTION("the channels too") {
    // (batch, channels, new, new)
    std::string const last_axes = "- dot_general: {rhs: [1, 2], dimension_numbers: [[[], []], [[], []]]}\n";
    Node const two = last("- global_avg_pool\n" + last_axes);
    CHECK(two.shape == std::vector<long>{2, 2});
    CHECK(two.channel_axis == 1);
    CHECK(last("- global_avg_pool\n" + last_axes + "- dense: {channel_axis: 1, out_dim: 4}").shape == std::vector<long>{2, 4});
    // (6, batch, 5, channels) after a product that runs along an axis.
    Node const pooled = last(
        "- dot_general: {rhs: [1, 2, 3, 4, 5, 6], dimension_numbers: [[[], []], [[1], [0]]]}\n"
        "- global_avg_pool: {batch_axis: 1, channel_axis: 3}");
    CHECK_FALSE(pooled.has_moved_axes());
  }
}

TEST_CASE("where batch or channels have moved, layers have to say so, and some cannot stand there", "[network]") {
  std::string const front = "- dot_general: {lhs: [[1, 2, 3, 4, 5, 6]], dimension_numbers: [[[1], [1]], [[], []]]}\n- ";
  auto const error = [&](std::string const& layer) { return error_of(front + layer); };
  CHECK(error("global_avg_pool") ==
        "net.yaml:2: layer 1 (global_avg_pool): batch_axis is not given; the batch is axis 1 of 4 here, counted from 0. Write {global_avg_pool: "
        "{batch_axis: 1}}.");
  CHECK(error("flatten: {batch_axis: 0}")
        == "net.yaml:2: layer 1 (flatten): batch_axis is 0; 1 (the batch is axis 1 of 4, counted from 0) is needed.");
  CHECK(error("flatten: {batch_axis: 1, batch_axis_out: 1}")
        == "net.yaml:2: layer 1 (flatten): batch_axis_out is 1; 0 (the batch is the first axis) is needed.");
  CHECK(error("dense: {batch_axis: 1, channel_axis: 1}")
        == "net.yaml:2: layer 1 (dense): channel_axis is 1; -1 (the channels are the last axis of 4) is needed.");
  CHECK(error_of("- dot_general: {rhs: [1, 2]}\n- dense")
        == "net.yaml:2: layer 1 (dense): channel_axis is not given; the channels are axis 3 of 5 here, counted from 0. Write {dense: {channel_axis: 3}}.");
  CHECK(error_of("- dot_general: {rhs: [1, 2]}\n- dense: {channel_axis: -1}")
        == "net.yaml:2: layer 1 (dense): channel_axis is -1; 3 (the channels are axis 3 of 5, counted from 0) is needed.");
  CHECK(error("index: {idx: [':', 0], batch_axis: 1}") ==
        "net.yaml:2: layer 1 (index): idx takes a part of the batch; ':' is needed for it. Its input is layer 0 (dot_general), of shape (1, 5, 2).");
  for (char const* layer :
       {"layer_norm", "conv: {filter_shape: [1, 1]}", "avg_pool: {window_shape: [1, 1]}", "global_self_attention",
        "image_resize: {shape: [-1, -1, -1, -1], method: linear}", "concat: {branches: [[], []]}", "conv_local: {filter_shape: [1, 1]}"}) {
    std::string const name = std::string(layer).substr(0, std::string(layer).find(':'));
    CHECK(error(layer)
          == text("net.yaml:2: layer 1 (", name,
                  "): at its input, layer 0 (dot_general), a dot_general has left the batch as axis 1 and the channels as axis 3 of 4, "
                  "counted from 0; ",
                  name,
                  " needs the batch first and the channels last. Only dense, flatten, identity, dropout, activations, sum, product, global "
                  "pools, index and dot_general can stand here."));
  }
  CHECK(error_of("- dense: {out_dim: 2}\n- sum: [[{index: {idx: [':', '0:1']}}], [{dot_general: {lhs: [[1, 2, 3, 4, 5, 6]], dimension_numbers: [[[1], [1]], [[], []]]}}]]") ==
        "net.yaml:2: layer 1 (sum): the branches have batch and channels at different places, axes 0 and 3 at layer 1/0/0 (index), 1 and 3 at layer 1/1/0 "
        "(dot_general); the same order is needed.");
}

TEST_CASE("trainable numbers of layers on positions are counted by hand", "[network]") {
  auto const count = [](std::string const& layer) {
    Network const network = net("- " + layer);
    return parameter_count(network, network.node(1));
  };
  CHECK(count("conv: {out_chan: 4, filter_shape: [3, 2]}") == 3 * 2 * 2 * 4);
  CHECK(count("conv: {out_chan: 4, filter_shape: [3, 2], b_std: 0}") == 3 * 2 * 2 * 4 + 4);
  CHECK(count("conv_transpose: {out_chan: 4, filter_shape: [3, 2], strides: [2, 2], b_std: 0}") == 3 * 2 * 2 * 4 + 4);
  CHECK(count("conv_local: {out_chan: 4, filter_shape: [3, 2], b_std: 1}") == 4 * 4 * (3 * 2 * 2 * 4 + 4));
  CHECK(count("conv: {filter_shape: [3, 2]}") == std::nullopt);
  CHECK(count("avg_pool: {window_shape: [3, 2]}") == 0);
  std::string const attention = "global_self_attention: {n_chan_out: 7, n_chan_key: 3, n_chan_val: 4, n_heads: 5, ";
  CHECK(count(attention + "b_std: 1}") == 5 * 2 * 3 + 5 * 2 * 4 + 20 * 7 + 7);
  CHECK(count(attention + "linear_scaling: false, attention_mechanism: IDENTITY}") == 2 * 5 * 2 * 3 + 5 * 2 * 4 + 20 * 7);
  CHECK(count(attention + "pos_emb_type: SUM}") == 5 * 2 * 3 + 5 * 2 * 4 + 20 * 7 + 30 * 2);
  CHECK(count(attention + "pos_emb_type: CONCAT, n_chan_pos_emb: 6}") == 5 * 8 * 3 + 5 * 2 * 4 + 20 * 7 + 30 * 6);
  CHECK(count(attention + "pos_emb_type: CONCAT, val_pos_emb: true}") == 5 * 4 * 3 + 5 * 4 * 4 + 20 * 7 + 30 * 2);
  CHECK(count("global_self_attention: {n_chan_out: 7, n_chan_key: 3}") == std::nullopt);
  CHECK(count("global_self_attention: {n_chan_key: 3, n_chan_val: 3}") == std::nullopt);
}

TEST_CASE("layers with weights make branches independent", "[network]") {
  auto const shared = [](std::string const& branch) {
    Network const network = net("- dense\n- sum: [[], [{" + branch + "}]]");
    return shared_by_branches(network, network.output()).has_value();
  };
  CHECK_FALSE(shared("conv: {filter_shape: [3, 3], padding: SAME}"));
  CHECK_FALSE(shared("conv_transpose: {filter_shape: [3, 3], padding: SAME}"));
  CHECK_FALSE(shared("conv_local: {filter_shape: [3, 3], padding: SAME}"));
  CHECK_FALSE(shared("global_self_attention: {}"));
  CHECK(shared("avg_pool: {window_shape: [3, 3], padding: SAME}"));
  CHECK(shared("index: {idx: [':', '::-1']}"));
  CHECK(shared("dot_general: {rhs: 2}"));
}
