// Operators of ONNX that resize, sum and rearrange.
#include <cmath>
#include <functional>

#include "support/catch.hpp"
#include "support/onnx_graphs.hpp"

using namespace infinitile;
using namespace infinitile::onnx_graphs;

/// Expected: onnx.reference.ReferenceEvaluator of onnx 1.23.2, opset 18.
TEST_CASE("an axis is resized as the standard says", "[onnx]") {
  struct Resize {
    Attributes attributes;
    Vector scales, sizes, expected;
    double accuracy = 1e-13;
  };
  auto const mode = [](std::string const& name, std::string const& places = "half_pixel", Attributes more = {}) {
    more["mode"] = {name};
    more["coordinate_transformation_mode"] = {places};
    return more;
  };
  Attributes const floor{{"nearest_mode", {std::string("floor")}}}, ceil{{"nearest_mode", {std::string("ceil")}}},
      up{{"nearest_mode", {std::string("round_prefer_ceil")}}}, inside{{"cubic_coeff_a", {-0.5}}, {"exclude_outside", {1L}}};
  for (Resize const& each : std::vector<Resize>{
           {{}, {}, {1, 8}, {1, 1, -2, 4, 4, 0.5, 3, 3}},
           {mode("nearest", "asymmetric", floor), {1, 1, 2}, {}, {1, 1, -2, -2, 4, 4, 0.5, 0.5, 3, 3}},
           {mode("nearest", "asymmetric", ceil), {}, {1, 3}, {1, 4, 3}},
           {mode("nearest", "align_corners", up), {}, {1, 8}, {1, -2, -2, 4, 4, 0.5, 0.5, 3}},
           {mode("linear"), {}, {1, 8}, {1, -0.3125, -1.625, 2.125, 2.90625, 0.71875, 1.90625, 3}},
           {mode("linear", "pytorch_half_pixel"), {}, {1, 3}, {0, 4, 2.1666666666666674}},
           {mode("linear", "pytorch_half_pixel"), {}, {1, 1}, {1}},
           {mode("linear", "align_corners"),
            {},
            {1, 8},
            {1, -0.71428571428571419, -1.1428571428571432, 2.2857142857142851, 3.0000000000000004, 0.99999999999999978, 1.571428571428571,
             3}},
           {mode("linear", "half_pixel_symmetric"), {1, 1, 1.5}, {}, {1, -1, 0, 4, 1.6666666666666672, 1.3333333333333326, 3}},
           {mode("linear"), {1, 1, 1.5}, {}, {1, -0.5, -1, 3, 2.25, 0.9166666666666663, 2.5833333333333326}},
           {mode("cubic"),
            {},
            {1, 8},
            {1.27850341796875, -0.77392578125, -1.815887451171875, 2.482513427734375, 3.515533447265625, 0.587371826171875,
             1.642852783203125, 3.232086181640625}},
           {mode("cubic", "half_pixel", inside),
            {},
            {1, 8},
            {1.2158671586715868, -0.48647105833999316, -1.85479736328125, 2.52447509765625, 3.40643310546875, 0.57135009765625,
             1.8367964379495378, 3.1798892988929892}},
           {mode("cubic", "align_corners"), {}, {1, 4}, {1, -0.25, 1.6574074074074074, 3}, 1e-6},  // its places are of single precision
       }) {
    CAPTURE(each.expected);
    bool const scaled = !each.scales.empty();
    Attributes attributes = each.attributes;
    if (!scaled) attributes["axes"] = {std::vector<long>{1, 2}};  // a size of the samples would be one that mixes them
    Arrays constants{{"scales", {NumberKind::floating, {std::ssize(each.scales)}, each.scales}}, {"sizes", integers(each.sizes)}};
    constants.erase(scaled ? "sizes" : "scales");
    Result const found =
        run(node("Resize", {"x", "", scaled ? "scales" : "", scaled ? "" : "sizes"}, attributes), constants, {1, 5}, {1, -2, 4, 0.5, 3});
    CHECK(found.shape == Shape{1, std::ssize(each.expected)});
    REQUIRE(found.numbers.size() == each.expected.size());
    for (std::size_t i = 0; i < found.numbers.size(); ++i)
      CHECK(found.numbers[i] == Approx(each.expected[i]).epsilon(each.accuracy).margin(each.accuracy));
  }
  Arrays const both{{"sizes", integers({4, 3})}};
  Attributes const axes{{"axes", {std::vector<long>{-2, -1}}}, {"coordinate_transformation_mode", {std::string("asymmetric")}}};
  Result const image = run(node("Resize", {"x", "", "", "sizes"}, axes), both, {1, 2, 3}, {0, 1, 2, 3, 4, 5});
  CHECK(image.shape == Shape{1, 4, 3});
  CHECK(image.numbers == Vector{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});  // 0, 0.5, 1, 1.5: halves go down
}

