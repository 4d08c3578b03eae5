#pragma once

#include "store/dataset.hpp"
#include "store/raw_array.hpp"

namespace infinitile {

/// Gives an input its mask, truth values or integers of shape (rows, positions...), not 0 where a position is padding. `key` is
/// "data.train.mask". An input without positions has one of shape (rows), all 0. Throws Error for any other shape or type, and for a row with
/// nothing left.
void take_mask(InputArray& input, RawArray const& mask, std::string const& key);

/// Masks the positions all of whose channels are `padding`; an input without positions stays as it is. Throws Error for a row with nothing left.
void mask_padding(InputArray& input, double padding);

/// Masked positions become 0, so that nothing is read of what stands there.
void clear_masked(InputArray& input);

}  // namespace infinitile
