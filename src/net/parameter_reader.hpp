#pragma once

#include "net/network.hpp"
#include "net/op_parameters.hpp"
#include "net/yaml.hpp"

// Parameters that are more than a number or a word. Each throws Error with line, key, what was found and what is needed.

namespace infinitile {

/// A list of integers, also [], or one alone.
std::vector<long> read_sizes(Field const& field);

/// A number, or nested lists of numbers, of one length per level.
ConstantArray read_constant(Field const& field);

/// [[[left contracted], [right contracted]], [[left along], [right along]]].
ProductAxes read_product_axes(Field const& field);

/// A list of items, or one item alone: an integer, or text such as ':', '1:6:2', '::-1', '...'.
std::vector<IndexItem> read_index(Field const& field);

/// null, or the names of the axes of input, filter and output that are standard here: [NHWC, HWIO, NHWC].
void check_layout(Field const& field);

/// An axis that has to be where batch or channels of the input are, in either way to count it.
void check_axis(Field const& field, FixedAxis fixed, Node const& input);

}  // namespace infinitile
