// Parameters that are more than a number or a word, as users write them.
#include "base/text.hpp"
#include "net/parameter_reader.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

Field field(std::string const& words) {
  return {parse_yaml(words, "net.yaml"), "key", "net.yaml:1"};
}

/// The message of what reading these words ends with, without its place.
template <class Read>
std::string error_in(Read read, std::string const& words) {
  std::string const message = message_of([&] { read(field(words)); });
  return message.starts_with("net.yaml:1: key") ? message.substr(12) : message;
}

IndexItem slice(std::optional<long> start, std::optional<long> stop, std::optional<long> step) {
  return {IndexItem::Kind::slice, start, stop, step};
}
IndexItem number(long position) {
  return {IndexItem::Kind::number, position, {}, {}};
}

/// The operation of the last layer, of one input of shape (6, 5, 2).
template <class Operation>
Operation last_op(std::string const& words) {
  Network const net = read_words(words, {{6, 5, 2}});
  return std::get<Operation>(net.node(net.output()).op);
}
std::string error_of(std::string const& words) {
  return message_of([&] { read_words(words, {{6, 5, 2}}); });
}

}  // namespace

TEST_CASE("sizes are a list, which may be empty, or one alone", "[parameters]") {
  CHECK(read_sizes(field("[3, 4]")) == std::vector<long>{3, 4});
  CHECK(read_sizes(field("[]")).empty());
  CHECK(read_sizes(field("3")) == std::vector<long>{3});
  CHECK(error_in(read_sizes, "[3, x]") == "key[1] is x; an integer is needed.");
  CHECK(error_in(read_sizes, "[3, [4]]") == "key[1] is [4]; an integer is needed.");
  CHECK(error_in(read_sizes, "{a: 3}") == "key is a mapping of 1 key; a list of integers is needed.");
}

TEST_CASE("a constant is a number or nested lists of one length per level", "[parameters]") {
  CHECK(read_constant(field("2.5")) == ConstantArray{{}, {2.5}});
  CHECK(read_constant(field("[1, -2, 3]")) == ConstantArray{{3}, {1, -2, 3}});
  CHECK(read_constant(field("[[1, 2, 3], [4, 5, 6]]")) == ConstantArray{{2, 3}, {1, 2, 3, 4, 5, 6}});
  CHECK(read_constant(field("[[[1], [2]], [[3], [4]], [[5], [6]]]")) == ConstantArray{{3, 2, 1}, {1, 2, 3, 4, 5, 6}});
  CHECK(error_in(read_constant, "[[1, 2], [3]]") == "key[1] is [3]; a list of 2, as before it, is needed.");
  CHECK(error_in(read_constant, "[[1, 2], [3, 4, 5]]") == "key[1] is [3, 4, 5]; a list of 2, as before it, is needed.");
  CHECK(error_in(read_constant, "[[1, 2], 3]") == "key[1] is 3; a list of 2, as before it, is needed.");
  CHECK(error_in(read_constant, "[1, [2]]") == "key[1] is [2]; a number, as before it, is needed.");
  CHECK(error_in(read_constant, "[]") == "key is []; a list with at least one number is needed.");
  CHECK(error_in(read_constant, "[[1], []]") == "key[1] is []; a list with at least one number is needed.");
  CHECK(error_in(read_constant, "[1, '2']") == "key[1] is the text \"2\"; a finite number is needed.");
  CHECK(error_in(read_constant, "[.nan]") == "key[0] is .nan; a finite number is needed.");
  CHECK(error_in(read_constant, "{a: 1}") == "key is a mapping of 1 key; a number or nested lists of numbers is needed.");
  CHECK(error_in(read_constant, "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]").ends_with(" is [1]; an array of fewer axes is needed."));
  SECTION("an alias that unfolds without end is a mistake") {
    std::string words = "- &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n";
    for (int i = 1; i < 12; ++i) {
      words += text("- &a", i, " [");
      for (int j = 0; j < 8; ++j) words += text(j == 0 ? "" : ", ", "*a", i - 1);
      words += "]\n";
    }
    YAML::Node const list = parse_yaml(words, "net.yaml");
    CHECK(message_of([&] {
            read_constant({list[11], "key", "net.yaml:1"});
          }).ends_with("; an array of at most 1048576 numbers is needed."));
    CHECK(error_in(read_constant, "&a [*a]").ends_with("; an array of fewer axes is needed."));
  }
}

