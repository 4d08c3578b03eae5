#include "net/position_rows.hpp"

#include <cmath>

#include "base/index.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

long modulo(long i, long n) {
  return (i % n + n) % n;
}

ConstantArray constant_of(DotGeneral const& op) {
  return op.lhs ? *op.lhs : op.rhs ? *op.rhs : ConstantArray{{}, {1.0}};
}

}  // namespace

long window_source(WindowAxis const& axis, long o, long k) {
  long const i = axis.stride * o + k - axis.low;
  if (axis.padding == Padding::circular) return modulo(i, axis.input);
  return i >= 0 && i < axis.input ? i : -1;
}

long transposed_source(WindowAxis const& axis, long o, long k) {
  long const place = o + k - axis.low, around = axis.stride * axis.input;
  long const steps = axis.padding == Padding::circular ? modulo(place, around) : place;
  return steps >= 0 && steps < around && steps % axis.stride == 0 ? steps / axis.stride : -1;
}

Rows window_rows(WindowAxis const& axis) {
  Rows rows(at(axis.output));
  for (long o = 0; o < axis.output; ++o)
    for (long k = 0; k < axis.size; ++k)
      if (long const i = window_source(axis, o, k); i >= 0) rows[at(o)].push_back({i, 1});
  return rows;
}

Rows resize_rows(long in, long out, ImageResize const& op) {
  Rows rows(at(out));
  double const step = static_cast<double>(in) / static_cast<double>(out), width = op.antialias ? std::max(step, 1.0) : 1.0;
  for (long o = 0; o < out; ++o) {
    double const centre = (static_cast<double>(o) + 0.5) * step;
    if (in == out || op.method == ResizeMethod::nearest) {
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

ProductSizes product_sizes(DotGeneral const& op, Node const& input) {
  ProductLayout const layout = product_layout(op, input);
  ConstantArray const constant = constant_of(op);
  ProductSizes sizes{written_sizes(input), {}, {}};
  sizes.input[at(input.batch_axis)] = sizes.input[at(input.channel_axis)] = 1;
  auto const size_of = [&](ProductAxis const& axis) {
    return axis.input >= 0 ? sizes.input[at(axis.input)] : constant.shape[at(axis.constant)];
  };
  for (ProductAxis const& axis : layout.output) sizes.output.push_back(size_of(axis));
  for (ProductAxis const& axis : layout.contracted) sizes.contracted.push_back(size_of(axis));
  return sizes;
}

Rows product_rows(DotGeneral const& op, Node const& input) {
  ProductLayout const layout = product_layout(op, input);
  ConstantArray const constant = constant_of(op);
  ProductSizes const sizes = product_sizes(op, input);
  std::vector<long> in_index(sizes.input.size(), 0), constant_index(constant.shape.size(), 0);
  auto const put = [&](std::vector<ProductAxis> const& axes, std::vector<long> const& index) {
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (axes[a].input >= 0) in_index[at(axes[a].input)] = index[a];
      if (axes[a].constant >= 0) constant_index[at(axes[a].constant)] = index[a];
    }
  };
  Rows rows;
  for (long o = 0; o < product_of(sizes.output); ++o) {
    auto& row = rows.emplace_back();
    put(layout.output, index_of(o, sizes.output));
    for (long s = 0; s < product_of(sizes.contracted); ++s) {
      put(layout.contracted, index_of(s, sizes.contracted));
      row.push_back({place_of(in_index, sizes.input), constant.values[at(place_of(constant_index, constant.shape))]});
    }
  }
  return rows;
}

}  // namespace infinitile
