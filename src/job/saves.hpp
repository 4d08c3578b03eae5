#pragma once

#include "job/job.hpp"
#include "job/settings.hpp"

namespace infinitile {

/// parameters.save and dynamics.save replace the file that they name. Throws Error where that is a directory, lies in none, or is something
/// that the job reads or keeps: its own file, data, network, parameters, or what is in its output directory.
void check_saves(Settings const& settings, Job const& job);

}  // namespace infinitile
