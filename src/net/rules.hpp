#pragma once

#include <string>
#include <vector>

#include "net/network.hpp"

namespace infinitile {

/// "net.yaml:7: layer 3/1/0 (dense)": how messages about a node begin.
std::string where_written(std::string const& source, Node const& node);

/// The node with what follows from its inputs filled in: shape, width, Gaussian or not; axes in their one form. The draft has op, path and
/// line. Throws Error when the operation cannot stand there; `source` is the file's name for its message.
Node complete(Node draft, std::vector<Node const*> const& inputs, std::string const& source);

}  // namespace infinitile
