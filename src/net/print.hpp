#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/network.hpp"

namespace infinitile {

/// One more column of the table, such as what a reading says of a node.
struct TableColumn {
  std::string title;
  std::function<std::string(Node const&)> text;
};

/// The network as a table: path, layer with the parameters that are not at their defaults, shape, parameters of the finite network,
/// Gaussian or not, then the given columns. Copies that are alike are shown once: "4/1..4/19  19 copies of:".
std::string describe(Network const& network, std::vector<TableColumn> const& columns = {});

/// "dense (out_dim 512, w_std 1.5)".
std::string describe(Op const& op);

}  // namespace infinitile
