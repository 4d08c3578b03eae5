#include "infinite/position_maps.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/index.hpp"
#include "infinite/sparse_rows.hpp"
#include "net/position_rows.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

/// Without the taps that no output finds inside: a window may be larger than the padded image has use for.
WindowAxis touching(WindowAxis axis) {
  if (axis.padding == Padding::circular || axis.size <= 3) return axis;  // windows of three have a form of their own
  long const first = std::max(0L, axis.low - axis.stride * (axis.output - 1)), last = std::min(axis.size - 1, axis.low + axis.input - 1);
  axis.size = last - first + 1;
  axis.low -= first;
  return axis;
}

/// One axis of a window: a matrix per tap. `source`: what the outputs read through each.
std::vector<Rows> taps_of(WindowAxis const& axis, long (*source)(WindowAxis const&, long, long)) {
  expect_room(static_cast<double>(axis.size) * static_cast<double>(axis.output));
  std::vector<Rows> taps;
  for (long k = 0; k < axis.size; ++k) {
    Rows& rows = taps.emplace_back(at(axis.output));
    for (long o = 0; o < axis.output; ++o)
      if (long const i = source(axis, o, k); i >= 0) rows[at(o)] = {{i, 1}};
  }
  return taps;
}

/// Says that a map is a window, where nothing goes around.
PositionMap with_axes(PositionMap map, PositionMap::Shape shape, std::vector<WindowAxis> const& windows) {
  bool const around = std::ranges::any_of(windows, [](WindowAxis const& axis) { return axis.padding == Padding::circular; });
  if (around) return map;
  map.shape = shape;
  auto const number = [](long n) { return static_cast<int>(n); };
  for (WindowAxis const& axis : windows)
    map.axes.push_back({number(axis.input), number(axis.output), number(axis.size), number(axis.stride), number(axis.low)});
  return map;
}

PositionMap pooling(std::vector<WindowAxis> windows, std::span<long const> sizes, bool average, bool normalize_edges) {
  std::vector<Rows> axes;
  double count = 1;
  for (WindowAxis& window : windows) {
    count *= static_cast<double>(window.size);
    window = touching(window);
    expect_room(static_cast<double>(window.size) * static_cast<double>(window.output));
    axes.push_back(window_rows(window));
  }
  Rows rows = kronecker(axes, sizes);
  for (auto& row : rows)
    for (Entry& entry : row) entry.weight = !average ? 1 : 1 / (normalize_edges ? static_cast<double>(row.size()) : count);
  PositionMap map = map_of({rows}, product_of(sizes), 1);
  PositionMap::Shape const shape = map.is_selection() ? PositionMap::Shape::window : PositionMap::Shape::pool;  // of one position each
  return with_axes(std::move(map), shape, windows);
}

}  // namespace

PositionMap convolution_map(Convolution const& op, std::span<long const> sizes) {
  std::vector<WindowAxis> windows = window_axes(sizes, op.filter_shape, op.strides, op.padding);
  std::vector<std::vector<Rows>> axes;
  double count = 1;  // all taps, also those that meet nothing but padding
  for (WindowAxis& axis : windows) {
    count *= static_cast<double>(axis.size);
    axis = touching(axis);
    axes.push_back(taps_of(axis, window_source));
  }
  PositionMap map = map_of_axes(axes, sizes);
  map.scale = 1 / count;
  return with_axes(std::move(map), PositionMap::Shape::window, windows);
}

PositionMap transposed_map(ConvTranspose const& op, std::span<long const> sizes) {
  std::vector<std::vector<Rows>> axes;
  for (WindowAxis const& axis : transposed_axes(sizes, op.filter_shape, op.strides, op.padding))
    axes.push_back(taps_of(axis, transposed_source));
  return map_of_axes(axes, sizes);
}

PositionMap pooling_map(AvgPool const& op, std::span<long const> sizes) {
  return pooling(window_axes(sizes, op.window_shape, op.strides, op.padding), sizes, true, op.normalize_edges);
}
PositionMap pooling_map(SumPool const& op, std::span<long const> sizes) {
  return pooling(window_axes(sizes, op.window_shape, op.strides, op.padding), sizes, false, false);
}

PositionMap global_pooling_map(long positions, bool average) {
  if (positions == 1) return flatten_map(1);
  Rows rows(1);
  for (long p = 0; p < positions; ++p) rows[0].push_back({p, average ? 1 / static_cast<double>(positions) : 1});
  PositionMap map = map_of({rows}, positions, 1);
  map.shape = PositionMap::Shape::global;
  return map;
}

PositionMap flatten_map(long positions) {
  std::vector<Rows> taps;
  for (long p = 0; p < positions; ++p) taps.push_back({{{p, 1}}});
  PositionMap map = map_of(taps, positions, 1 / static_cast<double>(positions));
  map.shape = PositionMap::Shape::equal;
  return map;
}

PositionMap identity_map(long positions) {
  Rows rows;
  for (long p = 0; p < positions; ++p) rows.push_back({{p, 1}});
  return map_of({rows}, positions, 1);
}

PositionMap resize_map(ImageResize const& op, std::span<long const> sizes, std::span<long const> out_sizes) {
  std::vector<Rows> axes;
  for (std::size_t a = 0; a < sizes.size(); ++a) axes.push_back(resize_rows(sizes[a], out_sizes[a], op));
  return map_of({kronecker(axes, sizes)}, product_of(sizes), 1);
}

PositionMap index_map(Index const& op, std::span<long const> sizes) {
  std::vector<Rows> axes;
  for (IndexAxis const& axis : index_axes(op, sizes)) {
    Rows& rows = axes.emplace_back();
    for (long n = 0; n < axis.count; ++n) rows.push_back({{axis.start + n * axis.step, 1}});
  }
  return map_of({kronecker(axes, sizes)}, product_of(sizes), 1);
}

PositionMap product_map(DotGeneral const& op, Node const& input) {
  ProductSizes const sizes = product_sizes(op, input);
  expect_room(static_cast<double>(product_of(sizes.output)) * static_cast<double>(product_of(sizes.contracted)));
  return map_of({product_rows(op, input)}, input.positions(), 1);
}

PositionMap placement_map(std::span<long const> branch_sizes, std::span<long const> out_sizes, std::size_t axis, long start) {
  std::vector<Rows> axes;
  for (std::size_t a = 0; a < branch_sizes.size(); ++a) {
    Rows& rows = axes.emplace_back(at(out_sizes[a]));
    for (long i = 0; i < branch_sizes[a]; ++i) rows[at(i + (a == axis ? start : 0))] = {{i, 1}};
  }
  return map_of({kronecker(axes, branch_sizes)}, product_of(branch_sizes), 1);
}

}  // namespace infinitile
