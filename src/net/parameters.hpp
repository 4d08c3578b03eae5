#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

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
      break;
  }
  return "a finite number";
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
      break;
  }
  return true;
}

template <class T>
bool is_in_domain(T const& value, Domain domain) {
  if constexpr (std::is_arithmetic_v<T>) {
    return is_in_domain(static_cast<double>(value), domain);
  } else if constexpr (requires { value.has_value(); }) {
    return !value || is_in_domain(*value, domain);
  } else if constexpr (requires { value.begin(); }) {
    return std::all_of(value.begin(), value.end(), [&](auto const& each) { return is_in_domain(each, domain); });
  } else if constexpr (std::is_same_v<T, ParameterValue>) {
    return std::visit([&](auto const& each) { return is_in_domain(each, domain); }, value);
  } else {
    return true;  // a word or a fixed axis
  }
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
  } else {
    return "";  // a fixed axis
  }
}

}  // namespace infinitile
