#pragma once

#include <filesystem>
#include <vector>

#include "job/finite_reading.hpp"
#include "job/job.hpp"
#include "job/settings.hpp"

namespace infinitile {

/// parameters.save and dynamics.save replace the file that they name. Throws Error where that is a directory, lies in none, or is something
/// that the job reads or keeps: its own file, data, network, parameters, or what is in its output directory.
void check_saves(Settings const& settings, Job const& job);

/// The same for what an ONNX file brings: `files` beside it, and names of initializers that one file of parameters cannot have together.
void check_onnx_saves(Job const& job, std::vector<OnnxParameter> const& initializers, std::vector<std::filesystem::path> const& files);

/// Initializers as a file of parameters has them: their paths, and their own shapes.
std::vector<ParameterSpec> specs_in_file(std::vector<OnnxParameter> const& initializers);

/// Writes the parameters of a network, those of an ONNX file by the names and in the layout of its initializers, so that parameters.file
/// reads the same bits.
void save_parameters(std::filesystem::path const& file, FiniteReading const& reading, ParameterValues const& values);

}  // namespace infinitile
