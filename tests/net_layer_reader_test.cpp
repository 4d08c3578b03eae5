// One layer in YAML: its parameters, defaults and everything that can be wrong with them.
#include <algorithm>

#include "base/text.hpp"
#include "net/layer_reader.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

/// The operation of the last layer.
template <class Operation>
Operation last_op(std::string const& words, std::vector<long> const& shape = {5}) {
  Network const net = read_words(words, {shape});
  return std::get<Operation>(net.node(net.output()).op);
}

std::string error_of(std::string const& words, std::vector<long> const& shape = {5}) {
  return message_of([&] { read_words(words, {shape}); });
}

}  // namespace

TEST_CASE("a layer without parameters has the language's defaults", "[layer]") {
  for (char const* words : {"- dense", "- dense:", "- dense: {}", "[dense]", "- {dense: }", "- {dense: {b_std: null, out_dim: ~}}"}) {
    INFO(words);
    Dense const dense = last_op<Dense>(words);
    CHECK(dense.out_dim == std::nullopt);
    CHECK(dense.w_std == 1);
    CHECK(dense.b_std == std::nullopt);
    CHECK(dense.parameterization == Parameterization::ntk);
    CHECK(dense.s == std::array<long, 2>{1, 1});
  }
  CHECK(last_op<LayerNorm>("[dense, layer_norm]").eps == 1e-12);
  CHECK(last_op<LayerNorm>("[dense, layer_norm]").axis == std::vector<int>{-1});
  CHECK(last_op<Dropout>("[{dropout: {rate: 0.7}}]").mode == Mode::train);
  CHECK(last_op<Activation>("[dense, relu]").affine == Affine{1, 0, 1, 0});
}

TEST_CASE("each parameter arrives where it belongs", "[layer]") {
  Dense const dense =
      last_op<Dense>("- dense: {out_dim: 3, w_std: 1.5, b_std: 0, parameterization: standard, s: [1, 1], batch_axis: 0, channel_axis: -1}");
  CHECK(dense.out_dim == 3);
  CHECK(dense.w_std == 1.5);
  CHECK(dense.b_std == 0.0);
  CHECK(dense.parameterization == Parameterization::standard);
  LayerNorm const norm = last_op<LayerNorm>("[dense, {layer_norm: {axis: [1, -1], eps: 1e-3}}]", {4, 6, 3});
  CHECK(norm.axis == std::vector<int>{-3, -1});
  CHECK(norm.eps == 1e-3);
  CHECK(last_op<Dropout>("[{dropout: {rate: 1, mode: test}}]").mode == Mode::test);
  Activation const erf =
      last_op<Activation>("[dense, {erf: {c: -2, a: 0.5, output_shift: 4, input_scale: 1, input_shift: 2, output_scale: 3}}]");
  CHECK(erf.name == "erf");
  CHECK(erf.parameters == std::vector<std::pair<std::string, ParameterValue>>{{"a", 0.5}, {"b", 1.0}, {"c", -2.0}});
  CHECK(erf.affine == Affine{1, 2, 3, 4});
  CHECK(erf.given == std::vector<std::string>{"a", "c"});
  CHECK(last_op<Activation>("[dense, {polynomial: {coef: [1, -2]}}]").parameters[0].second == ParameterValue(std::vector<double>{1, -2}));
  CHECK(last_op<Activation>("[dense, {gelu: {approximate: true}}]").parameters[0].second == ParameterValue(1.0));
  CHECK(last_op<Activation>("[dense, {hermite: {degree: 3}}]").parameters[0].second == ParameterValue(3.0));
}

