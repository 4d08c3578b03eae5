#include "finite/position_matrices.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "net/position_decay.hpp"
#include "net/position_rows.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

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

PositionTap matrix_of(Rows const& rows) {
  PositionTap matrix{{0}, {}, {}};
  for (auto const& row : rows) {
    for (Entry const& entry : row) {
      matrix.in.push_back(static_cast<int>(entry.in));
      matrix.weight.push_back(entry.weight);
    }
    matrix.first.push_back(static_cast<int>(matrix.in.size()));
  }
  return matrix;
}

}  // namespace

WindowPicks window_picks(std::span<WindowAxis const> axes) {
  return picks_of(axes, window_source);
}
WindowPicks transposed_picks(std::span<WindowAxis const> axes) {
  return picks_of(axes, transposed_source);
}

PositionTap pool_matrix(WindowAxis const& axis, Pool pool) {
  Rows rows = window_rows(axis);
  for (auto& row : rows) {
    double const count = pool == Pool::sum ? 1 : static_cast<double>(pool == Pool::average ? axis.size : std::ssize(row));
    for (Entry& entry : row) entry.weight = 1 / count;
  }
  return matrix_of(rows);
}

PositionTap resize_matrix(long in, long out, ImageResize const& op) {
  return matrix_of(resize_rows(in, out, op));
}

PositionTap embedding_matrix(GlobalSelfAttention const& op, std::span<long const> sizes) {
  long const positions = product_of(sizes);
  std::vector<double> const factor = factor_of(embedding_covariance(op, sizes), positions);
  Rows rows(at(positions));
  for (long row = 0; row < positions; ++row)
    for (long col = 0; col <= row; ++col)
      if (double const weight = factor[at(row * positions + col)]; weight != 0) rows[at(row)].push_back({col, weight});
  return matrix_of(rows);
}

PositionTap product_matrix(DotGeneral const& op, Node const& input) {
  return matrix_of(product_rows(op, input));
}

}  // namespace infinitile
