#include <cmath>

#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/compile.hpp"
#include "finite/empirical_kernel.hpp"
#include "kernels/philox.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

using Entries = ParameterSpec::Entries;
using Shape = std::vector<long>;

std::vector<ParameterSpec> specs_of(std::string const& words, Shape const& shape, Init init = Init::suo) {
  return list_parameters(read_words(words, {shape}), init);
}

std::vector<double> uniforms(long count) {
  std::vector<double> out;
  for (long i = 0; i < count; ++i) out.push_back(RandomStream{1, 2}.uniform(static_cast<std::uint64_t>(i)) - 0.5);
  return out;
}

/// |x w| / |x| for a matrix w (in, out), x random.
double stretch(double const* w, long in, long out, long stride) {
  std::vector<double> const x = uniforms(in);
  double before = 0, after = 0;
  for (double const each : x) before += each * each;
  for (long j = 0; j < out; ++j) {
    double y = 0;
    for (long i = 0; i < in; ++i) y += x[at(i)] * w[i * stride + j];
    after += y * y;
  }
  return std::sqrt(after / before);
}

/// The mean square of the outputs, by the kernel of one input whose numbers are 1 and -1, over all positions and channels.
double output_variance(std::string const& words, Shape const& shape, Init init = Init::suo) {
  FiniteProgram const program = compile_finite(read_words(words, {shape}), {}, init);
  Numbers<double> const x(1, 1, program.value(0).size);
  for (long i = 0; i < x.batch().count(); ++i) x.batch().data[i] = i * i % 3 == 0 ? 1 : -1;
  Batch<double const> const input = x.batch();
  KernelAxes axes;
  axes.trace.clear();
  for (int axis = 1; axis <= static_cast<int>(program.output_shape.size()); ++axis) axes.trace.push_back(axis);
  return EmpiricalKernel<double>(program, draw_parameters(program.parameters, {}), axes, NtkMethod::automatic)
      .within({&input, 1}, EmpiricalKernel<double>::Get::nngp)
      .nngp[0];
}

}  // namespace

TEST_CASE("an init says how weights are drawn, and that biases are 0", "[init]") {
  std::string const words =
      "[{conv: {out_chan: 3, filter_shape: [3, 5], b_std: 2, parameterization: standard, w_std: 3}}, relu,"
      " {conv_local: {out_chan: 5, filter_shape: [1, 3], b_std: 1}}]";
  auto const specs = specs_of(words, {4, 9, 2});
  REQUIRE(specs.size() == 4);
  CHECK(specs[0] == ParameterSpec{"0/w", {3, 5, 2, 3}, 3 / std::sqrt(30.0), Entries::orthogonal, {1, 15, 2, 1, 3}});
  CHECK(specs[1] == ParameterSpec{"0/b", {3}, 2, Entries::zero});
  CHECK(specs[2] == ParameterSpec{"2/w", {2, 3, 1, 3, 3, 5}, 1, Entries::orthogonal, {6, 3, 3, 1, 5}});
  CHECK(specs[3] == ParameterSpec{"2/b", {2, 3, 5}, 1, Entries::zero});
  CHECK(draw_parameter(specs[1], {}) == std::vector<double>{0, 0, 0});
  for (auto const& [init, entries] : {std::pair(Init::fan_in, Entries::gaussian), std::pair(Init::lecun, Entries::truncated)}) {
    auto const others = specs_of(words, {4, 9, 2}, init);
    CHECK(others[0].entries == entries);
    CHECK(others[0].deviation == specs[0].deviation);
    CHECK(others[1].entries == Entries::zero);
  }
  CHECK(specs_of(words, {4, 9, 2}, Init::gaussian) == list_parameters(read_words(words, {{4, 9, 2}})));
  auto const gaussian = draw_parameter(specs_of(words, {4, 9, 2}, Init::gaussian)[0], {7, 1});
  CHECK(draw_parameter(specs_of(words, {4, 9, 2}, Init::fan_in)[0], {7, 1}) == gaussian);
}

/// dks reference 6.3, with digits to spare: there the places are 5, and 1 of the last. Parameterization standard, w_std 1: as drawn is
/// effective.
TEST_CASE("the middle tap keeps the mean square of what it takes, and all other taps are 0", "[init]") {
  auto const [in, out, d1, d2] = GENERATE(table<long, long, long, long>({{5, 7, 9, 3}, {3, 5, 9, 9}, {8, 8, 5, 7}, {3072, 1024, 5, 3}}));
  auto const words = text("[{conv: {out_chan: ", out, ", filter_shape: [", d1, ", ", d2, "], parameterization: standard, padding: SAME}}]");
  std::vector<double> const w = draw_parameter(specs_of(words, {1, 1, in})[0], {});
  INFO(words);
  REQUIRE(std::ssize(w) == d1 * d2 * in * out);
  long const middle = d1 / 2 * d2 + d2 / 2, size = in * out;
  double const wanted = std::sqrt(static_cast<double>(out) / static_cast<double>(in));
  CHECK(std::abs(stretch(w.data() + middle * size, in, out, out) - wanted) < (out < in ? 0.05 : 1e-13));
  for (long tap = 0; tap < d1 * d2; ++tap)
    if (tap != middle) CHECK(std::all_of(w.begin() + tap * size, w.begin() + (tap + 1) * size, [](double v) { return v == 0; }));
}

