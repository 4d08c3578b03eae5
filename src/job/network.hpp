#pragma once

#include <vector>

#include "base/signature.hpp"
#include "job/job.hpp"
#include "net/network.hpp"

namespace infinitile {

/// The network of a job for inputs of these shapes (of one sample, one per input). Throws Error with file, line and layer.
Network build_network(Job const& job, std::vector<std::vector<long>> const& shapes, std::vector<Signature> const& activations);

/// Throws Error for the first layer that has no infinite width.
void expect_infinite_width(Job const& job, Network const& network);

}  // namespace infinitile
