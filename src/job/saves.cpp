#include "job/saves.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

/// One spelling for each place.
fs::path real_path(fs::path const& path) {
  std::error_code unknown;
  fs::path const real = fs::weakly_canonical(path, unknown);
  return unknown ? path.lexically_normal() : real;
}

std::vector<fs::path> files_that_are_read(Job const& job) {
  std::vector<fs::path> files{job.file, job.parameters.file};
  auto const add = [&](Job::Source const& source) {
    if (!source.file.empty()) {
      files.emplace_back(source.file);
      return;
    }
    for (auto const* const arrays : {&source.x, &source.mask}) files.insert(files.end(), arrays->begin(), arrays->end());
    files.insert(files.end(), {source.y, source.pattern});
  };
  add(job.data.train);
  if (job.data.test) add(*job.data.test);
  if (job.network.IsMap() && job.network["file"] && job.network["file"].IsScalar())  // parameters of ONNX files are never saved
    files.push_back(job.file.parent_path() / job.network["file"].Scalar());
  return files;
}

bool is_below(fs::path const& file, fs::path const& directory) {
  auto const end = std::mismatch(directory.begin(), directory.end(), file.begin(), file.end());
  return end.first == directory.end();
}

}  // namespace

void check_saves(Settings const& settings, Job const& job) {
  for (auto const& [key, given] : {std::pair("parameters.save", job.parameters.save), std::pair("dynamics.save", job.dynamics.save)}) {
    if (given.empty()) continue;
    fs::path const file = real_path(given), directory = file.parent_path();
    if (fs::is_directory(file)) settings.refuse(key, "that is a directory. Name a file in it.");
    if (is_below(file, real_path(job.output))) settings.refuse(key, "that lies in the output directory of the run. Name a file elsewhere.");
    if (!fs::is_directory(directory))
      settings.refuse(key, text("there is no directory ", directory.string(), ". Make it, or name another file."));
    for (fs::path const& read : files_that_are_read(job))
      if (!read.empty() && real_path(read) == file)
        settings.refuse(key, "the job reads that file, and it would be replaced. Name another one.");
  }
}

}  // namespace infinitile
