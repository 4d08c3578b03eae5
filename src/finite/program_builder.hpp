#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "finite/program.hpp"

namespace infinitile {

/// A value with the shape it is looked at in, of one sample, row-major; another shape of the same numbers is another Tensor of the same
/// value.
struct Tensor {
  int value = 0;
  std::vector<long> shape;

  long size() const;
  long axis(int i) const { return shape.at(static_cast<std::size_t>(i < 0 ? i + static_cast<int>(shape.size()) : i)); }
  Tensor reshaped(std::vector<long> to) const;
};

/// Which positions a window sees: position picks[o · taps + t], or none where that is -1, at output o through tap t.
struct WindowPicks {
  int taps = 1;
  std::vector<int> picks;
};

/// Writes a FiniteProgram. Shapes are those of one sample: there is no axis for the batch. An operation on parameters alone makes a value
/// that all samples share.
class ProgramBuilder {
public:
  Tensor input(std::vector<long> shape);
  Tensor parameter(ParameterSpec spec);
  Tensor constant(std::vector<double> numbers, std::vector<long> shape);

  /// x (.., k) times w (k, n), scaled.
  Tensor dense(Tensor const& x, Tensor const& w, double scale = 1);
  /// Matrices of the last two axes; of the axis before them, `groups`, one operand may lack it. transposed: right is (.., n, k).
  enum class Right { plain, transposed };
  Tensor product(Tensor const& left, Tensor const& right, double scale = 1, Right side = Right::plain);
  /// x (positions, in) and w (taps, in / groups, out) to (out positions, out).
  Tensor convolve(Tensor const& x, Tensor const& w, WindowPicks picks, double scale = 1, int groups = 1);
  /// The numbers of x (positions, in) under each window: (out positions, taps · in).
  Tensor windows(Tensor const& x, WindowPicks const& picks);

  /// Axes of size 1, and axes that one of them lacks in front, stretch to those of the other.
  Tensor add(Tensor const& left, Tensor const& right, double left_weight = 1, double right_weight = 1);
  Tensor multiply(Tensor const& left, Tensor const& right, double scale = 1);
  Tensor scale(Tensor const& x, double factor);
  Tensor activate(Tensor const& x, AnyActivation const& f);
  Tensor apply(Tensor const& x, primitive::Pointwise const& f);
  /// Of one shape.
  Tensor select(Tensor const& condition, Tensor const& one, Tensor const& other);

  /// Axis i of the result is axis order[i] of x.
  Tensor permute(Tensor const& x, std::vector<int> const& order);
  /// x as it would be with the axes of the shape; see add.
  Tensor stretch(Tensor const& x, std::vector<long> const& shape);
  /// Entries of an axis, in the given order.
  Tensor take(Tensor const& x, int axis, std::vector<int> const& entries);
  /// An axis through a sparse matrix (out, in).
  Tensor mix(Tensor const& x, int axis, PositionTap matrix);
  Tensor join(std::vector<Tensor> const& parts, int axis);
  /// The largest number under each window of x (positions, channels), channel by channel.
  Tensor largest(Tensor const& x, WindowPicks picks);
  /// Rows of a table (entries, ..) at indices (..), which are whole numbers: (indices.., ..).
  Tensor look_up(Tensor const& indices, Tensor const& table);

  /// Over the last axis.
  Tensor normalize(Tensor const& x, double eps);
  Tensor softmax(Tensor const& x);

  /// Without the instructions that the output does not depend on.
  FiniteProgram finish(Tensor const& output) &&;

private:
  int new_value(long size, bool is_shared, int parameter = -1);
  Tensor put(Primitive primitive, std::initializer_list<Tensor> operands, std::vector<long> shape);
  Tensor put(Primitive primitive, std::span<Tensor const> operands, std::vector<long> shape);

  FiniteProgram program_;
};

}  // namespace infinitile
