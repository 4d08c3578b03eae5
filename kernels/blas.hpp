#pragma once

#include <string>

namespace infinitile {

/// The BLAS library that runs, with its version and the processor it chose its code for: "OpenBLAS 0.3.21 ... SkylakeX".
std::string blas_description();

}  // namespace infinitile
