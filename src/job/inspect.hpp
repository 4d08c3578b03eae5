#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "job/job.hpp"

namespace infinitile {

/// The file itself, or result.h5 of a directory. Throws Error when there is none.
std::filesystem::path file_to_inspect(std::filesystem::path const& path);

/// True for what begins as an HDF5 file does.
bool is_result(std::filesystem::path const& file);

/// A job or a network in words: its layers, shapes, parameters, and what the readings support. `shape` is YAML, of one input or a list of
/// them; a job has its own, in data.shape or in its data.
std::string describe_yaml(std::filesystem::path const& file, JobOptions const& options, std::optional<std::string> const& shape);

}  // namespace infinitile
