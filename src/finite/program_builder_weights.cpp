// What a ProgramBuilder writes of products, convolutions, tables and windows.
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/index.hpp"
#include "finite/program_builder.hpp"
#include "net/shapes.hpp"

namespace infinitile {

Tensor ProgramBuilder::dense(Tensor const& x, Tensor const& w, double scale) {
  INFINITILE_EXPECT(w.shape.size() == 2 && x.axis(-1) == w.axis(0));
  primitive::MatrixProduct p;
  p.m = number(x.size() / x.axis(-1));
  p.k = number(w.axis(0));
  p.n = number(w.axis(1));
  p.scale = scale;
  std::vector<long> shape = x.shape;
  shape.back() = w.axis(1);
  return put(p, {x, w}, std::move(shape));
}

Tensor ProgramBuilder::product(Tensor const& left, Tensor const& right, double scale, Right side) {
  primitive::MatrixProduct p;
  p.transpose_right = side == Right::transposed;
  p.m = number(left.axis(-2));
  p.k = number(left.axis(-1));
  p.n = number(right.axis(p.transpose_right ? -2 : -1));
  INFINITILE_EXPECT(right.axis(p.transpose_right ? -1 : -2) == p.k);
  p.left_grouped = left.shape.size() > 2;
  p.right_grouped = right.shape.size() > 2;
  Tensor const& longer = p.left_grouped ? left : right;
  p.groups = number(product_of(std::span(longer.shape).first(longer.shape.size() - 2)));
  p.scale = scale;
  std::vector<long> shape = longer.shape;
  shape[shape.size() - 2] = p.m;
  shape.back() = p.n;
  return put(p, {left, right}, std::move(shape));
}

Tensor ProgramBuilder::convolve(Tensor const& x, Tensor const& w, WindowPicks picks, double scale, int groups) {
  INFINITILE_EXPECT(x.shape.size() == 2 && w.shape.size() == 3 && w.axis(0) == picks.taps && w.axis(1) * groups == x.axis(1));
  std::vector<int> each(at(x.axis(0)));
  std::iota(each.begin(), each.end(), 0);
  if (groups == 1 && picks.taps == 1 && picks.picks == each) return dense(x, w.reshaped({w.axis(1), w.axis(2)}), scale);
  primitive::Convolve p;
  p.in_positions = number(x.axis(0));
  p.out_positions = number(std::ssize(picks.picks) / picks.taps);
  p.taps = picks.taps;
  p.in = number(x.axis(1));
  p.out = number(w.axis(2));
  p.groups = groups;
  p.scale = scale;
  p.picks = std::move(picks.picks);
  std::vector<long> const shape{p.out_positions, p.out};
  return put(std::move(p), {x, w}, shape);
}

Tensor ProgramBuilder::windows(Tensor const& x, WindowPicks const& picks) {
  primitive::Read p;
  p.lines = number(std::ssize(picks.picks));
  p.width = number(x.axis(-1));
  for (int const pick : picks.picks) p.read[0].first.push_back(pick < 0 ? -1 : pick * p.width);
  return put(std::move(p), {x}, {p.lines / picks.taps, static_cast<long>(picks.taps) * p.width});
}

Tensor ProgramBuilder::largest(Tensor const& x, WindowPicks picks) {
  primitive::Largest p;
  p.channels = number(x.axis(-1));
  p.taps = picks.taps;
  p.picks = std::move(picks.picks);
  std::vector<long> const shape{p.out_positions(), p.channels};
  return put(std::move(p), {x}, shape);
}

Tensor ProgramBuilder::look_up(Tensor const& indices, Tensor const& table) {
  primitive::Lookup p;
  p.count = number(indices.size());
  p.entries = number(table.axis(0));
  p.width = number(table.size() / p.entries);
  std::vector<long> shape = indices.shape;
  shape.insert(shape.end(), table.shape.begin() + 1, table.shape.end());
  return put(p, {indices, table}, std::move(shape));
}

}  // namespace infinitile
