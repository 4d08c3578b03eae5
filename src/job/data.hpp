#pragma once

#include "job/job.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// Where the data of a job lie and how they are scaled, as the store reads it.
DataSpec data_spec(Job const& job);

/// The shapes of one sample, one per input: what a network is built for.
std::vector<std::vector<long>> input_shapes(Dataset const& dataset);

/// The same of a job, whose data are read where neither `stored` nor data.shape says how samples lie before they are scaled.
std::vector<std::vector<long>> input_shapes(Job const& job, std::vector<std::vector<long>> stored = {});

}  // namespace infinitile
