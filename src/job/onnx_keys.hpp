#pragma once

#include <string>

#include "job/settings.hpp"

namespace infinitile {

/// The path of `network: {onnx: net.onnx}`; empty for a network in our language. Throws Error where other keys do not go with it: a kernel of
/// another kind than empirical, drawn parameters; and where parameters.skip is given without it.
std::string read_onnx_path(Settings const& settings, std::string const& kernel_kind);

}  // namespace infinitile
