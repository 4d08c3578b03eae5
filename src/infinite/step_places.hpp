#pragma once

#include <string>
#include <vector>

#include "kernels/pair_program.hpp"
#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The node of each step of the network's program; -1 for copies, which belong to none.
std::vector<int> nodes_of_steps(Network const& network, PairProgram const& program);
std::vector<int> nodes_of_steps(Network const& network, PositionProgram const& program);

/// What messages call each step: "job.yaml:7: layer 3/1/0 (dense)".
template <class Program>
std::vector<std::string> step_places(Network const& network, Program const& program) {
  std::vector<std::string> out;
  for (int const n : nodes_of_steps(network, program)) out.push_back(n < 0 ? network.source() : network.where(network.node(n)));
  return out;
}

}  // namespace infinitile