TEST_CASE("sums over letters are sums of products", "[onnx]") {
  Vector const x{1, 2, 3, -1, 0.5, 4, 2, 1, 0, 3, -2, 1};  // two samples of (2, 3)
  OnnxArray const a{NumberKind::floating, {3, 2}, {1, 2, -1, 0.5, 3, -2}}, v{NumberKind::floating, {3}, {2, -1, 3}};
  auto const einsum = [&](std::string const& equation, std::vector<std::string> const& operands) {
    return run(node("Einsum", operands, {{"equation", {equation}}}), {{"a", a}, {"v", v}}, {2, 3}, x);
  };
  auto const at_x = [&](int n, int i, int j) { return x[static_cast<std::size_t>(6 * n + 3 * i + j)]; };
  auto const at_a = [&](int j, int k) { return a.numbers[static_cast<std::size_t>(2 * j + k)]; };
  auto const expect = [&](Result const& found, int rows, int cols, std::function<double(int n, int r, int c)> const& f) {
    Vector expected;
    for (int n = 0; n < 2; ++n)
      for (int r = 0; r < rows; ++r)
        for (int c = 0; c < cols; ++c) expected.push_back(f(n, r, c));
    near(found.numbers, expected);
  };
  auto const product = [&](int n, int i, int k) {
    return at_x(n, i, 0) * at_a(0, k) + at_x(n, i, 1) * at_a(1, k) + at_x(n, i, 2) * at_a(2, k);
  };
  expect(einsum("bij,jk->bik", {"x", "a"}), 2, 2, product);
  expect(einsum("bij,jk->kbi", {"x", "a"}), 2, 2, [&](int n, int k, int i) { return product(n, i, k); });
  expect(einsum("bij, jk", {"x", "a"}), 2, 2, product);
  expect(einsum("bij->bj", {"x"}), 1, 3, [&](int n, int, int j) { return at_x(n, 0, j) + at_x(n, 1, j); });
  expect(einsum("bij,bij->bi", {"x", "x"}), 1, 2,
         [&](int n, int, int i) { return at_x(n, i, 0) * at_x(n, i, 0) + at_x(n, i, 1) * at_x(n, i, 1) + at_x(n, i, 2) * at_x(n, i, 2); });
  expect(einsum("bij,j,jk->bki", {"x", "v", "a"}), 2, 2, [&](int n, int k, int i) {
    double sum = 0;
    for (int j = 0; j < 3; ++j) sum += at_x(n, i, j) * v.numbers[static_cast<std::size_t>(j)] * at_a(j, k);
    return sum;
  });
  expect(einsum("bij,bkj->bik", {"x", "x"}), 2, 2, [&](int n, int i, int k) {
    return at_x(n, i, 0) * at_x(n, k, 0) + at_x(n, i, 1) * at_x(n, k, 1) + at_x(n, i, 2) * at_x(n, k, 2);
  });
  expect(einsum("jk,bij->bik", {"a", "x"}), 2, 2, product);
  expect(einsum("bij,k->bikj", {"x", "v"}), 2, 9,
         [&](int n, int i, int kj) { return at_x(n, i, kj % 3) * v.numbers[static_cast<std::size_t>(kj / 3)]; });
  CHECK_THROWS_WITH(einsum("bii,jk->bk", {"x", "a"}), Catch::Contains("takes a diagonal"));
  CHECK_THROWS_WITH(einsum("...j,jk->...k", {"x", "a"}), Catch::Contains("ellipsis"));
  CHECK_THROWS_WITH(einsum("bij,kj->bik", {"x", "a"}), Catch::Contains("has 3 and 2 entries along j"));
  CHECK_THROWS_WITH(einsum("bij,jk->ik", {"x", "a"}), Catch::Contains("batch"));
}

