#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "finite/parameters.hpp"

namespace infinitile {

// Parameters of a finite network in a file, of the kind that its name ends with: safetensors, or HDF5 for all other names. Below `group`
// each is an array at its path: params/3/1/0/w in HDF5, params.3.1.0.w in safetensors, which have no directories.

bool is_safetensors(std::filesystem::path const& file);
/// A path as safetensors spell it: with dots.
std::string dotted(std::string path);

/// Throws Error, naming file and array: one is missing, has another shape, is no floating numbers, holds a number that is not finite, or the
/// file has one that the network does not know.
ParameterValues read_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs);

/// In float64. The file appears when it is complete, in place of one of that name.
void write_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs,
                      ParameterValues const& values);

}  // namespace infinitile