TEST_CASE("the axes of a product are four lists", "[parameters]") {
  CHECK(read_product_axes(field("[[[1, 2], [0, 3]], [[], []]]")) == ProductAxes{{1, 2}, {0, 3}, {}, {}});
  CHECK(read_product_axes(field("[[[], []], [[3], [4]]]")) == ProductAxes{{}, {}, {3}, {4}});
  std::string const needed = "; [[[...], [...]], [[...], [...]]], axes to contract of left and right and axes to run along, is needed.";
  CHECK(error_in(read_product_axes, "[[[1], [0]]]") == "key is a list of 1" + needed);
  CHECK(error_in(read_product_axes, "[[1, 2, 3], [[], []]]") == "key is a list of 2" + needed);
  CHECK(error_in(read_product_axes, "1") == "key is 1" + needed);
  CHECK(error_in(read_product_axes, "[[1, 0], [[], []]]") == "key[0][0] is 1; a list of axes is needed.");
  CHECK(error_in(read_product_axes, "[[[1], [0]], [[-1], [0]]]") == "key[1][0][0] is -1; an axis, counted from 0, is needed.");
  CHECK(error_in(read_product_axes, "[[[1], [5000000000]], [[], []]]")
        == "key[0][1][0] is 5000000000; an axis, counted from 0, is needed.");
}

TEST_CASE("an index is what stands between numpy's brackets", "[parameters]") {
  using Items = std::vector<IndexItem>;
  IndexItem const ellipsis{IndexItem::Kind::ellipsis, {}, {}, {}};
  CHECK(read_index(field("[':', '1:6:2', 0, '...']")) == Items{slice({}, {}, {}), slice(1, 6, 2), number(0), ellipsis});
  CHECK(read_index(field("['::-1', ':-2', '1:', '-3:4', '::']"))
        == Items{slice({}, {}, -1), slice({}, -2, {}), slice(1, {}, {}), slice(-3, 4, {}), slice({}, {}, {})});
  CHECK(read_index(field("[-4, ...]")) == Items{number(-4), ellipsis});
  CHECK(read_index(field("':'")) == Items{slice({}, {}, {})});
  CHECK(read_index(field("7")) == Items{number(7)});
  // Plain text that other readers of YAML would take for a number of base 60.
  CHECK(read_index(field("[1:6, 1:6:2]")) == Items{slice(1, 6, {}), slice(1, 6, 2)});
  std::string const needed = "; an integer, or text such as ':', '1:6:2', '::-1' or '...', in quotation marks, is needed.";
  CHECK(error_in(read_index, "['3']") == "key[0] is the text \"3\"" + needed);
  CHECK(error_in(read_index, "['1:x']") == "key[0] is the text \"1:x\"" + needed);
  CHECK(error_in(read_index, "['1 :2']") == "key[0] is the text \"1 :2\"" + needed);
  CHECK(error_in(read_index, "['1:2:3:4']") == "key[0] is the text \"1:2:3:4\"" + needed);
  CHECK(error_in(read_index, "[0, ~]") == "key[1] is nothing" + needed);
  CHECK(error_in(read_index, "[[0, 1]]") == "key[0] is [0, 1]" + needed);
  CHECK(error_in(read_index, "{a: 1}") == "key is a mapping of 1 key" + needed);
  CHECK(error_in(read_index, "[1.5]") == "key[0] is 1.5; an integer is needed.");
  CHECK(error_in(read_index, "['::0']") == "key[0] is the text \"::0\"; a step that is not 0 is needed.");
  CHECK(error_in(read_index, "['1:99999999999999999999']") == "key[0] is the text \"1:99999999999999999999\"" + needed);
}