TEST_CASE("triangles, running sums, extremes and blocks are those of their indices", "[onnx]") {
  Vector const x{1, 2, 3, 4, 5, 6, 7, 8, 9};
  auto const triangle = [&](long upper, double k) {
    return run(node("Trilu", {"x", "k"}, {{"upper", {upper}}}), {{"k", {NumberKind::integer, {}, {k}}}}, {3, 3}, x).numbers;
  };
  CHECK(triangle(1, 0) == Vector{1, 2, 3, 0, 5, 6, 0, 0, 9});
  CHECK(triangle(1, 1) == Vector{0, 2, 3, 0, 0, 6, 0, 0, 0});
  CHECK(triangle(0, -1) == Vector{0, 0, 0, 4, 0, 0, 7, 8, 0});
  auto const sums = [&](long exclusive, long reverse) {
    return run(node("CumSum", {"x", "axis"}, {{"exclusive", {exclusive}}, {"reverse", {reverse}}}),
               {{"axis", {NumberKind::integer, {}, {-1}}}}, {2, 3}, {1, 2, 4, 8, 16, 32})
        .numbers;
  };
  CHECK(sums(0, 0) == Vector{1, 3, 7, 8, 24, 56});
  CHECK(sums(1, 0) == Vector{0, 1, 3, 0, 8, 24});
  CHECK(sums(0, 1) == Vector{7, 6, 4, 56, 48, 32});
  CHECK(sums(1, 1) == Vector{6, 4, 0, 48, 32, 0});
  auto const reduced = [&](std::string const& op) {
    return run(node(op, {"x", "axes"}, {{"keepdims", {0L}}}), {{"axes", integers({2})}}, {2, 3}, {1, -2, 4, 800, 801, 799}).numbers;
  };
  CHECK(reduced("ReduceMin") == Vector{-2, 799});
  CHECK(reduced("ReduceL1") == Vector{7, 2400});
  near(reduced("ReduceLogSumExp"), {std::log(std::exp(1) + std::exp(-2) + std::exp(4)), 801 + std::log(1 + std::exp(-1) + std::exp(-2))});
  Arrays const corners{{"i", {NumberKind::integer, {2, 1, 2}, {0, -1, 2, 0}}}};
  OnnxModel const looked =
      graph({node("Transpose", {"x"}, {{"perm", {std::vector<long>{1, 2, 0}}}}, "t"), node("GatherND", {"t", "i"}, {}, "g"),
             node("Transpose", {"g"}, {{"perm", {std::vector<long>{2, 0, 1}}}})},
            corners, {std::nullopt, 3, 3});
  CHECK(run(looked, x).shape == Shape{2, 1});
  CHECK(run(looked, x).numbers == Vector{3, 7});
  // Channel 2 i + j of position p is at row i, column j of block p; CRD the same for one channel.
  Vector const blocks{0, 1, 10, 11, 20, 21, 30, 31};
  Attributes const two{{"blocksize", {2L}}}, crd{{"blocksize", {2L}}, {"mode", {std::string("CRD")}}};
  CHECK(run(node("DepthToSpace", {"x"}, two), {}, {4, 1, 2}, blocks).numbers == Vector{0, 10, 1, 11, 20, 30, 21, 31});
  CHECK(run(node("SpaceToDepth", {"x"}, two), {}, {1, 2, 4}, {0, 10, 1, 11, 20, 30, 21, 31}).numbers == blocks);
  Vector const eight{0, 1, 2, 3, 4, 5, 6, 7};
  CHECK(run(node("DepthToSpace", {"x"}, two), {}, {8, 1, 1}, eight).numbers == Vector{0, 2, 4, 6, 1, 3, 5, 7});
  CHECK(run(node("DepthToSpace", {"x"}, crd), {}, {8, 1, 1}, eight).numbers == eight);
}

TEST_CASE("what is not a number is found, and guards change nothing", "[onnx]") {
  OnnxModel const model =
      graph({node("Softmax", {"x"}, {{"axis", {-1L}}}, "s"), node("IsNaN", {"s"}, {}, "bad"), node("Where", {"bad", "no", "s"})},
            {{"no", {NumberKind::integer, {}, {7}}}}, {std::nullopt, 3});
  CHECK(run(model, samples).numbers == run(node("Softmax", {"x"}, {{"axis", {-1L}}}), {}, {3}, samples).numbers);
#ifndef INFINITILE_TRAP_NAN
  double const nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(run(node("IsNaN"), {}, {3}, {0, nan, -1}).numbers == Vector{0, 1, 0});
#endif
}

