#include "infinite/position_maps.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/index.hpp"
#include "infinite/sparse_rows.hpp"
#include "net/positions.hpp"

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

/// One axis of a window: a matrix per tap.
std::vector<Rows> taps_of(WindowAxis const& axis) {
  expect_room(static_cast<double>(axis.size) * static_cast<double>(axis.output));
  std::vector<Rows> taps;
  for (long k = 0; k < axis.size; ++k) {
    Rows& rows = taps.emplace_back(at(axis.output));
    for (long o = 0; o < axis.output; ++o) {
      long const i = axis.stride * o + k - axis.low;
      if (axis.padding == Padding::circular) {
        rows[at(o)] = {{(i % axis.input + axis.input) % axis.input, 1}};
      } else if (i >= 0 && i < axis.input) {
        rows[at(o)] = {{i, 1}};
      }
    }
  }
  return taps;
}

/// One axis of a transposed convolution, whose tap k carries input i to stride i - k + low: the transpose of a window, from there to here, in
/// which that is tap size - 1 - k.
std::vector<Rows> transposed_taps_of(WindowAxis const& axis) {
  WindowAxis const back{axis.output, axis.size, axis.stride, axis.size - 1 - axis.low, axis.input, axis.padding};
  std::vector<Rows> taps;
  for (Rows const& rows : taps_of(back)) taps.push_back(transposed(rows, axis.output));
  std::ranges::reverse(taps);
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
    Rows& rows = axes.emplace_back(at(window.output));
    for (Rows const& tap : taps_of(window))
      for (std::size_t o = 0; o < rows.size(); ++o) rows[o].insert(rows[o].end(), tap[o].begin(), tap[o].end());
  }
  Rows rows = kronecker(axes, sizes);
  for (auto& row : rows)
    for (Entry& entry : row) entry.weight = !average ? 1 : 1 / (normalize_edges ? static_cast<double>(row.size()) : count);
  PositionMap map = map_of({rows}, product_of(sizes), 1);
  PositionMap::Shape const shape = map.is_selection() ? PositionMap::Shape::window : PositionMap::Shape::pool;  // of one position each
  return with_axes(std::move(map), shape, windows);
}

/// Pixel centres lie at half-integers; linear is a triangle, as wide as an output pixel where that is more and antialias is on.
Rows resize_rows(long in, long out, bool nearest, bool antialias) {
  Rows rows(at(out));
  double const step = static_cast<double>(in) / static_cast<double>(out), width = antialias ? std::max(step, 1.0) : 1.0;
  for (long o = 0; o < out; ++o) {
    double const centre = (static_cast<double>(o) + 0.5) * step;
    if (in == out || nearest) {
      rows[at(o)] = {{in == out ? o : static_cast<long>(std::floor(centre)), 1}};
      continue;
    }
    double sum = 0;
    for (long i = 0; i < in; ++i) {
      double const weight = 1 - std::abs(centre - 0.5 - static_cast<double>(i)) / width;
      if (weight <= 0) continue;
      rows[at(o)].push_back({i, weight});
      sum += weight;
    }
    for (Entry& entry : rows[at(o)]) entry.weight /= sum;
  }
  return rows;
}

/// The flat place of an index in an array of those sizes.
long place_of(std::vector<long> const& index, std::vector<long> const& sizes) {
  long place = 0;
  for (std::size_t a = 0; a < sizes.size(); ++a) place = place * sizes[a] + index[a];
  return place;
}

/// The next index, row-major; false behind the last.
bool advance(std::vector<long>& index, std::vector<long> const& sizes) {
  for (std::size_t a = sizes.size(); a-- > 0;) {
    if (++index[a] < sizes[a]) return true;
    index[a] = 0;
  }
  return false;
}

}  // namespace

PositionMap convolution_map(Convolution const& op, std::span<long const> sizes) {
  std::vector<WindowAxis> windows = window_axes(sizes, op.filter_shape, op.strides, op.padding);
  std::vector<std::vector<Rows>> axes;
  double count = 1;  // all taps, also those that meet nothing but padding
  for (WindowAxis& axis : windows) {
    count *= static_cast<double>(axis.size);
    axis = touching(axis);
    axes.push_back(taps_of(axis));
  }
  PositionMap map = map_of_axes(axes, sizes);
  map.scale = 1 / count;
  return with_axes(std::move(map), PositionMap::Shape::window, windows);
}

PositionMap transposed_map(ConvTranspose const& op, std::span<long const> sizes) {
  std::vector<std::vector<Rows>> axes;
  for (WindowAxis const& axis : transposed_axes(sizes, op.filter_shape, op.strides, op.padding)) axes.push_back(transposed_taps_of(axis));
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
  for (std::size_t a = 0; a < sizes.size(); ++a)
    axes.push_back(resize_rows(sizes[a], out_sizes[a], op.method == ResizeMethod::nearest, op.antialias));
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
  ProductLayout const layout = product_layout(op, input);
  ConstantArray const& constant = op.lhs ? *op.lhs : op.rhs ? *op.rhs : ConstantArray{{}, {1.0}};
  // Sizes of the input's axes as written; batch and channels, which pass through, count as 1.
  std::vector<long> in_sizes, spatial(input.shape.begin(), input.shape.end() - 1), out_sizes, summed_sizes;
  std::size_t next = 0;
  for (int a = 0; a < static_cast<int>(input.shape.size()) + 1; ++a)
    in_sizes.push_back(a == input.batch_axis || a == input.channel_axis ? 1 : spatial[next++]);
  auto const size_of = [&](ProductAxis const& axis) {
    return axis.input >= 0 ? in_sizes[at(axis.input)] : constant.shape[at(axis.constant)];
  };
  for (ProductAxis const& axis : layout.output) out_sizes.push_back(size_of(axis));
  for (ProductAxis const& axis : layout.contracted) summed_sizes.push_back(size_of(axis));

  expect_room(static_cast<double>(product_of(out_sizes)) * static_cast<double>(product_of(summed_sizes)));

  std::vector<long> out(out_sizes.size(), 0), in_index(in_sizes.size(), 0), constant_index(constant.shape.size(), 0);
  auto const put = [&](ProductAxis const& axis, long value) {
    if (axis.input >= 0) in_index[at(axis.input)] = value;
    if (axis.constant >= 0) constant_index[at(axis.constant)] = value;
  };
  Rows rows;
  do {
    auto& row = rows.emplace_back();
    for (std::size_t a = 0; a < out.size(); ++a) put(layout.output[a], out[a]);
    std::vector<long> summed(summed_sizes.size(), 0);
    do {
      for (std::size_t a = 0; a < summed.size(); ++a) put(layout.contracted[a], summed[a]);
      row.push_back({place_of(in_index, in_sizes), constant.values[at(place_of(constant_index, constant.shape))]});
    } while (advance(summed, summed_sizes));
  } while (advance(out, out_sizes));
  return map_of({rows}, product_of(spatial), 1);
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