TEST_CASE("convolutions take the one order of axes there is", "[parameters]") {
  for (char const* words : {"~", "[NHWC, HWIO, NHWC]", "[NWC, WIO, NWC]", "[NDHWC, DHWIO, NDHWC]", "[NC, IO, NC]"})
    CHECK(error_in(check_layout, words) == "no error");
  std::string const needed = "; nothing, or [NHWC, HWIO, NHWC] in two dimensions (batch first, channels last, here always), is needed.";
  for (char const* words : {"[NCHW, HWIO, NCHW]", "[NHWC, HWIO, NWHC]", "[NHWC, OIHW, NHWC]", "[NHWC, WHIO, NHWC]", "[NHWC, HWIO]",
                            "[N, IO, N]", "[NHWC, [HWIO], NHWC]", "NHWC"})
    CHECK(error_in(check_layout, words).ends_with(needed));
}

TEST_CASE("each parameter of the layers on positions arrives where it belongs", "[parameters]") {
  Conv const conv = last_op<Conv>(
      "- conv: {out_chan: 4, filter_shape: [3, 2], strides: [2, 1], padding: SAME, w_std: 1.5, b_std: 0.5, parameterization: standard, s: "
      "[1, 1],\n"
      "         dimension_numbers: [NHWC, HWIO, NHWC]}");
  CHECK(conv.out_chan == 4);
  CHECK(conv.filter_shape == std::vector<long>{3, 2});
  CHECK(conv.strides == std::vector<long>{2, 1});
  CHECK(conv.padding == Padding::same);
  CHECK(conv.w_std == 1.5);
  CHECK(conv.b_std == 0.5);
  CHECK(conv.parameterization == Parameterization::standard);
  for (char const* words : {"CIRCULAR", "circular"})
    CHECK(last_op<SumPool>(text("- sum_pool: {window_shape: [2, 2], padding: ", words, "}")).padding == Padding::circular);
  AvgPool const pool = last_op<AvgPool>("- avg_pool: {window_shape: [2, 3], padding: SAME, normalize_edges: true, strides: null}");
  CHECK(pool.window_shape == std::vector<long>{2, 3});
  CHECK(pool.strides.empty());
  CHECK(pool.normalize_edges);
  GlobalSelfAttention const attention = last_op<GlobalSelfAttention>(
      "- global_self_attention: {n_chan_out: 2, n_chan_key: 3, n_chan_val: 4, n_heads: 5, linear_scaling: false, w_key_std: 6, "
      "w_value_std: 7,\n"
      "    w_query_std: 8, w_out_std: 9, b_std: 10, attention_mechanism: IDENTITY, pos_emb_type: CONCAT, pos_emb_p_norm: 2, "
      "n_chan_pos_emb: 11,\n"
      "    w_pos_emb_std: 12, val_pos_emb: true, batch_axis: 0, channel_axis: -1}");
  CHECK(std::vector<std::optional<long>>{attention.n_chan_out, attention.n_chan_key, attention.n_chan_val, attention.n_heads,
                                         attention.n_chan_pos_emb}
        == std::vector<std::optional<long>>{2, 3, 4, 5, 11});
  CHECK(std::vector<double>{attention.w_key_std, attention.w_value_std, attention.w_query_std, attention.w_out_std,
                            attention.b_std.value_or(0), attention.w_pos_emb_std}
        == std::vector<double>{6, 7, 8, 9, 10, 12});
  CHECK_FALSE(attention.linear_scaling);
  CHECK(attention.val_pos_emb);
  CHECK(attention.attention_mechanism == AttentionMechanism::identity);
  CHECK(attention.pos_emb_type == PositionalEmbedding::concat);
  ImageResize const resize = last_op<ImageResize>("- image_resize: {shape: [-1, 3, -1, -1], method: nearest}");
  CHECK(resize.shape == std::vector<long>{-1, 3, 5, -1});
  CHECK(resize.method == ResizeMethod::nearest);
  CHECK(last_op<Index>("- index: {idx: [':', 1]}").idx == std::vector<IndexItem>{slice({}, {}, {}), number(1), slice({}, {}, {})});
  DotGeneral const product = last_op<DotGeneral>("- dot_general: {lhs: [[1, 2, 3, 4, 5, 6]], dimension_numbers: [[[1], [1]], [[], []]]}");
  CHECK(product.lhs == ConstantArray{{1, 6}, {1, 2, 3, 4, 5, 6}});
  CHECK(product.dimension_numbers == ProductAxes{{1}, {1}, {}, {}});
}