TEST_CASE("lists of parts, copies, signs and means are those of their entries", "[onnx]") {
  Vector const x{1, -2, 3, 0, 5, -6};
  auto const part = [&](std::optional<OnnxArray> sizes, double which, long keeps = 1) {
    Arrays constants{{"i", {NumberKind::integer, {}, {which}}}};
    if (sizes) constants["sizes"] = *sizes;
    std::vector<std::string> const operands = sizes ? std::vector<std::string>{"x", "sizes"} : std::vector<std::string>{"x"};
    return run(
        graph({node("SplitToSequence", operands, {{"axis", {1L}}, {"keepdims", {keeps}}}, "parts"), node("SequenceAt", {"parts", "i"})},
              constants, {std::nullopt, 6}),
        x);
  };
  OnnxArray const four{NumberKind::integer, {}, {4}};
  CHECK(part(four, 0).numbers == Vector{1, -2, 3, 0});
  CHECK(part(four, -1).numbers == Vector{5, -6});
  CHECK(part(integers({1, 2, 3}), 1).numbers == Vector{-2, 3});
  CHECK(part(std::nullopt, 4).shape == Shape{1});
  CHECK(part(std::nullopt, 4).numbers == Vector{5});
  CHECK_THROWS_WITH(part(four, 2), Catch::Contains("it picks number 2 of 2"));
  CHECK_THROWS_WITH(part(integers({1, 2}), 0), Catch::Contains("do not add up"));
  CHECK(run(node("Tile", {"x", "r"}), {{"r", integers({1, 2, 1})}}, {2, 3}, x).numbers == Vector{1, -2, 3, 0, 5, -6, 1, -2, 3, 0, 5, -6});
  CHECK(run(node("Sign"), {}, {6}, x).numbers == Vector{1, -1, 1, 0, 1, -1});
  near(run(node("Mean", {"x", "one", "x"}), {{"one", {NumberKind::floating, {1}, {1}}}}, {6}, {3, 0, 0, 0, 0, 6}).numbers,
       {7.0 / 3, 1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0 / 3, 13.0 / 3});
}

TEST_CASE("entries of known arrays are taken and put by known places", "[onnx]") {
  OnnxArray const ids{NumberKind::integer, {2, 3}, {0, 1, 2, 3, 4, 5}}, places{NumberKind::integer, {2, 2}, {2, 0, -1, 1}};
  OnnxModel const taken = graph(
      {node("GatherElements", {"ids", "places"}, {{"axis", {1L}}}, "t"), node("Cast", {"t"}, {{"to", {1L}}}, "f"), node("Add", {"x", "f"})},
      {{"ids", ids}, {"places", places}}, {std::nullopt, 2, 2});
  CHECK(run(taken, {0, 0, 0, 0}).numbers == Vector{2, 0, 5, 4});
  OnnxModel const put =
      graph({node("ScatterND", {"ids", "rows", "new"}, {}, "t"), node("Cast", {"t"}, {{"to", {1L}}}, "f"), node("Add", {"x", "f"})},
            {{"ids", ids}, {"rows", {NumberKind::integer, {1, 1}, {-2}}}, {"new", {NumberKind::integer, {1, 3}, {7, 8, 9}}}},
            {std::nullopt, 2, 3});
  CHECK(run(put, {0, 0, 0, 0, 0, 0}).numbers == Vector{7, 8, 9, 3, 4, 5});
}

