#pragma once

#include "job/job.hpp"
#include "job/settings.hpp"

namespace infinitile {

/// The section shape of a job. Throws Error: where, which key of shape.subnetworks, what was found, what is needed.
Job::Shape read_shape(Settings const& settings);

}  // namespace infinitile
