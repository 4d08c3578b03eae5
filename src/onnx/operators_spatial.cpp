#include <algorithm>
#include <numeric>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

// Windows over positions: convolutions and pools. Images lie channels last from one to the next; what else needs them in the order of the
// graph has them laid out.

namespace infinitile {

namespace {

/// The axes of a window, positions of the input counted from where it begins: `low` cells of padding before, `high` behind.
struct Window {
  std::vector<long> in, kernel, strides, dilations, low, high, out;

  std::size_t rank() const { return in.size(); }
  long reach(std::size_t a) const { return dilations[a] * (kernel[a] - 1) + 1; }
};

/// What an output and a tap of one axis read, from -low to in + high - 1.
using ReadPlace = long (*)(Window const&, std::size_t axis, long output, long tap);
constexpr long nowhere = -1'000'000'000;

long slide(Window const& w, std::size_t a, long output, long tap) {
  return w.strides[a] * output + w.dilations[a] * tap - w.low[a];
}
/// The other way round: which position of the input has this output at this tap.
long spread(Window const& w, std::size_t a, long output, long tap) {
  long const from = output + w.low[a] - w.dilations[a] * tap;
  return from % w.strides[a] == 0 ? from / w.strides[a] : nowhere;
}

/// Calls visit(output, place of the tap along each axis) for all outputs and taps, row-major.
template <class Visit>
void for_each_tap(Window const& w, ReadPlace place, Visit const& visit) {
  std::vector<long> places(w.rank());
  for (long o = 0; o < product_of(w.out); ++o) {
    std::vector<long> const output = index_of(o, w.out);
    for (long t = 0; t < product_of(w.kernel); ++t) {
      std::vector<long> const tap = index_of(t, w.kernel);
      for (std::size_t a = 0; a < w.rank(); ++a) places[a] = place(w, a, output[a], tap[a]);
      visit(o, places);
    }
  }
}

WindowPicks picks_of(Window const& w, ReadPlace place) {
  WindowPicks out{static_cast<int>(product_of(w.kernel)), {}};
  for_each_tap(w, place, [&](long, std::vector<long> const& places) {
    bool inside = true;
    for (std::size_t a = 0; a < w.rank(); ++a) inside = inside && places[a] >= 0 && places[a] < w.in[a];
    out.picks.push_back(inside ? static_cast<int>(place_of(places, w.in)) : -1);
  });
  return out;
}

/// An image as (positions, channels).
struct Image {
  Tensor pixels;
  std::vector<long> sizes;
};
Image image_of(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  if (x.rank() < 3) node.fail(text("its input has the shape ", shape_words(x.shape()), "; batch, channels and positions are needed."));
  if (x.batch && (x.batch->axis != 0 || x.axis(0) != 1)) node.fail_mixing("sees the batch elsewhere than alone on axis 0");
  if (x.axis(0) != 1)
    node.fail(text("its input has ", x.axis(0), " images; one sample is one image. Export the network with a free batch axis."));
  std::vector<int> order(x.order.size());
  order[1] = x.rank() - 1;
  for (int a = 2; a < x.rank(); ++a) order[at(a)] = a - 1;
  std::vector<long> const shape = x.shape();
  return {laid_out(node.builder(), x, order).reshaped({x.stored.size() / x.axis(1), x.axis(1)}), {shape.begin() + 2, shape.end()}};
}

/// (positions, channels) as the graph sees it.
GraphTensor as_graph(NodeContext const& node, Tensor const& y, std::vector<long> const& sizes) {
  std::vector<long> shape{1};
  shape.insert(shape.end(), sizes.begin(), sizes.end());
  shape.push_back(y.axis(-1));
  std::vector<int> order = in_order(shape.size());
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return {y.reshaped(shape), order, NumberKind::floating, node.tensor(0).batch};
}

/// Sizes, strides and padding as the attributes say; `out` is left to the operator.
Window read_window(NodeContext const& node, std::vector<long> const& in, std::vector<long> const& kernel) {
  std::size_t const rank = in.size();
  std::vector<long> const ones(rank, 1), pads = node.integers("pads", std::vector<long>(2 * rank, 0));
  Window w{in, kernel, node.integers("strides", ones), node.integers("dilations", ones), {}, {}, {}};
  bool fits = kernel.size() == rank && w.strides.size() == rank && w.dilations.size() == rank && pads.size() == 2 * rank;
  for (std::size_t a = 0; fits && a < rank; ++a) fits = kernel[a] > 0 && w.strides[a] > 0 && w.dilations[a] > 0;
  if (!fits)
    node.fail(text("its kernel ", shape_words(kernel), ", strides ", shape_words(w.strides), ", dilations ", shape_words(w.dilations),
                   " and pads ", shape_words(pads), " do not fit an input with positions ", shape_words(in), "."));
  w.low.assign(pads.begin(), pads.begin() + static_cast<long>(rank));
  w.high.assign(pads.begin() + static_cast<long>(rank), pads.end());
  return w;
}

/// auto_pad as it is for windows that slide, and the sizes of the output.
void settle_slide(NodeContext const& node, Window& w) {
  std::string const padding = node.word("auto_pad", "NOTSET");
  bool const ceil = node.integer("ceil_mode", 0) != 0;
  for (std::size_t a = 0; a < w.rank(); ++a) {
    if (padding == "VALID") w.low[a] = w.high[a] = 0;
    if (padding.starts_with("SAME")) {
      long const outputs = (w.in[a] + w.strides[a] - 1) / w.strides[a];
      long const more = std::max(0L, (outputs - 1) * w.strides[a] + w.reach(a) - w.in[a]);
      w.low[a] = padding == "SAME_LOWER" ? (more + 1) / 2 : more / 2;
      w.high[a] = more - w.low[a];
    }
    long const room = w.in[a] + w.low[a] + w.high[a] - w.reach(a);
    if (room < 0)
      node.fail(text("its window reaches over ", w.reach(a), " positions of axis ", a + 2, ", which has ", w.in[a], " with ",
                     w.low[a] + w.high[a], " of padding."));
    long outputs = (ceil ? room + w.strides[a] - 1 : room) / w.strides[a] + 1;
    if (ceil && (outputs - 1) * w.strides[a] >= w.in[a] + w.low[a]) --outputs;  // a window has to begin inside
    w.out.push_back(outputs);
  }
}

/// Weights (.., taps.., in, out) laid out for a convolution; axes `in` and `out` of the graph's weights come first there.
Tensor weights_of(NodeContext const& node, GraphTensor const& w, int in, int out) {
  std::vector<int> order(w.order.size());
  for (int a = 2; a < w.rank(); ++a) order[at(a)] = a - 2;
  order[at(in)] = w.rank() - 2;
  order[at(out)] = w.rank() - 1;
  Tensor const laid = laid_out(node.builder(), w, order);
  return laid.reshaped({laid.size() / laid.axis(-2) / laid.axis(-1), laid.axis(-2), laid.axis(-1)});
}

GraphTensor with_bias(NodeContext const& node, GraphTensor const& y) {
  if (!node.has(2)) return y;
  if (node.shape(2) != std::vector<long>{y.axis(1)})
    node.fail(text("its bias has the shape ", shape_words(node.shape(2)), "; ", y.axis(1), " numbers are needed."));
  return add(node, y, along_axis(node.tensor(2), 1, y.rank()));
}

/// The weights' shape has to fit the channels; the kernel is what is left of it.
std::vector<long> kernel_of(NodeContext const& node, Image const& x, long groups, bool transpose) {
  std::vector<long> const shape = node.shape(1);
  long const in = x.pixels.axis(1), first = shape.size() < 2 ? 0 : transpose ? shape[0] : shape[1] * groups;
  if (shape.size() != x.sizes.size() + 2 || groups < 1 || first != in || shape[0] % groups != 0)
    node.fail(text("its input has ", in, " channels at positions ", shape_words(x.sizes), ", its weights have the shape ",
                   shape_words(shape), " in ", groups, groups == 1 ? " group" : " groups",
                   ", which does not fit. Check data.shape: the graph takes channels first."));
  return {shape.begin() + 2, shape.end()};
}

GraphValues apply_conv(NodeContext const& node) {
  Image const x = image_of(node);
  long const groups = node.integer("group", 1);
  Window w = read_window(node, x.sizes, kernel_of(node, x, groups, false));
  settle_slide(node, w);
  Tensor const y =
      node.builder().convolve(x.pixels, weights_of(node, node.tensor(1), 1, 0), picks_of(w, slide), 1, static_cast<int>(groups));
  return {with_bias(node, as_graph(node, y, w.out))};
}

/// Weights (in, out / groups, taps..) in groups as those of a convolution: (taps.., in / groups, out).
GraphTensor regrouped(NodeContext const& node, GraphTensor const& w, long groups) {
  if (groups == 1) return w;
  std::vector<long> shape = w.shape(), cut = shape;
  cut[0] /= groups;
  cut.insert(cut.begin(), groups);
  std::vector<int> axes = in_order(cut.size());  // groups, in, out, taps..  to in, groups, out, taps..
  std::swap(axes[0], axes[1]);
  shape[0] /= groups;
  shape[1] *= groups;
  return with_shape(node, transposed(with_shape(node, w, cut, std::nullopt), axes), shape, std::nullopt);
}

GraphValues apply_conv_transpose(NodeContext const& node) {
  Image const x = image_of(node);
  long const groups = node.integer("group", 1);
  Window w = read_window(node, x.sizes, kernel_of(node, x, groups, true));
  if (node.has_attribute("output_shape") || node.word("auto_pad", "NOTSET") != "NOTSET")
    node.fail("it gives output_shape or auto_pad, which is not supported. Export it with explicit pads and output_padding.");
  std::vector<long> const more = node.integers("output_padding", std::vector<long>(w.rank(), 0));
  for (std::size_t a = 0; a < w.rank(); ++a) {
    w.out.push_back(w.strides[a] * (w.in[a] - 1) + (a < more.size() ? more[a] : 0) + w.reach(a) - w.low[a] - w.high[a]);
    if (w.out.back() < 1) node.fail(text("nothing is left of axis ", a + 2, " behind its pads."));
  }
  Tensor const weights = weights_of(node, regrouped(node, node.tensor(1), groups), 0, 1);
  Tensor const y = node.builder().convolve(x.pixels, weights, picks_of(w, spread), 1, static_cast<int>(groups));
  return {with_bias(node, as_graph(node, y, w.out))};
}

GraphValues apply_max_pool(NodeContext const& node) {
  if (node.node().outputs.size() > 1 && !node.node().outputs[1].empty())
    node.fail("it hands on the places of its maxima, which is not supported.");
  Image const x = image_of(node);
  Window w = read_window(node, x.sizes, node.integers("kernel_shape"));
  settle_slide(node, w);
  WindowPicks picks = picks_of(w, slide);
  for (std::size_t o = 0; o < picks.picks.size(); o += static_cast<std::size_t>(picks.taps))
    if (std::all_of(picks.picks.begin() + static_cast<long>(o), picks.picks.begin() + static_cast<long>(o) + picks.taps,
                    [](int p) { return p < 0; }))
      node.fail("one of its windows sees padding alone.");
  return {as_graph(node, node.builder().largest(x.pixels, std::move(picks)), w.out)};
}

GraphValues apply_average_pool(NodeContext const& node) {
  Image const x = image_of(node);
  Window w = read_window(node, x.sizes, node.integers("kernel_shape"));
  settle_slide(node, w);
  bool const count_padding = node.integer("count_include_pad", 0) != 0;
  PositionTap mean{{0}, {}, {}};
  std::vector<long> counted(at(product_of(w.out)), 0);
  for_each_tap(w, slide, [&](long o, std::vector<long> const& places) {
    bool inside = true, padded = true;
    for (std::size_t a = 0; a < w.rank(); ++a) {
      inside = inside && places[a] >= 0 && places[a] < w.in[a];
      padded = padded && places[a] < w.in[a] + w.high[a];
    }
    if (inside || (count_padding && padded)) ++counted[at(o)];
    if (o == std::ssize(mean.first) - 1) mean.first.push_back(mean.first.back());
    if (!inside) return;
    mean.in.push_back(static_cast<int>(place_of(places, w.in)));
    ++mean.first.back();
  });
  for (std::size_t o = 0; o + 1 < mean.first.size(); ++o)
    for (int i = mean.first[o]; i < mean.first[o + 1]; ++i) mean.weight.push_back(1.0 / static_cast<double>(counted[o]));
  return {as_graph(node, node.builder().mix(x.pixels, 0, std::move(mean)), w.out)};
}

}  // namespace

std::vector<NamedOperator> spatial_operators() {
  return {{"Conv", apply_conv}, {"ConvTranspose", apply_conv_transpose}, {"MaxPool", apply_max_pool}, {"AveragePool", apply_average_pool}};
}

}  // namespace infinitile
