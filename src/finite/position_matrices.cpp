#include "finite/position_matrices.hpp"

#include <cmath>

#include "base/index.hpp"
#include "finite/shapes.hpp"
#include "net/position_decay.hpp"

namespace infinitile {

namespace {

long modulo(long i, long n) {
  return (i % n + n) % n;
}

/// The position along an axis that output o reads through tap k, or -1.
long window_pick(WindowAxis const& axis, long o, long k) {
  long const i = axis.stride * o + k - axis.low;
  if (axis.padding == Padding::circular) return modulo(i, axis.input);
  return i >= 0 && i < axis.input ? i : -1;
}

/// The same for conv_transpose: the i with stride i - k + low = o.
long transposed_pick(WindowAxis const& axis, long o, long k) {
  long const place = o + k - axis.low, around = axis.stride * axis.input;
  long const steps = axis.padding == Padding::circular ? modulo(place, around) : place;
  return steps >= 0 && steps < around && steps % axis.stride == 0 ? steps / axis.stride : -1;
}

WindowPicks picks_of(std::span<WindowAxis const> axes, long (*pick)(WindowAxis const&, long, long)) {
  std::vector<long> in, out, taps;
  for (WindowAxis const& axis : axes) {
    in.push_back(axis.input);
    out.push_back(axis.output);
    taps.push_back(axis.size);
  }
  WindowPicks picks;
  picks.taps = static_cast<int>(product_of(taps));
  for (long o = 0; o < product_of(out); ++o)
    for (long k = 0; k < picks.taps; ++k) {
      std::vector<long> const output = index_of(o, out), tap = index_of(k, taps);
      std::vector<long> position;
      for (std::size_t a = 0; a < axes.size(); ++a) position.push_back(pick(axes[a], output[a], tap[a]));
      bool const outside = std::ranges::any_of(position, [](long p) { return p < 0; });
      picks.picks.push_back(outside ? -1 : static_cast<int>(place_of(position, in)));
    }
  return picks;
}

void end_row(PositionTap& matrix) {
  matrix.first.push_back(static_cast<int>(matrix.in.size()));
}

}  // namespace

WindowPicks window_picks(std::span<WindowAxis const> axes) {
  return picks_of(axes, window_pick);
}
WindowPicks transposed_picks(std::span<WindowAxis const> axes) {
  return picks_of(axes, transposed_pick);
}

PositionTap pool_matrix(WindowAxis const& axis, Pool pool) {
  PositionTap matrix{{0}, {}, {}};
  for (long o = 0; o < axis.output; ++o) {
    for (long k = 0; k < axis.size; ++k)
      if (long const i = window_pick(axis, o, k); i >= 0) matrix.in.push_back(static_cast<int>(i));
    auto const inside = static_cast<double>(std::ssize(matrix.in) - matrix.first.back());
    double const count = pool == Pool::sum ? 1 : pool == Pool::average ? static_cast<double>(axis.size) : inside;
    matrix.weight.resize(matrix.in.size(), 1 / count);
    end_row(matrix);
  }
  return matrix;
}

PositionTap resize_matrix(long in, long out, ImageResize const& op) {
  PositionTap matrix{{0}, {}, {}};
  double const step = static_cast<double>(in) / static_cast<double>(out), width = op.antialias ? std::max(step, 1.0) : 1.0;
  for (long o = 0; o < out; ++o) {
    double const centre = (static_cast<double>(o) + 0.5) * step;
    if (op.method == ResizeMethod::nearest) {
      matrix.in.push_back(static_cast<int>(std::floor(centre)));
      matrix.weight.push_back(1);
    } else {
      std::size_t const begin = matrix.in.size();
      double sum = 0;
      for (long i = 0; i < in; ++i) {
        double const weight = 1 - std::abs(centre - 0.5 - static_cast<double>(i)) / width;
        if (weight <= 0) continue;
        matrix.in.push_back(static_cast<int>(i));
        matrix.weight.push_back(weight);
        sum += weight;
      }
      for (std::size_t e = begin; e < matrix.weight.size(); ++e) matrix.weight[e] /= sum;
    }
    end_row(matrix);
  }
  return matrix;
}

PositionTap embedding_matrix(GlobalSelfAttention const& op, std::span<long const> sizes) {
  long const positions = product_of(sizes);
  std::vector<double> const factor = factor_of(embedding_covariance(op, sizes), positions);
  PositionTap matrix{{0}, {}, {}};
  for (long row = 0; row < positions; ++row) {
    for (long col = 0; col <= row; ++col) {
      double const weight = factor[at(row * positions + col)];
      if (weight == 0) continue;
      matrix.in.push_back(static_cast<int>(col));
      matrix.weight.push_back(weight);
    }
    matrix.first.push_back(static_cast<int>(matrix.in.size()));
  }
  return matrix;
}

PositionTap product_matrix(DotGeneral const& op, Node const& input) {
  ProductLayout const layout = product_layout(op, input);
  ConstantArray const& constant = op.lhs ? *op.lhs : *op.rhs;
  std::vector<long> in_sizes = written_sizes(input), out_sizes, summed_sizes;
  in_sizes[at(input.batch_axis)] = in_sizes[at(input.channel_axis)] = 1;  // both pass through
  auto const size_of = [&](ProductAxis const& axis) {
    return axis.input >= 0 ? in_sizes[at(axis.input)] : constant.shape[at(axis.constant)];
  };
  for (ProductAxis const& axis : layout.output) out_sizes.push_back(size_of(axis));
  for (ProductAxis const& axis : layout.contracted) summed_sizes.push_back(size_of(axis));

  std::vector<long> in_index(in_sizes.size(), 0), constant_index(constant.shape.size(), 0);
  auto const put = [&](std::vector<ProductAxis> const& axes, std::vector<long> const& index) {
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (axes[a].input >= 0) in_index[at(axes[a].input)] = index[a];
      if (axes[a].constant >= 0) constant_index[at(axes[a].constant)] = index[a];
    }
  };
  PositionTap matrix{{0}, {}, {}};
  for (long o = 0; o < product_of(out_sizes); ++o) {
    put(layout.output, index_of(o, out_sizes));
    for (long s = 0; s < product_of(summed_sizes); ++s) {
      put(layout.contracted, index_of(s, summed_sizes));
      matrix.in.push_back(static_cast<int>(place_of(in_index, in_sizes)));
      matrix.weight.push_back(constant.values[at(place_of(constant_index, constant.shape))]);
    }
    end_row(matrix);
  }
  return matrix;
}

}  // namespace infinitile
