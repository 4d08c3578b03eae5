#pragma once

#include <filesystem>

#include "job/job.hpp"
#include "job/settings.hpp"

namespace infinitile {

/// The section data; paths are relative to `base`. Throws Error where its keys do not go together.
Job::Data read_data(Settings const& settings, std::filesystem::path const& base);

}  // namespace infinitile
