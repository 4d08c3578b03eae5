#pragma once

#include "comm/communicator.hpp"

namespace infinitile {

/// Throws Stopped on every rank as soon as a signal asked any of them to stop (base/stop.hpp). Collective; one small all_reduce.
void stop_if_asked(Communicator const& comm);

/// Throws Stopped if a signal asked this rank to stop; for work that ends in an agreement of all ranks.
void stop_if_signalled();

}  // namespace infinitile
