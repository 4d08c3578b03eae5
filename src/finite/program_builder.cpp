#include "finite/program_builder.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/index.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

std::size_t axis_of(Tensor const& x, int axis) {
  return at(axis < 0 ? axis + std::ssize(x.shape) : axis);
}

/// Where the lines along the last axis of a result begin in an operand that has those strides along the result's axes.
primitive::Lines lines_along(std::span<long const> shape, std::span<long const> strides) {
  primitive::Lines out;
  long const count = shape.empty() ? 1 : product_of(shape.first(shape.size() - 1));
  for (long line = 0; line < count; ++line) {
    long rest = line, place = 0;
    for (std::size_t a = shape.size() - 1; a-- > 0; rest /= shape[a]) place += rest % shape[a] * strides[a];
    out.first.push_back(number(place));
  }
  out.step = shape.empty() ? 1 : number(strides.back());
  return out;
}

/// An operand along the axes of a result, its missing and single ones standing still; plain where it has that shape already.
primitive::Lines stretched(Tensor const& x, std::span<long const> shape) {
  if (product_of(x.shape) == product_of(shape)) return {};
  std::vector<long> const own = strides_of(x.shape);
  std::vector<long> strides(shape.size(), 0);
  std::size_t const missing = shape.size() - x.shape.size();
  for (std::size_t a = 0; a < x.shape.size(); ++a)
    if (x.shape[a] != 1) strides[missing + a] = own[a];
  return lines_along(shape, strides);
}

/// The shape that both stretch to.
std::vector<long> common_shape(Tensor const& left, Tensor const& right) {
  bool const left_longer = left.shape.size() >= right.shape.size();
  std::vector<long> out = left_longer ? left.shape : right.shape;
  std::vector<long> const& other = left_longer ? right.shape : left.shape;
  std::size_t const missing = out.size() - other.size();
  for (std::size_t a = 0; a < other.size(); ++a) {
    long& size = out[missing + a];
    INFINITILE_EXPECT(size == other[a] || size == 1 || other[a] == 1);
    size = std::max(size, other[a]);
  }
  return out;
}

/// Add or Multiply on the common shape of two operands.
template <class P>
std::pair<P, std::vector<long>> between(Tensor const& left, Tensor const& right, P p) {
  std::vector<long> shape = common_shape(left, right);
  p.read[0] = stretched(left, shape);
  p.read[1] = stretched(right, shape);
  bool const plain = p.read[0].plain() && p.read[1].plain();
  p.width = number(plain || shape.empty() ? product_of(shape) : shape.back());
  p.lines = number(product_of(shape) / p.width);
  return {std::move(p), std::move(shape)};
}

}  // namespace

long Tensor::size() const {
  return product_of(shape);
}

Tensor Tensor::reshaped(std::vector<long> to) const {
  INFINITILE_EXPECT(product_of(to) == size());
  return {value, std::move(to)};
}

int ProgramBuilder::new_value(long size, bool is_shared, int parameter) {
  program_.values.push_back({size, is_shared, parameter});
  return number(std::ssize(program_.values)) - 1;
}

Tensor ProgramBuilder::input(std::vector<long> shape) {
  int const value = new_value(product_of(shape), false);
  program_.inputs.push_back(value);
  return {value, std::move(shape)};
}

Tensor ProgramBuilder::parameter(ParameterSpec spec) {
  int const value = new_value(spec.size(), true, number(std::ssize(program_.parameters)));
  program_.parameter_values.push_back(value);
  program_.parameters.push_back(spec);
  return {value, std::move(spec.shape)};
}

Tensor ProgramBuilder::constant(std::vector<double> numbers, std::vector<long> shape) {
  INFINITILE_EXPECT(std::ssize(numbers) == product_of(shape));
  int const value = new_value(product_of(shape), true);
  program_.constants.push_back({value, std::move(numbers)});
  return {value, std::move(shape)};
}

Tensor ProgramBuilder::put(Primitive primitive, std::initializer_list<Tensor> operands, std::vector<long> shape) {
  return put(std::move(primitive), std::span(operands.begin(), operands.size()), std::move(shape));
}

Tensor ProgramBuilder::put(Primitive primitive, std::span<Tensor const> operands, std::vector<long> shape) {
  bool is_shared = true;
  std::vector<int> numbers;
  for (Tensor const& x : operands) {
    is_shared = is_shared && program_.value(x.value).is_shared;
    numbers.push_back(x.value);
  }
  int const result = new_value(product_of(shape), is_shared);
  program_.instructions.push_back({std::move(primitive), std::move(numbers), result});
  return {result, std::move(shape)};
}

Tensor ProgramBuilder::add(Tensor const& left, Tensor const& right, double left_weight, double right_weight) {
  primitive::Add p;
  p.left = left_weight;
  p.right = right_weight;
  auto [placed, shape] = between(left, right, std::move(p));
  return put(std::move(placed), {left, right}, std::move(shape));
}

