#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/index.hpp"
#include "base/text.hpp"
#include "onnx/operators.hpp"

// Other sizes for the axes of a value: linear maps along one axis after the other.

namespace infinitile {

namespace {

/// One axis: its sizes, and how many of its places lie between two outputs: a fraction, so that whole places stay whole.
struct ResizedAxis {
  long in = 1, out = 1;
  double places = 1, outputs = 1;
};

/// Where output o lies among the inputs, which have the places 0, 1, ...
double input_place(NodeContext const& node, std::string const& mode, ResizedAxis const& a, long o) {
  double const x = static_cast<double>(o), in = static_cast<double>(a.in), out = static_cast<double>(a.out);
  double const half_pixel = (x + 0.5) * a.places / a.outputs - 0.5;
  if (mode == "half_pixel" || (mode == "pytorch_half_pixel" && a.out > 1)) return half_pixel;
  if (mode == "pytorch_half_pixel") return 0;
  if (mode == "align_corners") return a.out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (mode == "asymmetric") return x * a.places / a.outputs;
  if (mode == "half_pixel_symmetric") return in / 2 * (1 - out * a.places / (a.outputs * in)) + half_pixel;
  node.fail(text("its coordinate_transformation_mode is ", mode,
                 ", which is not supported. Known: half_pixel, pytorch_half_pixel, half_pixel_symmetric, align_corners, asymmetric."));
}

long nearest(NodeContext const& node, std::string const& mode, double x) {
  if (mode == "round_prefer_floor") return static_cast<long>(std::ceil(x - 0.5));
  if (mode == "round_prefer_ceil") return static_cast<long>(std::floor(x + 0.5));
  if (mode == "floor") return static_cast<long>(std::floor(x));
  if (mode == "ceil") return static_cast<long>(std::ceil(x));
  node.fail(text("its nearest_mode is ", mode, ", which is not supported. Known: round_prefer_floor, round_prefer_ceil, floor, ceil."));
}

/// Weights of the inputs at floor(x) − 1, ..., floor(x) + 2. Cubic ones: R. G. Keys 1981, Cubic convolution interpolation for digital image
/// processing, with the parameter a.
std::array<double, 4> weights_at(double fraction, bool cubic, double a) {
  if (!cubic) return {0, 1 - fraction, fraction, 0};
  auto const near = [a](double t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };
  auto const far = [a](double t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };
  return {far(1 + fraction), near(fraction), near(1 - fraction), far(2 - fraction)};
}

/// The matrix (out, in) of one axis; beyond its ends the axis has its first and its last number.
PositionTap matrix_of(NodeContext const& node, ResizedAxis const& axis) {
  std::string const mode = node.word("mode", "nearest"), where = node.word("coordinate_transformation_mode", "half_pixel");
  bool const cubic = mode == "cubic", excludes = node.integer("exclude_outside", 0) != 0;
  if (!cubic && mode != "linear" && mode != "nearest")
    node.fail(text("its mode is ", mode, ", which is not supported. Known: nearest, linear, cubic."));
  std::string const rounding = node.word("nearest_mode", "round_prefer_floor");
  double const a = node.number("cubic_coeff_a", -0.75);
  PositionTap out{{0}, {}, {}};
  auto const put = [&](long from, double weight) {
    out.in.push_back(static_cast<int>(std::clamp(from, 0L, axis.in - 1)));
    out.weight.push_back(weight);
  };
  for (long o = 0; o < axis.out; ++o) {
    double const x = input_place(node, where, axis, o), below = std::floor(x);
    if (mode == "nearest") {
      put(nearest(node, rounding, x), 1);
    } else {
      std::array<double, 4> weights = weights_at(x - below, cubic, a);
      long const first = static_cast<long>(below) - 1;
      for (int i = 0; i < 4; ++i)
        if (cubic && excludes && (first + i < 0 || first + i >= axis.in)) weights[at(i)] = 0;
      double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (int i = 0; i < 4; ++i)
        if (weights[at(i)] != 0) put(first + i, cubic && excludes ? weights[at(i)] / sum : weights[at(i)]);
    }
    out.first.push_back(static_cast<int>(std::ssize(out.in)));
  }
  return out;
}

/// The axes that the node names, all in order where it names none, with their new sizes: by factors, or as they are given.
std::vector<std::pair<int, ResizedAxis>> resized_axes(NodeContext const& node, GraphTensor const& x) {
  std::vector<long> all(at(x.rank()));
  std::iota(all.begin(), all.end(), 0);
  std::vector<long> const axes = node.integers("axes", all);
  bool const by_scale = node.has(2) && !node.known(2, "the scales").numbers.empty();
  if (!by_scale && !node.has(3)) node.fail("it has neither scales nor sizes. The file is damaged: export it again.");
  OnnxArray const& given = by_scale ? node.known(2, "the scales") : node.known(3, "the sizes");
  if (given.numbers.size() != axes.size())
    node.fail(text("it has ", given.numbers.size(), by_scale ? " scales" : " sizes", " for ", axes.size(), " axes."));
  if (!by_scale && node.word("keep_aspect_ratio_policy", "stretch") != "stretch")
    node.fail("its keep_aspect_ratio_policy is not stretch, which is not supported. Export it with the sizes that come out.");
  std::vector<std::pair<int, ResizedAxis>> out;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    int const a = node.axis(axes[i], x.rank());
    // Scales are float32 in the standard, and so is what is rounded down.
    double const in = static_cast<double>(x.axis(a)), number = given.numbers[i];
    double const size = by_scale ? std::floor(static_cast<float>(in) * static_cast<float>(number)) : number;
    if (!(size >= 1)) node.fail(text("it makes ", size, " numbers of the ", in, " of axis ", a, "."));
    node.expect_size(static_cast<double>(x.stored.size()) / in * size);
    if (by_scale ? number != 1 : !given.counts_batch(i)) node.expect_apart(x, a, "resizes");
    out.emplace_back(a, by_scale ? ResizedAxis{x.axis(a), static_cast<long>(size), 1, number}
                                 : ResizedAxis{x.axis(a), static_cast<long>(size), in, size});
  }
  return out;
}

GraphValues apply_resize(NodeContext const& node) {
  if (node.integer("antialias", 0) != 0) node.fail("it smooths before it takes fewer numbers (antialias), which is not supported.");
  GraphTensor x = node.tensor(0);
  for (auto const& [axis, sizes] : resized_axes(node, x)) {
    if (sizes.in == sizes.out && sizes.places == sizes.outputs) continue;
    x.stored = node.builder().mix(x.stored, x.order[at(axis)], matrix_of(node, sizes));
  }
  return {x};
}

}  // namespace

std::vector<NamedOperator> resizing_operators() {
  return {{"Resize", apply_resize}};
}

}  // namespace infinitile
