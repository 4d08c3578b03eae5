#pragma once

#include "comm/communicator.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// What rank 0 has read, on every rank, apart from the hashes of its files. Collective; the data of the other ranks are not read.
Data share_data(Communicator const& comm, Data data);

}  // namespace infinitile