Tensor ProgramBuilder::multiply(Tensor const& left, Tensor const& right, double scale) {
  primitive::Multiply p;
  p.scale = scale;
  auto [placed, shape] = between(left, right, std::move(p));
  return put(std::move(placed), {left, right}, std::move(shape));
}

Tensor ProgramBuilder::scale(Tensor const& x, double factor) {
  primitive::Read p;
  p.width = number(x.size());
  p.scale = factor;
  return put(std::move(p), {x}, x.shape);
}

Tensor ProgramBuilder::activate(Tensor const& x, AnyActivation const& f) {
  return put(primitive::Activate{f}, {x}, x.shape);
}

Tensor ProgramBuilder::apply(Tensor const& x, primitive::Pointwise const& f) {
  return put(f, {x}, x.shape);
}

Tensor ProgramBuilder::select(Tensor const& condition, Tensor const& one, Tensor const& other) {
  INFINITILE_EXPECT(condition.shape == one.shape && condition.shape == other.shape);
  return put(primitive::Select{}, {condition, one, other}, one.shape);
}

Tensor ProgramBuilder::permute(Tensor const& x, std::vector<int> const& order) {
  std::vector<long> const own = strides_of(x.shape);
  std::vector<long> shape, strides;
  bool moved = false;
  for (std::size_t a = 0; a < order.size(); ++a) {
    shape.push_back(x.shape[at(order[a])]);
    strides.push_back(own[at(order[a])]);
    moved = moved || order[a] != static_cast<int>(a);
  }
  if (!moved) return x;
  primitive::Read p;
  p.read[0] = lines_along(shape, strides);
  p.width = number(shape.back());
  p.lines = number(std::ssize(p.read[0].first));
  return put(std::move(p), {x}, std::move(shape));
}

Tensor ProgramBuilder::stretch(Tensor const& x, std::vector<long> const& shape) {
  if (x.size() == product_of(shape)) return x.reshaped(shape);
  primitive::Read p;
  p.read[0] = stretched(x, shape);
  p.width = number(shape.back());
  p.lines = number(std::ssize(p.read[0].first));
  return put(std::move(p), {x}, shape);
}

Tensor ProgramBuilder::take(Tensor const& x, int axis, std::vector<int> const& entries) {
  std::size_t const a = axis_of(x, axis);
  long const outer = product_of(std::span(x.shape).first(a)), inner = product_of(std::span(x.shape).subspan(a + 1));
  primitive::Read p;
  for (long o = 0; o < outer; ++o)
    for (int const entry : entries) p.read[0].first.push_back(number((o * x.shape[a] + entry) * inner));
  p.lines = number(std::ssize(p.read[0].first));
  p.width = number(inner);
  std::vector<long> shape = x.shape;
  shape[a] = std::ssize(entries);
  return put(std::move(p), {x}, std::move(shape));
}

Tensor ProgramBuilder::mix(Tensor const& x, int axis, PositionTap matrix) {
  std::size_t const a = axis_of(x, axis);
  primitive::Mix p;
  p.outer = number(product_of(std::span(x.shape).first(a)));
  p.in = number(x.shape[a]);
  p.inner = number(product_of(std::span(x.shape).subspan(a + 1)));
  p.matrix = std::move(matrix);
  std::vector<long> shape = x.shape;
  shape[a] = p.out();
  return put(std::move(p), {x}, std::move(shape));
}

Tensor ProgramBuilder::join(std::vector<Tensor> const& parts, int axis) {
  if (parts.size() == 1) return parts[0];
  std::size_t const a = axis_of(parts[0], axis);
  std::vector<long> shape = parts[0].shape;
  primitive::Join p;
  p.outer = number(product_of(std::span(shape).first(a)));
  long const inner = product_of(std::span(shape).subspan(a + 1));
  shape[a] = 0;
  for (Tensor const& part : parts) {
    p.widths.push_back(number(part.shape[a] * inner));
    shape[a] += part.shape[a];
  }
  return put(std::move(p), std::span(parts), std::move(shape));
}

Tensor ProgramBuilder::normalize(Tensor const& x, double eps) {
  return put(primitive::Normalize{number(x.size() / x.axis(-1)), number(x.axis(-1)), eps}, {x}, x.shape);
}

Tensor ProgramBuilder::softmax(Tensor const& x) {
  return put(primitive::Softmax{number(x.size() / x.axis(-1)), number(x.axis(-1))}, {x}, x.shape);
}

FiniteProgram ProgramBuilder::finish(Tensor const& output) && {
  program_.output = output.value;
  program_.output_shape = output.shape;
  std::vector<bool> needed(program_.values.size(), false);
  needed[at(output.value)] = true;
  for (auto i = program_.instructions.rbegin(); i != program_.instructions.rend(); ++i)
    if (needed[at(i->result)])
      for (int const operand : i->operands) needed[at(operand)] = true;
  std::erase_if(program_.instructions, [&](Instruction const& i) { return !needed[at(i.result)]; });
  return std::move(program_);
}

}  // namespace infinitile