TEST_CASE("the axes that are fixed can be written in each of their ways", "[layer]") {
  for (char const* words : {"- dense: {batch_axis: 0, channel_axis: 3}", "- dense: {batch_axis: -4, channel_axis: -1}",
                            "- flatten: {batch_axis: 0, batch_axis_out: 0}"})
    CHECK(error_of(words, {4, 6, 3}) == "no error");
  CHECK(error_of("- dense: {batch_axis: 1}") == "net.yaml:1: layer 0 (dense): batch_axis is 1; 0 (the batch is the first axis) is needed.");
  CHECK(error_of("- dense:\n    channel_axis: 1", {4, 3})
        == "net.yaml:2: layer 0 (dense): channel_axis is 1; -1 (the channels are the last axis of 3) is needed.");
}

TEST_CASE("a value that cannot be is told with the line of its key, what was found and what is needed", "[layer]") {
  auto const [words, message] = GENERATE(table<char const*, char const*>({
      {"- dense:\n    b_std: 0.1\n    w_std: -1\n", "net.yaml:3: layer 0 (dense): w_std is -1; a number that is not negative is needed."},
      {"- dense: {b_std: -0.5}", "net.yaml:1: layer 0 (dense): b_std is -0.5; a number that is not negative is needed."},
      {"- dense: {w_std: \"1.5\"}", "net.yaml:1: layer 0 (dense): w_std is the text \"1.5\"; a finite number is needed."},
      {"- dense: {w_std: abc}", "net.yaml:1: layer 0 (dense): w_std is abc; a finite number is needed."},
      {"- dense: {w_std: null}", "net.yaml:1: layer 0 (dense): w_std is nothing; a finite number is needed."},
      {"- dense: {w_std: [1, 2]}", "net.yaml:1: layer 0 (dense): w_std is [1, 2]; a finite number is needed."},
      {"- dense: {out_dim: 2.5}", "net.yaml:1: layer 0 (dense): out_dim is 2.5; an integer is needed."},
      {"- dense: {out_dim: -8}", "net.yaml:1: layer 0 (dense): out_dim is -8; an integer above zero is needed."},
      {"- dense: {s: [1]}", "net.yaml:1: layer 0 (dense): s is [1]; a list of 2 integers is needed."},
      {"- dense: {s: 1}", "net.yaml:1: layer 0 (dense): s is 1; a list of 2 integers is needed."},
      {"- dense: {s: [1, 0]}", "net.yaml:1: layer 0 (dense): s is [1, 0]; a list of 2 integers above zero is needed."},
      {"- dense: {s: [1, x]}", "net.yaml:1: layer 0 (dense): s[1] is x; an integer is needed."},
      {"- dense: {parameterization: stnadard}", "net.yaml:1: layer 0 (dense): parameterization is stnadard; ntk or standard is needed."},
      {"- dense\n- layer_norm: {eps: -1}", "net.yaml:2: layer 1 (layer_norm): eps is -1; a number that is not negative is needed."},
      {"- dense\n- layer_norm: {axis: []}", "net.yaml:2: layer 1 (layer_norm): axis is []; a list of integers is needed."},
      {"- dense\n- layer_norm: {axis: 99999999999}", "net.yaml:2: layer 1 (layer_norm): axis is 99999999999; a smaller integer is needed."},
      {"- dropout: {rate: 0}",
       "net.yaml:1: layer 0 (dropout): rate is 0; a number above 0 and up to 1, the probability to keep a unit, is needed."},
      {"- dropout: {rate: 1.5}",
       "net.yaml:1: layer 0 (dropout): rate is 1.5; a number above 0 and up to 1, the probability to keep a unit, is needed."},
      {"- dropout: {rate: 0.5, mode: tset}", "net.yaml:1: layer 0 (dropout): mode is tset; train or test is needed."},
      {"- dense\n- relu: {do_stabilize: 3}", "net.yaml:2: layer 1 (relu): do_stabilize is 3; true or false is needed."},
      {"- dense\n- hermite: {degree: 1.5}", "net.yaml:2: layer 1 (hermite): degree is 1.5; an integer is needed."},
      {"- dense\n- polynomial:\n    coef: [1, x]", "net.yaml:3: layer 1 (polynomial): coef[1] is x; a finite number is needed."},
      {"- dense\n- polynomial: {coef: 1}", "net.yaml:2: layer 1 (polynomial): coef is 1; a list of numbers is needed."},
      {"- dense\n- erf: {input_scale: .inf}", "net.yaml:2: layer 1 (erf): input_scale is .inf; a finite number is needed."},
  }));
  CHECK(error_of(words) == message);
}

