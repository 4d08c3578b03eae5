#pragma once

#include <span>
#include <vector>

#include "net/network.hpp"

// Where the positions of an output come from: pure arithmetic on sizes, for the rules and for every reading of a network.

namespace infinitile {

/// One spatial axis of a window that slides over positions. Source: TensorFlow's rule for SAME, reference 2.4.
struct WindowAxis {
  long input = 0;   ///< size
  long size = 0;    ///< of the window, its taps k = 0 .. size - 1
  long stride = 1;  ///< steps between windows
  long low = 0;     ///< positions before the first that the window of output 0 reaches
  long output = 0;  ///< size; 0 where the window does not fit
  Padding padding = Padding::valid;
  bool operator==(WindowAxis const&) const = default;
};

/// For conv, conv_local and the pools: output position o reads input positions stride o + k - low. One that is outside is zero, or, with
/// CIRCULAR, counted modulo input, as often around as it takes. Without strides they are 1.
/// VALID   low = 0, output = floor((input - size) / stride) + 1
/// SAME    output = ceil(input / stride), low = floor(max((output - 1) stride + size - input, 0) / 2); CIRCULAR the same
std::vector<WindowAxis> window_axes(std::span<long const> sizes, std::vector<long> const& window, std::vector<long> const& strides,
                                    Padding padding);

/// For conv_transpose: output position o receives input i through tap k where stride i - k + low = o, with CIRCULAR modulo output.
/// What falls outside is lost, except with CIRCULAR.
/// VALID     low = size - 1, output = stride input + max(size - stride, 0)
/// SAME      low = size - 1 if stride > size - 1, else ceil((size + stride - 2) / 2); output = stride input
/// CIRCULAR  VALID, then the overhang max(size - stride, 0) is folded back onto the torus of stride input positions: output o of VALID is
///           added to (o - floor(overhang / 2)) modulo (stride input). So low = size - 1 - floor(overhang / 2), output = stride input.
std::vector<WindowAxis> transposed_axes(std::span<long const> sizes, std::vector<long> const& window, std::vector<long> const& strides,
                                        Padding padding);

/// One spatial axis of an index: the output takes positions start + step i, i = 0 .. count - 1. A number takes one and drops the axis.
struct IndexAxis {
  long start = 0;
  long step = 1;
  long count = 0;
  bool dropped = false;
  bool operator==(IndexAxis const&) const = default;
};

/// One per spatial axis, by numpy's rules, the ellipsis expanded. The batch is the first axis and the channels the last, as in a Network;
/// both have to be taken whole. Throws Error without a place for anything else.
std::vector<IndexAxis> index_axes(Index const& index, std::span<long const> sizes);

/// The items of an index for that many axes, the ellipsis and what was left out at the end replaced by ':'. Throws Error without a place.
std::vector<IndexItem> expand_index(Index const& index, std::size_t axes);

/// The axes of an output of dot_general: each comes from an axis of the input, from one of the constant, or, running along both, from
/// both. Axes of the input are counted as written, batch and channels included.
struct ProductAxis {
  int input = -1;
  int constant = -1;
  bool operator==(ProductAxis const&) const = default;
};
struct ProductLayout {
  bool constant_is_left = false;
  std::vector<ProductAxis> output;      ///< in written order: product's batch axes, then what is left of the left side, then of the right
  std::vector<ProductAxis> contracted;  ///< summed over
};

/// Throws Error without a place where the axes do not fit. Without a constant the input is handed on as it is.
ProductLayout product_layout(DotGeneral const& product, Node const& input);

/// The sizes of the axes as written, 0 standing for the batch.
std::vector<long> written_sizes(Node const& node);

}  // namespace infinitile
