#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "base/text.hpp"
#include "net/network.hpp"
#include "net/op_parameters.hpp"
#include "net/yaml.hpp"

// Parameters by their types. Each function throws Error with line, key, what was found and what is needed.

namespace infinitile {

/// A list of integers, also [], or one alone.
std::vector<long> read_sizes(Field const& field);

/// A number, or nested lists of numbers, of one length per level.
ConstantArray read_constant(Field const& field);

/// [[[left contracted], [right contracted]], [[left along], [right along]]].
ProductAxes read_product_axes(Field const& field);

/// A list of items, or one item alone: an integer, or text such as ':', '1:6:2', '::-1', '...'.
std::vector<IndexItem> read_index(Field const& field);

/// exp, power, {exp: {rate: 0.5}}, or a list of values.
PositionDecay read_decay(Field const& field);

/// null, or the names of the axes of input, filter and output that are standard here: [NHWC, HWIO, NHWC].
void check_layout(Field const& field);

/// An axis that has to be where batch or channels of the input are, in either way to count it.
void check_axis(Field const& field, FixedAxis fixed, Node const& input);

/// A value of that field as an int. Throws Error where it is too large.
int read_int(Field const& field, long value);

std::string in_lower_case(std::string word);

/// The value of a field as the type of the parameter it is for.
template <class T>
T read_as(Field const& field) {
  if constexpr (std::is_same_v<T, double>) {
    return read_number(field);
  } else if constexpr (std::is_same_v<T, long>) {
    return read_integer(field);
  } else if constexpr (std::is_same_v<T, bool>) {
    return read_flag(field);
  } else if constexpr (std::is_same_v<T, std::vector<long>>) {
    return read_sizes(field);
  } else if constexpr (std::is_same_v<T, std::vector<IndexItem>>) {
    return read_index(field);
  } else if constexpr (std::is_same_v<T, ConstantArray>) {
    return read_constant(field);
  } else if constexpr (std::is_same_v<T, ProductAxes>) {
    return read_product_axes(field);
  } else if constexpr (std::is_same_v<T, PositionDecay>) {
    return read_decay(field);
  } else if constexpr (std::is_same_v<T, std::vector<int>>) {
    std::vector<int> out;
    for (long const each : read_integers(field)) out.push_back(read_int(field, each));
    return out;
  } else if constexpr (std::is_same_v<T, std::array<long, 2>>) {
    if (!field.value.IsSequence() || field.value.size() != 2) field.fail("a list of 2 integers");
    std::vector<long> const both = read_integers(field);
    return {both[0], both[1]};
  } else if constexpr (std::is_enum_v<T>) {
    std::vector<std::string> const words(words_of<T>.begin(), words_of<T>.end());
    std::string const given = read_word(field);
    auto const found = std::ranges::find_if(words, [&](auto const& word) { return word == given || in_lower_case(word) == given; });
    if (found == words.end()) field.fail(join(words, ", ", " or "));
    return static_cast<T>(found - words.begin());
  } else {  // std::optional
    return field.value.IsNull() ? T{} : T{read_as<typename T::value_type>(field)};
  }
}

}  // namespace infinitile