TEST_CASE("to fewer channels, the columns of a matrix are orthonormal", "[init]") {
  std::vector<double> const w = draw_parameter(specs_of("[{dense: {out_dim: 4, parameterization: standard}}]", {9})[0], {3, 1});
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t k = 0; k < 4; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < 9; ++i) sum += w[4 * i + j] * w[4 * i + k];
      CHECK(std::abs(sum - (j == k ? 1 : 0)) < 1e-14);
    }
}

/// Copies and groups are matrices of their own; without groups the factor would be √(groups) too large on one group's inputs.
TEST_CASE("each group has its own matrix, and depthwise filters are 1 or -1 in the middle", "[init]") {
  long const copies = 2, taps = 9, in = 3, groups = 4, out = 5;
  double const unit = 1 / std::sqrt(static_cast<double>(taps * in));
  ParameterSpec const spec{"w", {copies, 3, 3, in, groups * out}, unit, Entries::orthogonal, {copies, taps, in, groups, out}};
  std::vector<double> const w = draw_parameter(spec, {});
  std::vector<double> firsts;
  for (long copy = 0; copy < copies; ++copy)
    for (long group = 0; group < groups; ++group) {
      double const* const block = w.data() + (copy * taps + taps / 2) * in * groups * out + group * out;
      CHECK(stretch(block, in, out, groups * out) == Approx(std::sqrt(5.0 / 3)).epsilon(1e-14));
      firsts.push_back(*block);
    }
  std::ranges::sort(firsts);
  CHECK(std::ranges::adjacent_find(firsts) == firsts.end());

  std::vector<double> const depthwise = draw_parameter({"d", {3, 1, 200}, 1 / std::sqrt(3.0), Entries::orthogonal, {1, 3, 1, 200, 1}}, {});
  long positive = 0;
  for (std::size_t i = 0; i < 600; ++i) {
    CHECK(std::abs(depthwise[i]) == (i / 200 == 1 ? 1 : 0));
    positive += depthwise[i] > 0 ? 1 : 0;
  }
  CHECK(std::abs(static_cast<double>(positive) - 100) < 5 * 7.1);  // of 200 coins
}

/// Inputs of mean square 1 at each position: behind weights with w_std 3 the mean square is 9, to rounding, in both parameterizations and at
/// every position, where no layer has fewer channels than the one before.
TEST_CASE("what comes out has the variance w_std² of what goes in, to the last digits", "[init]") {
  for (char const* const words :
       {"[flatten, {dense: {out_dim: 60, w_std: 3, b_std: 2}}]",
        "[flatten, {dense: {out_dim: 30, w_std: 1.5}}, {dense: {out_dim: 31, w_std: 2, parameterization: standard}}]",
        "[flatten, {dense: {out_dim: 30, parameterization: standard, s: [1, 2]}}, {dense: {out_dim: 60, w_std: 3, b_std: 1, "
        "parameterization: "
        "standard, s: [2, 1]}}]",
        "[{conv: {out_chan: 2, filter_shape: [3, 3], w_std: 3}}]",
        "[{conv: {out_chan: 4, filter_shape: [3, 1], w_std: 1.5, padding: SAME, strides: [2, 1], parameterization: standard}},"
        " {conv: {out_chan: 4, filter_shape: [5, 3], w_std: 2, b_std: 1, padding: CIRCULAR}}]",
        "[{conv_local: {out_chan: 3, filter_shape: [3, 3], w_std: 3, padding: SAME}}]",
        "[{conv_transpose: {out_chan: 3, filter_shape: [3, 5], w_std: 3, padding: SAME}}]",
        "[{conv_transpose: {out_chan: 3, filter_shape: [1, 1], w_std: 3}}]"}) {
    INFO(words);
    CHECK(output_variance(words, {5, 3, 2}) == Approx(9).epsilon(1e-13));
    CHECK(std::abs(output_variance(words, {5, 3, 2}, Init::fan_in) - 9) > 1e-3);  // on the average only
  }
}

