#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "finite/parameters.hpp"

namespace infinitile {

/// Parameters of a finite network in an HDF5 file: below `group` each is a dataset at its path, such as params/3/1/0/w.
/// Throws Error, naming file and dataset: one is missing, has another shape, is no floating numbers, holds a number that is not finite, or
/// the file has one that the network does not know.
ParameterValues read_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs);

/// The file appears when it is complete, in place of one of that name.
void write_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs,
                      ParameterValues const& values);

}  // namespace infinitile
