#pragma once

#include "job/job.hpp"
#include "job/settings.hpp"

namespace infinitile {

/// Reads data.scale: a word, or {per_location: {...}}. Throws Error with file, line and key.
void read_scale(Settings const& settings, Job::Data& data);

/// data.scale with all that it left out, so that spelling makes no difference.
YAML::Node complete_scale(Job::Data const& data);

}  // namespace infinitile