TEST_CASE("part of the samples is refused, all of them are not", "[onnx]") {
  Vector const x{1, 2, 3, 4, 5, 6};
  auto const slice = [&](double start, double end, double step) {
    return run(node("Slice", {"x", "s", "e", "a", "d"}),
               {{"s", integers({start})}, {"e", integers({end})}, {"a", integers({0})}, {"d", integers({step})}}, {3}, x);
  };
  CHECK(slice(0, 9e18, 1).numbers == x);
  CHECK_THROWS_WITH(slice(0, 1, 1), Catch::Contains("along which the samples lie"));
  CHECK_THROWS_WITH(slice(-1, 9e18, 1), Catch::Contains("along which the samples lie"));
  CHECK_THROWS_WITH(slice(-1, -9e18, -1), Catch::Contains("along which the samples lie"));
  CHECK_THROWS_WITH(run(node("Gather", {"x", "i"}), {{"i", integers({0})}}, {3}, x), Catch::Contains("along which the samples lie"));
  CHECK_THROWS_WITH(run(node("SplitToSequence", {"x"}, {}, "y"), {}, {3}, x), Catch::Contains("along which the samples lie"));
  Arrays const last{{"one", integers({1})}, {"e", integers({9e18})}, {"a", integers({0})}};
  OnnxModel const last_one =
      graph({node("Shape", {"x"}, {{"end", {1L}}}, "n"), node("Sub", {"n", "one"}, {}, "s"), node("Slice", {"x", "s", "e", "a"})}, last,
            {std::nullopt, 3});
  CHECK_THROWS_WITH(run(last_one, x), Catch::Contains("computes with the size of the batch"));
  Attributes const both{{"axes", {std::vector<long>{-1}}}};
  CHECK_THROWS_WITH(run(node("Resize", {"x", "", "", "sizes"}), {{"sizes", integers({1, 6})}}, {3}, x),
                    Catch::Contains("along which the samples lie"));
  CHECK(run(node("Resize", {"x", "", "", "sizes"}, both), {{"sizes", integers({6})}}, {3}, x).shape == Shape{6});
  Arrays const whole{{"s", integers({0})}, {"a", integers({0})}};  // up to the number of samples, which the graph computes
  CHECK(run(graph({node("Shape", {"x"}, {{"end", {1L}}}, "n"), node("Slice", {"x", "s", "n", "a"})}, whole, {std::nullopt, 3}), x).numbers
        == x);
}

/// Each of these once read beyond an array, divided by 0 or asked for all memory.
TEST_CASE("nodes of damaged files are refused in words", "[onnx]") {
  OnnxArray const none{NumberKind::integer, {0}, {}};
  auto const refused = [](OnnxNode const& one, Arrays const& constants, std::string const& words) {
    CHECK_THROWS_WITH(run(one, constants, {2, 3}, {1, 2, 3, 4, 5, 6}), Catch::Contains(words));
  };
  refused(node("Einsum", {"x", "a"}, {{"equation", {std::string("bij,jk->i,k")}}}), {{"a", {NumberKind::floating, {3, 1}, {1, 1, 1}}}},
          "gives an axis twice");
  refused(node("Trilu", {"x", "k"}), {{"k", none}}, "the diagonal, is empty");
  refused(node("CumSum", {"x", "k"}), {{"k", none}}, "the axis, is empty");
  for (char const* const op : {"ReduceMax", "ReduceMin", "ReduceSum"})
    refused(node(op, {"x", "axes"}), {{"axes", integers({1, -2})}}, "names an axis twice");
  refused(node("Gather", {"x", "i"}, {{"axis", {1L}}}), {{"i", none}}, "takes nothing of axis 1");
  refused(node("Gather", {"x", "i"}, {{"axis", {1L}}}), {{"i", integers({4294967296.0})}}, "takes entry 4294967296");
  double const huge = std::ldexp(1.0, 62);
  refused(node("SplitToSequence", {"x", "s"}, {{"axis", {1L}}}), {{"s", integers({huge, huge, huge, huge, 2})}}, "do not add up");
  refused(node("Tile", {"x", "r"}), {{"r", integers({1, std::ldexp(1.0, 40), 1})}}, "it makes");
  refused(node("Resize", {"x", "", "", "s"}, {{"axes", {std::vector<long>{2}}}}), {{"s", integers({1e10})}}, "it makes");
  refused(node("DepthToSpace", {"x"}, {{"blocksize", {1L << 32}}}), {}, "has no blocks");
  OnnxModel const list = graph({node("SplitToSequence", {"x"}, {{"axis", {1L}}}, "parts"), node("Relu", {"parts"})}, {}, {std::nullopt, 3});
  CHECK_THROWS_WITH(run(list, {1, 2, 3}), Catch::Contains("takes a list of tensors, parts"));
}

TEST_CASE("parts of a shape are known", "[onnx]") {
  OnnxModel const model = graph(
      {node("Shape", {"x"}, {}, "shape"), node("SplitToSequence", {"shape"}, {{"keepdims", {1L}}}, "sizes"),
       node("SequenceAt", {"sizes", "i"}, {}, "n"), node("Concat", {"n", "rest"}, {{"axis", {0L}}}, "to"), node("Reshape", {"x", "to"})},
      {{"i", {NumberKind::integer, {}, {0}}}, {"rest", integers({-1})}}, {std::nullopt, 2, 3});
  CHECK(run(model, {1, 2, 3, 4, 5, 6}).shape == Shape{6});
}
