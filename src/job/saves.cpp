#include "job/saves.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/parameters_file.hpp"
#include "store/file.hpp"

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
  files.push_back(job.onnx);
  if (job.network.IsMap() && job.network["file"] && job.network["file"].IsScalar())
    files.push_back(job.file.parent_path() / job.network["file"].Scalar());
  return files;
}

bool is_below(fs::path const& file, fs::path const& directory) {
  auto const end = std::mismatch(directory.begin(), directory.end(), file.begin(), file.end());
  return end.first == directory.end();
}

std::string refusal(std::string const& key, std::string const& given, std::string const& why) {
  return text(key, " is ", given, ", but ", why);
}

/// A part of the path that means another place: . or ..
bool has_dots_alone(fs::path const& path) {
  return std::ranges::any_of(path, [](fs::path const& part) { return part == "." || part == ".."; });
}

/// Why a file cannot be begun at that place, or nothing. Rights alone do not tell: some directories take no files from anyone.
std::string why_not_writable(fs::path const& file) {
  fs::path const part = unfinished(file);
  std::error_code unknown;
  bool const was_there = fs::exists(part, unknown);
  int const descriptor = ::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return std::strerror(errno);
  ::close(descriptor);
  if (!was_there) fs::remove(part, unknown);
  return "";
}

/// A file has one array for each name, and in HDF5 nothing below an array.
void expect_different_names(std::string const& key, std::string const& given, std::vector<OnnxParameter> const& initializers) {
  bool const dots = is_safetensors(given);
  std::map<std::string, std::string> names;  // by what they are in the file
  for (OnnxParameter const& each : initializers) {
    std::string const path = dots ? dotted(each.path()) : each.path();
    if (one_line(path) != path)
      throw Error(refusal(key, given, text("the initializer ", each.name, " has letters in its name that are no text. Rename it.")));
    if (has_dots_alone(each.path()) || (dots && path == "__metadata__"))
      throw Error(refusal(key, given, text("the initializer ", each.name, " has a name that such files keep for themselves. Rename it.")));
    auto const [found, is_new] = names.emplace(path, each.name);
    if (!is_new)
      throw Error(refusal(key, given,
                          text("the initializers ", found->second, " and ", each.name, " would both be ", path,
                               " there. Rename one of them", dots ? ", or save to HDF5." : ".")));
  }
  if (dots) return;
  for (auto const& [path, name] : names)
    for (std::size_t cut = path.find('/'); cut != std::string::npos; cut = path.find('/', cut + 1))
      if (auto const above = names.find(path.substr(0, cut)); above != names.end())
        throw Error(refusal(key, given,
                            text("HDF5 has no place for the initializer ", name, " below ", above->second,
                                 ". Rename one of them, or save to ", "a file that ends with .safetensors.")));
}

}  // namespace

void check_onnx_saves(Job const& job, std::vector<OnnxParameter> const& initializers, std::vector<fs::path> const& files) {
  for (auto const& [key, given] : {std::pair("parameters.save", job.parameters.save), std::pair("dynamics.save", job.dynamics.save)}) {
    if (given.empty()) continue;
    for (fs::path const& file : files)
      if (real_path(file) == real_path(given))
        throw Error(refusal(key, given, text("the network has numbers in that file, and it would be replaced. Name another one.")));
    expect_different_names(key, given, initializers);
  }
}

void save_parameters(fs::path const& file, FiniteReading const& reading, ParameterValues const& values) {
  if (reading.initializers.empty()) return write_parameters(file, "", reading.program.parameters, values);
  ParameterValues as_in_file;
  for (std::size_t p = 0; p < values.size(); ++p) as_in_file.push_back(reading.initializers[p].as_in_file(values[p]));
  write_parameters(file, "", specs_in_file(reading.initializers), as_in_file);
}

std::vector<ParameterSpec> specs_in_file(std::vector<OnnxParameter> const& initializers) {
  std::vector<ParameterSpec> specs;
  for (OnnxParameter const& each : initializers) specs.push_back({each.path(), each.shape});
  return specs;
}

void check_saves(Settings const& settings, Job const& job) {
  for (auto const& [key, given] : {std::pair("parameters.save", job.parameters.save), std::pair("dynamics.save", job.dynamics.save)}) {
    if (given.empty()) continue;
    fs::path const file = real_path(given), directory = file.parent_path();
    if (fs::is_directory(file)) settings.refuse(key, "that is a directory. Name a file in it.");
    if (is_below(file, real_path(job.output))) settings.refuse(key, "that lies in the output directory of the run. Name a file elsewhere.");
    if (!fs::is_directory(directory))
      settings.refuse(key, text("there is no directory ", directory.string(), ". Make it, or name another file."));
    if (std::string const why = why_not_writable(file); !why.empty())
      settings.refuse(key, text("no file can be written there (", why, "). Name a file elsewhere."));
    for (fs::path const& read : files_that_are_read(job))
      if (!read.empty() && real_path(read) == file)
        settings.refuse(key, "the job reads that file, and it would be replaced. Name another one.");
  }
}

}  // namespace infinitile