TEST_CASE("layers on positions have the language's defaults, and those of the network", "[parameters]") {
  Conv const conv = last_op<Conv>("[conv: {filter_shape: [1, 1], out_chan: null, strides: null, dimension_numbers: null}]");
  CHECK(conv.out_chan == std::nullopt);
  CHECK(conv.strides.empty());
  CHECK(conv.padding == Padding::valid);
  CHECK(conv.w_std == 1);
  CHECK(conv.b_std == std::nullopt);
  Network const net = read_words(
      "layers: [conv, {conv: {strides: null, padding: VALID}}, avg_pool, {global_self_attention: {b_std: null}}]\n"
      "defaults: {filter_shape: [2, 2], window_shape: [3, 3], strides: [2, 2], padding: SAME, b_std: 0.1, n_heads: 3}",
      {{16, 16, 2}});
  CHECK(std::get<Conv>(net.node(1).op).strides == std::vector<long>{2, 2});
  CHECK(std::get<Conv>(net.node(1).op).padding == Padding::same);
  CHECK(std::get<Conv>(net.node(2).op).strides.empty());
  CHECK(std::get<Conv>(net.node(2).op).padding == Padding::valid);
  CHECK(std::get<AvgPool>(net.node(3).op).strides == std::vector<long>{2, 2});
  CHECK(std::get<GlobalSelfAttention>(net.node(4).op).n_heads == 3);
  CHECK(std::get<GlobalSelfAttention>(net.node(4).op).b_std == std::nullopt);
}

