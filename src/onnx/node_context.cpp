#include "onnx/node_context.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

std::vector<long> shape_of(GraphValue const& value) {
  if (auto const* const tensor = std::get_if<GraphTensor>(&value)) return tensor->shape();
  return std::get<OnnxArray>(value).shape;
}

std::string shape_words(std::vector<long> const& shape) {
  return fmt::format("({})", fmt::join(shape, ", "));
}

void NodeContext::fail(std::string const& what) const {
  throw Error(text(model_.where(node_), ": ", what));
}

void NodeContext::fail_mixing(std::string const& how) const {
  fail(text("it ", how,
            ", so that it would mix the samples of a batch; a kernel needs outputs that depend on one sample each. Keep the batch on an "
            "axis of its own, or export the network for a batch of exactly 1."));
}

GraphValue const& NodeContext::value(int i) const {
  if (!has(i)) fail(text("operand ", i, " is missing. The file is damaged: export it again."));
  return *operands_[at(i)];
}

OnnxArray const& NodeContext::known(int i, std::string_view role) const {
  if (auto const* const array = std::get_if<OnnxArray>(&value(i))) return *array;
  fail(text("operand ", i, ", ", role, ", is computed from inputs or parameters (", node_.inputs[at(i)],
            "); a constant is needed. Where it is an initializer, name it in parameters.skip."));
}

double NodeContext::known_number(int i, std::string_view role) const {
  OnnxArray const& array = known(i, role);
  if (array.numbers.empty()) fail(text("operand ", i, ", ", role, ", is empty; a number is needed. The file is damaged: export it again."));
  return array.numbers[0];
}

long NodeContext::known_integer(int i, std::string_view role) const {
  static_cast<void>(known_number(i, role));
  return known(i, role).integers()[0];
}

GraphTensor NodeContext::tensor(int i) const {
  if (auto const* const tensor = std::get_if<GraphTensor>(&value(i))) return *tensor;
  auto const& array = std::get<OnnxArray>(value(i));
  if (std::ranges::find(array.of_batch, true) != array.of_batch.end()) fail_mixing("computes with the size of the batch");
  return {builder_.constant(array.numbers, array.shape), in_order(array.shape.size()), array.kind};
}

std::vector<long> NodeContext::shape(int i) const {
  return shape_of(value(i));
}

template <class T>
T const* NodeContext::attribute(std::string const& name) const {
  auto const found = node_.attributes.find(name);
  if (found == node_.attributes.end()) return nullptr;
  if (auto const* const out = std::get_if<T>(&found->second.value)) return out;
  fail(text("attribute ", name, " has a type that ", node_.op, " does not have. The file is damaged: export it again."));
}

double NodeContext::number(std::string const& name, double standard) const {
  auto const* const found = attribute<double>(name);
  return found != nullptr ? *found : standard;
}
long NodeContext::integer(std::string const& name, long standard) const {
  auto const* const found = attribute<long>(name);
  return found != nullptr ? *found : standard;
}
std::vector<long> NodeContext::integers(std::string const& name, std::vector<long> standard) const {
  auto const* const found = attribute<std::vector<long>>(name);
  return found != nullptr ? *found : standard;
}
std::string NodeContext::word(std::string const& name, std::string standard) const {
  auto const* const found = attribute<std::string>(name);
  return found != nullptr ? *found : standard;
}

std::optional<std::vector<long>> NodeContext::integers(int operand, std::string const& name) const {
  if (has(operand)) return known(operand, name).integers();
  if (has_attribute(name)) return integers(name);
  return std::nullopt;
}

int NodeContext::axis(long number, int rank) const {
  if (number < -rank || number >= rank)
    fail(text("axis ", number, " does not exist in a value with ", rank, " axes. Export the network again."));
  return static_cast<int>(number < 0 ? number + rank : number);
}

long NodeContext::entry(long number, long axis, long size) const {
  if (number < -size || number >= size) fail(text("it takes entry ", number, " of axis ", axis, ", whose size is ", size, "."));
  return number < 0 ? number + size : number;
}

void NodeContext::expect_size(double numbers) const {
  constexpr double most = 1e9;
  if (numbers > most) fail(text("it makes ", numbers, " numbers; at most ", most, " are taken."));
}

void NodeContext::expect_apart(GraphTensor const& x, int axis, std::string_view deed) const {
  if (x.batch && x.batch->axis == axis) fail_mixing(text(deed, " axis ", axis, ", along which the samples lie"));
}

}  // namespace infinitile
