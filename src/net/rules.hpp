#pragma once

#include <string>
#include <vector>

#include "net/network.hpp"

namespace infinitile {

/// The node with what follows from its inputs filled in: shape, width, Gaussian or not; axes in their one form. The draft has op, path and
/// line. Throws Error, beginning with `place`, when the operation cannot stand there.
Node complete(Node draft, std::vector<Node const*> const& inputs, std::string const& place);

}  // namespace infinitile
