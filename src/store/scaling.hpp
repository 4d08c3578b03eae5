#pragma once

#include "store/dataset.hpp"

namespace infinitile {

/// Scales the inputs of train and test as `scale` says. Throws Error where a norm or all deviations are zero.
void scale_inputs(Data& data, Scale scale, PerLocation const& per_location = {});

/// Puts h beside the channels of each position and divides all of them by the root of their mean square: x ← (x, h) / √(mean of (x, h)²), which
/// is 1 afterwards. There is no epsilon. Padding stays padding, and no mean knows of it. Source: dks reference 3.5.
/// Throws Error, naming file, row and position, where all of (x, h) is 0, and where avg_q has no positions.
void normalize_locations(InputArray& input, PerLocation const& how);

}  // namespace infinitile
