#pragma once

#include "job/job.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// Where the data of a job lie and how they are scaled, as the store reads it.
DataSpec data_spec(Job const& job);

}  // namespace infinitile
