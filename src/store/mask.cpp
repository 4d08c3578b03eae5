#include "store/mask.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// Rows and the sizes of the axes between them and the channels.
std::vector<long> shape_of_mask(InputArray const& input) {
  std::vector<long> shape{std::ssize(input.values) / input.features()};
  shape.insert(shape.end(), input.shape.begin(), input.shape.end() - 1);
  return shape;
}

/// Nothing is known of an input without any position; its kernels would all be 0.
void expect_something_left(InputArray const& input, std::string const& key) {
  auto const width = product(input.shape) / input.shape.back();
  for (auto row = input.masked.begin(); row != input.masked.end(); row += width)
    if (std::all_of(row, row + width, [](unsigned char masked) { return masked != 0; }))
      throw Error(text(key, " leaves nothing of row ", (row - input.masked.begin()) / width, " of ", input.source.name(),
                       " (counted from 0): all ", width, " positions are padding. Take the row out."));
}

}  // namespace

void take_mask(InputArray& input, RawArray const& mask, std::string const& key) {
  std::string const name = mask.source.name();
  std::vector<long> const wanted = shape_of_mask(input);
  if (mask.shape != wanted)
    throw Error(text(key, ", ", name, ", has shape ", shape_text(mask.shape), "; ", shape_text(wanted),
                     " is needed: rows and positions, without the channels. A sample of ", input.source.name(), " has shape ",
                     shape_text(input.shape), "; data.shape says where its positions are."));
  if (!mask.integral)
    throw Error(text(key, ", ", name, ", holds floats; truth values or integers are needed, not 0 where a position is padding."));
  input.masked.assign(mask.values.size(), 0);
  for (std::size_t i = 0; i < mask.values.size(); ++i) input.masked[i] = mask.values[i] != 0 ? 1 : 0;
  input.mask_source = mask.source;
  expect_something_left(input, key);
}

void mask_padding(InputArray& input, double padding) {
  if (input.shape.size() < 2) return;
  auto const channels = input.shape.back();
  input.masked.assign(input.values.size() / static_cast<std::size_t>(channels), 0);
  auto value = input.values.begin();
  for (unsigned char& masked : input.masked) {
    masked = std::all_of(value, value + channels, [padding](double x) { return x == padding; }) ? 1 : 0;
    value += channels;
  }
  expect_something_left(input, "data.padding");
}

void clear_masked(InputArray& input) {
  for (std::size_t i = 0; !input.masked.empty() && i < input.values.size(); ++i)
    if (input.is_masked(i)) input.values[i] = 0;
}

}  // namespace infinitile
