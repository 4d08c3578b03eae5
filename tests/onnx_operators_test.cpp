// Operators of ONNX one by one, in graphs of one node: functions against their formulas, and what else golden networks do not have.
#include <cmath>
#include <functional>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/onnx_graphs.hpp"

using namespace infinitile;
using namespace infinitile::onnx_graphs;

namespace {

struct Case {
  std::string op;
  Attributes attributes;
  std::function<double(double)> f;
};

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace

TEST_CASE("functions of one operand are their formulas", "[onnx]") {
  auto const clamp = [](double x) { return std::min(std::max(x, 0.0), 1.0); };
  std::vector<Case> const cases{
      {"Relu", {}, [](double x) { return std::max(x, 0.0); }},
      {"LeakyRelu", {{"alpha", {0.2}}}, [](double x) { return x > 0 ? x : 0.2 * x; }},
      {"Elu", {{"alpha", {0.7}}}, [](double x) { return x > 0 ? x : 0.7 * std::expm1(x); }},
      {"Selu", {{"alpha", {1.5}}, {"gamma", {2.0}}}, [](double x) { return 2 * (x > 0 ? x : 1.5 * std::expm1(x)); }},
      {"Celu", {{"alpha", {0.7}}}, [](double x) { return x > 0 ? x : 0.7 * std::expm1(x / 0.7); }},
      {"HardSigmoid", {}, [&](double x) { return clamp(0.2 * x + 0.5); }},
      {"HardSwish", {}, [&](double x) { return x * clamp(x / 6 + 0.5); }},
      {"Mish", {}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"Swish", {{"alpha", {2.0}}}, [](double x) { return x * logistic(2 * x); }},
      {"Sigmoid", {}, logistic},
      {"Tanh", {}, [](double x) { return std::tanh(x); }},
      {"Erf", {}, [](double x) { return std::erf(x); }},
      {"Softplus", {}, [](double x) { return std::log1p(std::exp(x)); }},
      {"Softsign", {}, [](double x) { return x / (1 + std::abs(x)); }},
      {"Gelu", {}, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"Gelu",
       {{"approximate", {std::string("tanh")}}},
       [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }},
      {"Exp", {}, [](double x) { return std::exp(x); }},
      {"Abs", {}, [](double x) { return std::abs(x); }},
      {"Neg", {}, [](double x) { return -x; }},
      {"Sin", {}, [](double x) { return std::sin(x); }},
      {"Cos", {}, [](double x) { return std::cos(x); }},
      {"Identity", {}, [](double x) { return x; }},
  };
  for (Case const& each : cases) {
    CAPTURE(each.op);
    Vector expected;
    for (double const x : samples) expected.push_back(each.f(x));
    near(run(node(each.op, {"x"}, each.attributes), {}, {3}, samples).numbers, expected);
  }
  Vector const positive{0.25, 1, 9};
  for (auto const& [op, f] : std::vector<std::pair<std::string, double (*)(double)>>{{"Log", [](double x) { return std::log(x); }},
                                                                                     {"Sqrt", [](double x) { return std::sqrt(x); }},
                                                                                     {"Reciprocal", [](double x) { return 1 / x; }}})
    near(run(node(op), {}, {3}, positive).numbers, {f(0.25), f(1), f(9)});
}

TEST_CASE("comparisons choose, and what is not chosen may be infinite", "[onnx]") {
  double const infinity = std::numeric_limits<double>::infinity();
  OnnxModel const model =
      graph({node("Greater", {"x", "limit"}, {}, "above"), node("Where", {"above", "x", "low"})},
            {{"limit", {NumberKind::floating, {}, {0.5}}}, {"low", {NumberKind::floating, {3}, {-infinity, 1, 2}}}}, {std::nullopt, 3});
  CHECK(run(model, samples).numbers == Vector{-infinity, 1, 2, -infinity, 1.25, 4});
  CHECK(import_onnx(model, {}).parameters.empty());  // a threshold, and what is not finite
  OnnxArray const ones{NumberKind::floating, {1}, {1}};
  CHECK(run(node("Max", {"x", "one"}), {{"one", ones}}, {3}, samples).numbers == Vector{1, 1, 1, 1, 1.25, 4});
  CHECK(run(node("Min", {"x", "one"}), {{"one", ones}}, {3}, samples).numbers == Vector{-2.5, -0.75, 0, 0.3, 1, 1});
}

/// The same by numbers that are added: 0 where a position may be seen, far below where not.
TEST_CASE("attention does not look where a mask that is computed is false", "[onnx]") {
  Arrays const constants{{"limit", {NumberKind::floating, {}, {0.1}}},
                         {"axes", integers({1, 2})},
                         {"last", integers({2})},
                         {"no", {NumberKind::floating, {}, {0}}},
                         {"far", {NumberKind::floating, {}, {-1e4}}}};
  std::vector<OnnxNode> const mask{node("ReduceSum", {"x", "last"}, {{"keepdims", {0L}}}, "sums"),
                                   node("Greater", {"sums", "limit"}, {}, "seen"), node("Unsqueeze", {"seen", "axes"}, {}, "truth"),
                                   node("Where", {"truth", "no", "far"}, {}, "numbers")};
  auto const attend = [&](std::vector<std::string> const& operands) {
    std::vector<OnnxNode> nodes = mask;
    nodes.push_back(node("Attention", operands, {{"q_num_heads", {1L}}, {"kv_num_heads", {1L}}}));
    return run(graph(nodes, constants, {std::nullopt, 3, 2}, 23), {0.5, 1, -2, 1, 0.3, 0.4, 1, 2, 3, 4, -5, 1}).numbers;
  };
  Vector const found = attend({"x", "x", "x", "truth"});
  near(found, attend({"x", "x", "x", "numbers"}));
  CHECK(std::abs(found[0] - attend({"x", "x", "x"})[0]) > 0.01);
}

TEST_CASE("parts of values are those of their indices", "[onnx]") {
  Vector const x{0, 1, 2, 3, 4, 5};
  auto const slice = [&](Vector const& starts, Vector const& ends, Vector const& axes, Vector const& steps) {
    return run(node("Slice", {"x", "starts", "ends", "axes", "steps"}),
               {{"starts", integers(starts)}, {"ends", integers(ends)}, {"axes", integers(axes)}, {"steps", integers(steps)}}, {2, 3}, x);
  };
  CHECK(slice({1}, {9e18}, {2}, {1}).numbers == Vector{1, 2, 4, 5});
  CHECK(slice({-1}, {-9e18}, {-1}, {-2}).numbers == Vector{2, 0, 5, 3});
  CHECK(slice({1, 0}, {2, 3}, {1, 2}, {1, 2}).numbers == Vector{3, 5});
  Result const gathered = run(node("Gather", {"x", "i"}, {{"axis", {2L}}}), {{"i", {NumberKind::integer, {2, 1}, {-1, 0}}}}, {2, 3}, x);
  CHECK(gathered.shape == Shape{2, 2, 1});
  CHECK(gathered.numbers == Vector{2, 0, 5, 3});
  Arrays const pads{{"pads", integers({0, 1, 0, 0, 0, 2})}, {"v", {NumberKind::floating, {}, {7}}}};
  CHECK(run(node("Pad", {"x", "pads", "v"}), pads, {2, 3}, x).numbers == Vector{7, 7, 7, 7, 7, 0, 1, 2, 7, 7, 3, 4, 5, 7, 7});
  Arrays const around{{"pads", integers({0, 0, 2, 0, 0, 1})}};
  CHECK(run(node("Pad", {"x", "pads"}, {{"mode", {std::string("reflect")}}}), around, {2, 3}, x).numbers
        == Vector{2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4});
  CHECK(run(node("Pad", {"x", "pads"}, {{"mode", {std::string("edge")}}}), around, {2, 3}, x).numbers
        == Vector{0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5});
}

TEST_CASE("pools with padding and ceil_mode count what is there", "[onnx]") {
  Vector const x{1, 2, 3, 4, 5};
  auto const pool = [&](std::string const& op, Attributes attributes) {
    attributes["kernel_shape"] = {std::vector<long>{2}};
    attributes["strides"] = {std::vector<long>{2}};
    return run(node(op, {"x"}, attributes), {}, {1, 5}, x).numbers;
  };
  OnnxAttribute const both{std::vector<long>{1, 0}}, one{1L}, same{std::string("SAME_UPPER")};
  CHECK(pool("MaxPool", {}) == Vector{2, 4});
  CHECK(pool("MaxPool", {{"ceil_mode", one}}) == Vector{2, 4, 5});
  CHECK(pool("AveragePool", {{"ceil_mode", one}}) == Vector{1.5, 3.5, 5});
  CHECK(pool("AveragePool", {{"pads", both}}) == Vector{1, 2.5, 4.5});
  CHECK(pool("AveragePool", {{"pads", both}, {"count_include_pad", one}}) == Vector{0.5, 2.5, 4.5});
  CHECK(pool("MaxPool", {{"auto_pad", same}}) == Vector{2, 4, 5});
}

TEST_CASE("a transposed convolution is the transpose of the convolution, in groups too", "[onnx]") {
  // <conv(u), v> = <u, conv_transpose(v)> with the same weights (out, in / groups, taps), read as (in, out / groups, taps).
  long const groups = GENERATE(1L, 2L);
  Vector weights, u, v;
  for (int i = 0; i < 4 * 2 * 3; ++i) weights.push_back(std::sin(i + 1));
  long const in = 2 * groups;
  OnnxArray const w{NumberKind::floating, {4, 2, 3}, weights};
  Attributes const attributes{
      {"group", {groups}}, {"strides", {std::vector<long>{2}}}, {"pads", {std::vector<long>{1, 1}}}, {"dilations", {std::vector<long>{2}}}};
  for (int i = 0; i < in * 9; ++i) u.push_back(std::cos(3 * i));
  Result const forward = run(node("Conv", {"x", "w"}, attributes), {{"w", w}}, {in, 9}, u);
  REQUIRE(forward.shape == Shape{4, 4});
  for (int i = 0; i < 16; ++i) v.push_back(std::cos(2 * i + 1));
  Result const back = run(node("ConvTranspose", {"x", "w"}, attributes), {{"w", w}}, {4, 4}, v);
  REQUIRE(back.shape == Shape{in, 9});
  double one = 0, other = 0;
  for (std::size_t i = 0; i < v.size(); ++i) one += forward.numbers[i] * v[i];
  for (std::size_t i = 0; i < u.size(); ++i) other += u[i] * back.numbers[i];
  CHECK(one == Approx(other).epsilon(1e-13));
}

TEST_CASE("normalizations have mean 0 and variance 1 over what they normalize", "[onnx]") {
  Vector x, ones(4, 1), zeros(4, 0);
  for (int i = 0; i < 4 * 3; ++i) x.push_back(std::sin(5 * i));
  Arrays const four{{"scale", {NumberKind::floating, {4}, ones}}, {"bias", {NumberKind::floating, {4}, zeros}}};
  auto const check = [](Vector const& y, std::size_t width) {
    for (std::size_t first = 0; first < y.size(); first += width) {
      double mean = 0, square = 0;
      for (std::size_t i = first; i < first + width; ++i) mean += y[i], square += y[i] * y[i];
      CHECK(std::abs(mean) < 1e-13);
      CHECK(square / static_cast<double>(width) == Approx(1).epsilon(1e-12));
    }
  };
  Attributes const exact{{"epsilon", {0.0}}};
  check(run(node("InstanceNormalization", {"x", "scale", "bias"}, exact), four, {4, 3}, x).numbers, 3);
  Attributes groups = exact;
  groups["num_groups"] = {2L};
  check(run(node("GroupNormalization", {"x", "scale", "bias"}, groups), four, {4, 3}, x, 21).numbers, 6);
  Arrays const two{{"scale", {NumberKind::floating, {2}, {1, 1}}}, {"bias", {NumberKind::floating, {2}, {0, 0}}}};
  check(run(node("GroupNormalization", {"x", "scale", "bias"}, groups), two, {4, 3}, x, 18).numbers, 6);
  Arrays const whole{{"scale", {NumberKind::floating, {4, 3}, Vector(12, 1)}}};
  Attributes last = exact;
  last["axis"] = {-2L};
  check(run(node("LayerNormalization", {"x", "scale"}, last), whole, {4, 3}, x).numbers, 12);
}

TEST_CASE("sums of exponentials are 1, along any axis and as older sets have it", "[onnx]") {
  Vector const x{0.5, -1, 2, 0, 1000, 999};
  Vector const rows = run(node("Softmax", {"x"}, {{"axis", {2L}}}), {}, {2, 3}, x).numbers,
               cols = run(node("Softmax", {"x"}, {{"axis", {1L}}}), {}, {2, 3}, x).numbers,
               all = run(node("Softmax", {"x"}), {}, {2, 3}, x, 11).numbers, logs = run(node("LogSoftmax"), {}, {2, 3}, x).numbers;
  CHECK(rows[0] + rows[1] + rows[2] == Approx(1).epsilon(1e-14));
  CHECK(cols[0] + cols[3] == Approx(1).epsilon(1e-14));
  CHECK(all[4] == Approx(1 / (1 + std::exp(-1.0))).epsilon(1e-13));
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::exp(logs[i]) == Approx(rows[i]).epsilon(1e-13));
  CHECK(logs[3] == Approx(-1000 - std::log1p(std::exp(-1.0))).epsilon(1e-14));
}

