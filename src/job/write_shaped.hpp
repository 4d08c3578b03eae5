#pragma once

#include <string>

#include "net/reader.hpp"
#include "shaping/shape_network.hpp"

namespace infinitile {

/// The network in the words that it was written in, every activation with its new scaling: the text of a file for `network: {file: ...}`.
/// `network` was read from `written`. Throws Error, naming the layer, where copies of one layer (in a repeat) would need different scalings.
std::string write_shaped(WrittenNetwork const& written, Network const& network, ShapedNetwork const& shaped);

}  // namespace infinitile
