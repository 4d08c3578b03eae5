#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/ops.hpp"

// What can be said of a parameter by its type: whether it lies in its domain, and how it is written.

namespace infinitile {

/// "a number that is not negative" and so on.
inline std::string_view in_words(Domain domain) {
  switch (domain) {
    case Domain::not_negative:
      return "a number that is not negative";
    case Domain::positive:
      return "a number above zero";
    case Domain::keep_probability:
      return "a number above 0 and up to 1, the probability to keep a unit,";
    case Domain::any:
    case Domain::given:
      break;
  }
  return "a finite number";
}

/// The same for a parameter of type T.
template <class T>
std::string in_words_of(Domain domain) {
  if constexpr (std::is_same_v<T, std::vector<long>>) {
    return domain == Domain::positive ? "a list of integers above zero, one per spatial axis," : "a list of integers, one per axis,";
  } else if constexpr (std::is_same_v<T, std::optional<ResizeMethod>>) {
    return join({words_of<ResizeMethod>.begin(), words_of<ResizeMethod>.end()}, ", ", " or ");
  } else if constexpr (std::is_same_v<T, std::vector<IndexItem>>) {
    return "a list of what stands between numpy's brackets, such as [':', '1:6:2', 0],";
  } else if constexpr (std::is_same_v<T, long> || std::is_same_v<T, std::optional<long>>) {
    return domain == Domain::positive ? "an integer above zero" : "an integer";
  } else if constexpr (std::is_same_v<T, std::array<long, 2>>) {
    return "a list of 2 integers above zero";
  } else {
    return std::string(in_words(domain));
  }
}

inline bool is_in_domain(double value, Domain domain) {
  if (!std::isfinite(value)) return false;
  switch (domain) {
    case Domain::not_negative:
      return value >= 0;
    case Domain::positive:
      return value > 0;
    case Domain::keep_probability:
      return value > 0 && value <= 1;
    case Domain::any:
    case Domain::given:
      break;
  }
  return true;
}

/// Has the array as many values as its shape says?
inline bool is_whole(ConstantArray const& array) {
  std::size_t values = 1;
  for (long const size : array.shape) {
    if (size < 1 || static_cast<std::size_t>(size) > array.values.size()) return false;
    values *= static_cast<std::size_t>(size);
    if (values > array.values.size()) return false;
  }
  return values == array.values.size();
}

template <class T>
bool is_in_domain(T const& value, Domain domain) {
  if constexpr (std::is_arithmetic_v<T>) {
    return is_in_domain(static_cast<double>(value), domain);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? is_in_domain(*value, domain) : domain != Domain::given;
  } else if constexpr (std::is_same_v<T, PositionDecay>) {
    return is_in_domain(value.rate, Domain::not_negative) && is_in_domain(value.values, domain);
  } else if constexpr (std::is_same_v<T, ConstantArray>) {
    INFINITILE_EXPECT(is_whole(value));
    return is_in_domain(value.values, domain);
  } else if constexpr (requires { value.begin(); }) {
    if (domain == Domain::given && value.begin() == value.end()) return false;
    return std::all_of(value.begin(), value.end(), [&](auto const& each) { return is_in_domain(each, domain); });
  } else if constexpr (std::is_same_v<T, ParameterValue>) {
    return std::visit([&](auto const& each) { return is_in_domain(each, domain); }, value);
  } else {
    return true;  // a word, an item of an index, axes
  }
}

/// "[1:6:2, 0]" is written ['1:6:2', 0]: YAML could take the plain text for something else.
inline std::string write_item(IndexItem const& item) {
  if (item.kind == IndexItem::Kind::ellipsis) return "'...'";
  auto const part = [](std::optional<long> number) { return number ? fmt::format("{}", *number) : std::string(); };
  if (item.kind == IndexItem::Kind::number) return part(item.start);
  return fmt::format("'{}:{}{}'", part(item.start), part(item.stop), item.step ? fmt::format(":{}", *item.step) : "");
}

/// Nested lists, from value number `first` on, over the axes from number `axis` on.
template <class Number>
std::string write_nested(ConstantArray const& array, Number number, std::size_t axis = 0, std::size_t first = 0) {
  if (axis == array.shape.size()) return number(array.values[first] + 0.0);
  std::size_t stride = 1;
  for (std::size_t i = axis + 1; i < array.shape.size(); ++i) stride *= static_cast<std::size_t>(array.shape[i]);
  std::string out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(array.shape[axis]); ++i)
    out += (i == 0 ? "[" : ", ") + write_nested(array, number, axis + 1, first + i * stride);
  return out + "]";
}

/// A value as text; numbers through `number`, which decides about their digits.
template <class T, class Number>
std::string write_value(T const& value, Number number) {
  if constexpr (std::is_enum_v<T>) {
    return std::string(words_of<T>[static_cast<std::size_t>(value)]);
  } else if constexpr (std::is_same_v<T, double>) {
    return number(value + 0.0);  // -0 is 0
  } else if constexpr (std::is_arithmetic_v<T>) {
    return fmt::format("{}", value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? write_value(*value, number) : "none";
  } else if constexpr (requires { value.begin(); }) {
    std::string out;
    for (auto const& each : value) out += (out.empty() ? "[" : ", ") + write_value(each, number);
    return (out.empty() ? "[" : out) + "]";
  } else if constexpr (std::is_same_v<T, ParameterValue>) {
    return std::visit([&](auto const& each) { return write_value(each, number); }, value);
  } else if constexpr (std::is_same_v<T, IndexItem>) {
    return write_item(value);
  } else if constexpr (std::is_same_v<T, PositionDecay>) {
    if (value.kind == PositionDecay::Kind::values) return write_value(value.values, number);
    return "{" + write_value(value.kind, number) + ": {rate: " + write_value(value.rate, number) + "}}";
  } else if constexpr (std::is_same_v<T, ConstantArray>) {
    return write_nested(value, number);
  } else if constexpr (std::is_same_v<T, ProductAxes>) {
    auto const both = [&](auto const& one, auto const& other) {
      return "[" + write_value(one, number) + ", " + write_value(other, number) + "]";
    };
    return "[" + both(value.contract_left, value.contract_right) + ", " + both(value.batch_left, value.batch_right) + "]";
  } else {
    return "";  // a fixed axis
  }
}

}  // namespace infinitile
