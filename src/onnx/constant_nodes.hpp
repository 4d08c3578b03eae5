#pragma once

#include "onnx/operators.hpp"

namespace infinitile {

/// What an operator makes of known numbers: for each result a program of its own, which is run once. Entries that are the batch's size are
/// followed to where they go.
GraphValues compute_constants(NodeContext const& node, Operator apply);

}  // namespace infinitile