TEST_CASE("a parameter that is needed and missing, or not known, is told by name", "[layer]") {
  CHECK(error_of("- dense\n- relu\n- dropout") ==
        "net.yaml:3: layer 2 (dropout): rate is not given; a number above 0 and up to 1, the probability to keep a unit, is needed. "
        "Write {dropout: {rate: ...}}.");
  CHECK(error_of("- dense\n- leaky_relu: {do_stabilize: true}")
        == "net.yaml:2: layer 1 (leaky_relu): alpha is not given; a finite number is needed. Write {leaky_relu: {alpha: ...}}.");
  CHECK(error_of("- dense:\n    wstd: 1") ==
        "net.yaml:2: layer 0 (dense): the parameter wstd is not known. Did you mean \"w_std\"? "
        "Known: out_dim, w_std, b_std, parameterization, s, batch_axis and channel_axis.");
  CHECK(error_of("- dense\n- relu: {alpha: 1}") ==
        "net.yaml:2: layer 1 (relu): the parameter alpha is not known. Known: do_stabilize, input_scale, input_shift, output_scale and output_shift.");
  CHECK(error_of("- identity: {a: 1}") == "net.yaml:1: layer 0 (identity): the parameter a is not known; there is none to give.");
}

TEST_CASE("a layer that is not known is told with the nearest one", "[layer]") {
  CHECK(
      error_of("- dense\n- leaky_rleu: {alpha: 1}")
      == text("net.yaml:2: layer 1 (leaky_rleu): the layer leaky_rleu is not known. Did you mean \"leaky_relu\"? docs/layers.md lists all ",
              layer_names(language_activations()).size(), "."));
  CHECK(error_of("- GlobalAvgPool").find("Did you mean \"global_avg_pool\"") != std::string::npos);
  CHECK(error_of("- MultiHeadAttentionWithDropout").find("is not known. docs/layers.md lists") != std::string::npos);
  CHECK(layer_names(language_activations()).size() == 22 + language_activations().size());
}

TEST_CASE("defaults of a network reach the layers that have the parameter, unless the layer says otherwise", "[layer]") {
  Network const net = read_words(
      "layers: [dense, relu, {dense: {b_std: null}}, relu, {repeat: {times: 1, layers: [{dense: {w_std: 1.0}}]}}, {sum: [[], [leaky_relu, "
      "dense]]}]\n"
      "defaults: {w_std: 1.5, b_std: 0.05, alpha: 0.2, input_scale: 2, padding: SAME}");
  auto const dense = [&](int node) { return std::get<Dense>(net.node(node).op); };
  CHECK(dense(1).w_std == 1.5);
  CHECK(dense(1).b_std == 0.05);
  CHECK(dense(3).w_std == 1.5);
  CHECK(dense(3).b_std == std::nullopt);
  CHECK(dense(5).w_std == 1);
  CHECK(dense(5).b_std == 0.05);
  CHECK(dense(7).w_std == 1.5);
  CHECK(std::get<Activation>(net.node(6).op).parameters[0].second == ParameterValue(0.2));
  CHECK(std::get<Activation>(net.node(2).op).affine.input_scale == 2);
  CHECK(error_of("layers: [dense]\ndefaults:\n  b_std: 1\n  w_std: x\n") == "net.yaml:4: defaults: w_std is x; a finite number is needed.");
  std::string const unknown = error_of("layers: [dense]\ndefaults: {wstd: 1}");
  CHECK(unknown.starts_with("net.yaml:2: defaults: the parameter wstd is not known. Did you mean \"w_std\""));
}
