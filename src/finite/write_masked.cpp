#include "finite/write_masked.hpp"

#include <limits>

#include "base/index.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

using Function = primitive::Pointwise::Function;

/// Σ over an axis, times the factor; the axis stays, of size 1.
Tensor sum_over(ProgramBuilder& builder, Tensor const& x, int axis, double factor = 1) {
  PositionTap row;
  row.first = {0, number(x.axis(axis))};
  for (long i = 0; i < x.axis(axis); ++i) row.in.push_back(number(i));
  row.weight.assign(row.in.size(), factor);
  return builder.mix(x, axis, std::move(row));
}

/// How many are there along an axis, and 1 where none is.
Tensor count_over(ProgramBuilder& builder, Tensor const& there, int axis) {
  return builder.apply(sum_over(builder, there, axis), {Function::clip, 1, std::numeric_limits<double>::infinity()});
}

}  // namespace

Tensor conceal(ProgramBuilder& builder, Tensor const& x, Tensor const& there) {
  Tensor const flat = x.reshaped({there.size(), x.size() / there.size()});
  return builder.multiply(flat, there.reshaped({there.size(), 1})).reshaped(x.shape);
}

Tensor mean_of_there(ProgramBuilder& builder, Tensor const& x, Tensor const& there) {
  Tensor const share = builder.apply(count_over(builder, there, 0), {Function::power, -1});
  return builder.multiply(sum_over(builder, x, 0), share.reshaped({1, 1})).reshaped({x.axis(1)});
}

/// A normalization of all positions does it: masked ones get the mean of the others, and all are divided by √(count / positions), since they
/// add no square. Groups without anything get numbers of which none is meant, whose variance is not 0, as eps may be.
Tensor normalize_there(ProgramBuilder& builder, Tensor const& x, Tensor const& there, double eps) {
  long const groups = x.axis(0), positions = x.axis(1), channels = x.axis(2), width = positions * channels;
  Tensor const here = there.reshaped({groups, positions, 1}), count = count_over(builder, here, 1);
  Tensor const share = builder.apply(count, {Function::power, -1});
  Tensor const sum = sum_over(builder, x.reshaped({groups, width}), 1, 1 / static_cast<double>(channels)).reshaped({groups, 1, 1});
  Tensor const masked = builder.apply(here, {Function::affine, -1, 1});
  Tensor const means = builder.multiply(masked, builder.multiply(sum, share));
  std::vector<double> anything(at(width));
  for (std::size_t i = 0; i < anything.size(); ++i) anything[i] = i % 2 == 0 ? 1 : -1;
  Tensor const empty = builder.apply(sum_over(builder, here, 1), {Function::zero});
  Tensor const fill = builder.multiply(empty, builder.constant(std::move(anything), {positions, channels}));
  Tensor const filled = builder.add(builder.add(x, means), fill);
  Tensor const part = builder.scale(count, 1 / static_cast<double>(positions));
  Tensor const y = builder.normalize(builder.multiply(filled, builder.apply(part, {Function::power, -0.5})).reshaped({groups, width}), eps);
  return builder.multiply(y.reshaped(x.shape), builder.multiply(here, builder.apply(part, {Function::power, 0.5})));
}

Tensor without_masked_keys(ProgramBuilder& builder, Tensor const& logits, Tensor const& there) {
  constexpr double far = 1e30;  // exp(-far) is 0, and far - far is 0 beside keys that are there
  return builder.add(logits, builder.apply(there, {Function::affine, far, -far}));
}

}  // namespace infinitile