/// One position and attention without logits: each head's value is orthogonal, and so is what joins the heads.
TEST_CASE("attention has an orthogonal matrix for each head, and one for the way out", "[init]") {
  std::string const words =
      "[{global_self_attention: {n_chan_out: 12, n_chan_key: 4, n_chan_val: 5, n_heads: 2, linear_scaling: false,"
      " attention_mechanism: IDENTITY, w_value_std: 1.5, w_out_std: 2, b_std: 1, pos_emb_type: SUM}}]";
  auto const specs = specs_of(words, {7, 3});
  CHECK(specs[0] == ParameterSpec{"0/w_query", {2, 3, 4}, 1, Entries::orthogonal, {2, 1, 3, 1, 4}});
  CHECK(specs[2] == ParameterSpec{"0/w_value", {2, 3, 5}, 1, Entries::orthogonal, {2, 1, 3, 1, 5}});
  CHECK(specs[3] == ParameterSpec{"0/w_out", {10, 12}, 1, Entries::orthogonal, {1, 1, 10, 1, 12}});
  CHECK(specs[4].entries == Entries::zero);
  CHECK(specs[5] == ParameterSpec{"0/pos_emb", {7, 3}, 1});
  std::string const softmax =
      "[{global_self_attention: {n_chan_out: 12, n_chan_key: 4, n_chan_val: 5, n_heads: 2, w_value_std: 1.5,"
      " w_out_std: 2}}]";
  CHECK(output_variance(softmax, {1, 3}) == Approx(9).epsilon(1e-13));
}

/// Of a Gaussian cut off at 2: P(|x| < 1) = erf(1 / √2) / erf(√2).
TEST_CASE("lecun is a Gaussian that is cut off, with the deviation of one that is not", "[init]") {
  std::vector<double> const values = draw_parameter({"w", {100, 1000}, 0.3, Entries::truncated}, {});
  double squares = 0, inside = 0, sum = 0;
  double const n = static_cast<double>(values.size()), before = 0.3 / 0.87962566103423978;
  for (double const v : values) {
    sum += v;
    squares += v * v;
    inside += std::abs(v) < before ? 1 : 0;
    CHECK_FALSE(std::abs(v) > 2 * before);
  }
  double const share = std::erf(std::sqrt(0.5)) / std::erf(std::sqrt(2.0));
  CHECK(std::abs(sum / n) < 5 * 0.3 / std::sqrt(n));
  CHECK(std::abs(squares / n / 0.09 - 1) < 5 * std::sqrt(1.4 / n));  // fourth moment below 2.4
  CHECK(std::abs(inside / n - share) < 5 * std::sqrt(share * (1 - share) / n));
}

TEST_CASE("what suo cannot fill is named", "[init]") {
  auto const message = [](std::string const& words) { return message_of([&] { specs_of(words, {6, 4, 2}); }); };
  CHECK(message("[relu, {conv: {out_chan: 3, filter_shape: [3, 2]}}]")
        == "net.yaml:1: layer 1 (conv): filter_shape [3, 2] has an even extent, and suo puts all weights in the middle of a filter. Make all "
           "extents odd, or choose another parameters.init.");
  CHECK(message("[{conv_local: {out_chan: 3, filter_shape: [4, 1]}}]").find("filter_shape [4, 1]") != std::string::npos);
  CHECK(message("[{conv_transpose: {out_chan: 3, filter_shape: [3, 3], strides: [2, 2], padding: SAME}}]")
        == "net.yaml:1: layer 0 (conv_transpose): with strides the middle of a filter, where suo puts all weights, leaves output positions at "
           "0. Put an image_resize before a convolution, or choose another parameters.init.");
  CHECK(message("[{conv_transpose: {out_chan: 3, filter_shape: [3, 3]}}]")
        == "net.yaml:1: layer 0 (conv_transpose): with padding VALID the middle of a filter, where suo puts all weights, leaves output "
           "positions at 0. Set padding to SAME, or choose another parameters.init.");
  CHECK(message_of([] { specs_of("[{conv: {out_chan: 3, filter_shape: [3, 2]}}]", {6, 4, 2}, Init::fan_in); }) == "no error");
}

TEST_CASE("an orthogonal parameter depends on draw and path alone", "[init]") {
  ParameterSpec const spec{"0/w", {40, 30}, 1, Entries::orthogonal, {1, 1, 40, 1, 30}},
      other{"1/w", {40, 30}, 1, Entries::orthogonal, {1, 1, 40, 1, 30}};
  auto const values = draw_parameter(spec, {3, 2});
  CHECK(draw_parameter(spec, {3, 2}) == values);
  for (auto const& [changed, draw] : {std::pair(other, Draw{3, 2}), std::pair(spec, Draw{4, 2}), std::pair(spec, Draw{3, 1})})
    CHECK(draw_parameter(changed, draw)[0] != values[0]);
}