TEST_CASE("heads and samples along one axis find back to their places", "[onnx]") {
  // As PyTorch's attention does it: (n, 2, 4) to (2, 2 n, 2), and back by other ways.
  std::vector<OnnxNode> const nodes{node("Shape", {"x"}, {}, "shape"),
                                    node("Slice", {"shape", "zero", "one"}, {}, "n"),
                                    node("Mul", {"n", "two"}, {}, "heads"),
                                    node("Transpose", {"x"}, {{"perm", {std::vector<long>{1, 0, 2}}}}, "t"),
                                    node("Concat", {"two", "heads", "two"}, {{"axis", {0L}}}, "cut"),
                                    node("Reshape", {"t", "cut"}, {}, "h"),
                                    node("Concat", {"two", "n", "four"}, {{"axis", {0L}}}, "whole"),
                                    node("Reshape", {"h", "whole"}, {}, "w"),
                                    node("Transpose", {"w"}, {{"perm", {std::vector<long>{1, 0, 2}}}})};
  Arrays const constants{{"zero", integers({0})}, {"one", integers({1})}, {"two", integers({2})}, {"four", integers({4})}};
  Vector x;
  for (int i = 0; i < 24; ++i) x.push_back(i);
  Result const same = run(graph(nodes, constants, {std::nullopt, 2, 4}), x);
  CHECK(same.shape == Shape{2, 4});
  CHECK(same.numbers == x);
  std::vector<OnnxNode> mixed = nodes;
  mixed[6].inputs = {"n", "two", "four"};
  CHECK_THROWS_WITH(run(graph(mixed, constants, {std::nullopt, 2, 4}), x), Catch::Contains("node 7 (Reshape)") && Catch::Contains("mix"));
}
