#pragma once

#include <string>
#include <vector>

#include "net/network.hpp"

namespace infinitile {

/// What messages call each step of the network's program: "job.yaml:7: layer 3/1/0 (dense)".
template <class Program>
std::vector<std::string> step_places(Network const& network, Program const& program) {
  std::vector<std::string> out;
  for (auto const& step : program.steps) out.push_back(step.node < 0 ? network.source() : network.where(network.node(step.node)));
  return out;
}

}  // namespace infinitile