TEST_CASE("what layers on positions cannot take is told with what is needed", "[parameters]") {
  auto const [words, message] = GENERATE(table<char const*, char const*>({
      {"conv",
       "(conv): filter_shape is not given; a list of integers above zero, one per spatial axis, is needed. Write {conv: {filter_shape: "
       "...}}."},
      {"conv: {filter_shape: null}", "(conv): filter_shape is nothing; a list of integers above zero, one per spatial axis, is needed."},
      {"conv: {filter_shape: [3, 0]}", "(conv): filter_shape is [3, 0]; a list of integers above zero, one per spatial axis, is needed."},
      {"conv: {filter_shape: [3, 1.5]}", "(conv): filter_shape[1] is 1.5; an integer is needed."},
      {"conv: {filter_shape: [3, 3], strides: [0, 1]}",
       "(conv): strides is [0, 1]; a list of integers above zero, one per spatial axis, is needed."},
      {"conv: {filter_shape: [3, 3], padding: REFLECT}", "(conv): padding is REFLECT; VALID, SAME or CIRCULAR is needed."},
      {"conv: {filter_shape: [3, 3], padding: Same}", "(conv): padding is Same; VALID, SAME or CIRCULAR is needed."},
      {"conv: {filter_shape: [3, 3], dimension_numbers: [NCHW, OIHW, NCHW]}",
       "(conv): dimension_numbers is [NCHW, OIHW, NCHW]; nothing, or [NHWC, HWIO, NHWC] in two dimensions (batch first, channels last, "
       "here always), is needed."},
      {"conv: {filter_shape: [3, 3], out_dim: 3}",
       "(conv): the parameter out_dim is not known. Known: out_chan, filter_shape, strides, padding, w_std, b_std, parameterization, s and "
       "dimension_numbers."},
      {"avg_pool: {window_shape: [2, 2], normalize_edges: 2}", "(avg_pool): normalize_edges is 2; true or false is needed."},
      {"sum_pool",
       "(sum_pool): window_shape is not given; a list of integers above zero, one per spatial axis, is needed. Write {sum_pool: "
       "{window_shape: ...}}."},
      {"global_self_attention: {attention_mechanism: LINEAR}",
       "(global_self_attention): attention_mechanism is LINEAR; SOFTMAX, IDENTITY, ABS or RELU is needed."},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: gauss}",
       "(global_self_attention): pos_emb_decay_fn is gauss; exp or power is needed."},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: {exp: 2}}",
       "(global_self_attention): pos_emb_decay_fn is a mapping of 1 key; exp, power, one of them with its rate, such as {exp: {rate: "
       "0.5}}, or "
       "a list of values at the distances 0, 1, 2, ..., is needed."},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: {power: {rate: -1}}}",
       "(global_self_attention): pos_emb_decay_fn.rate is -1; a number that is not negative is needed."},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, x]}",
       "(global_self_attention): pos_emb_decay_fn[1] is x; a finite number is needed."},
      {"global_self_attention: {pos_emb_decay_fn: exp}",
       "(global_self_attention): pos_emb_decay_fn is given with pos_emb_type NONE, which has no embeddings. Set pos_emb_type: SUM or "
       "CONCAT."},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, 0.2], pos_emb_p_norm: 1.5}",
       "(global_self_attention): pos_emb_decay_fn is a list of values at the distances 0, 1, 2, ... and pos_emb_p_norm is 1.5; then "
       "distances "
       "are no integers. Write an integer there, or exp or power here."},
      {"global_self_attention: {pos_emb_type: SUM, pos_emb_decay_fn: [1, 0.9]}",
       "(global_self_attention): pos_emb_decay_fn with pos_emb_p_norm 2 is no covariance of the 30 positions of the data: it is not "
       "positive "
       "semi-definite. Let it fall faster, or take exp or power with pos_emb_p_norm up to 2."},
      {"global_self_attention: {n_heads: 0}", "(global_self_attention): n_heads is 0; an integer above zero is needed."},
      {"image_resize: {shape: [-1, 3, 3, -1]}",
       "(image_resize): method is not given; nearest, linear, bilinear, trilinear or triangle is needed. Write {image_resize: {method: "
       "...}}."},
      {"image_resize: {shape: [-1, 3, 3, -1], method: null}",
       "(image_resize): method is nothing; nearest, linear, bilinear, trilinear or triangle is needed."},
      {"image_resize: {shape: [-1, 3, 3, -1], method: cubic}",
       "(image_resize): method is cubic; nearest, linear, bilinear, trilinear or triangle is needed."},
      {"image_resize: {method: linear}",
       "(image_resize): shape is not given; a list of integers, one per axis, is needed. Write {image_resize: {shape: ...}}."},
      {"image_resize: {method: linear, shape: []}", "(image_resize): shape is []; a list of integers, one per axis, is needed."},
      {"index",
       "(index): idx is not given; a list of what stands between numpy's brackets, such as [':', '1:6:2', 0], is needed. Write {index: "
       "{idx: ...}}."},
      {"index: {idx: []}", "(index): idx is []; a list of what stands between numpy's brackets, such as [':', '1:6:2', 0], is needed."},
      {"dot_general: {lhs: 1, rhs: 2}",
       "(dot_general): lhs and rhs are both given; one of them is needed, the other side is the input. Its input is the data, of shape "
       "(6, 5, 2)."},
      {"dot_general: {rhs: 1, precision: HIGHEST}",
       "(dot_general): the parameter precision is not known. Known: lhs, rhs, dimension_numbers, batch_axis and channel_axis."},
      {"image_resize: {shape: [-1, 3, 3, -1], method: linear, precision: HIGHEST}",
       "(image_resize): the parameter precision is not known. Known: shape, method, antialias, batch_axis and channel_axis."},
  }));
  std::string const layer = words;
  CHECK(error_of("- " + layer) == text("net.yaml:1: layer 0 ", message));
}
