#pragma once

#include <string>

#include "finite/empirical_kernel.hpp"
#include "onnx/import.hpp"

namespace infinitile {

/// An imported network as a table: nodes that compute with inputs, shapes of one sample, parameters, and how the use of each in a tangent kernel
/// of tiles with that side is computed; then what counts as a parameter.
std::string describe_onnx(OnnxNetwork const& network, KernelAxes const& axes, NtkMethod method, int side);

}  // namespace infinitile
