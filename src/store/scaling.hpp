#pragma once

#include "store/dataset.hpp"

namespace infinitile {

/// Scales the inputs of train and test as `scale` says. Throws Error where a norm or all deviations are zero.
void scale_inputs(Data& data, Scale scale);

}  // namespace infinitile
