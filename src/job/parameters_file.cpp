#include "job/parameters_file.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "job/safetensors.hpp"
#include "store/file.hpp"
#include "store/hdf5.hpp"

namespace infinitile {

namespace {

/// Slashes before and behind a group say nothing more.
std::string below(std::string const& group, std::string const& path) {
  std::size_t const first = group.find_first_not_of('/');
  if (first == std::string::npos) return path;
  return text(group.substr(first, group.find_last_not_of('/') + 1 - first), "/", path);
}

void expect_shape(std::vector<long> const& found, ParameterSpec const& spec, std::string const& where) {
  if (found != spec.shape)
    throw Error(fmt::format("{} has the shape ({}); the network needs ({}). Check that the file belongs to this network.", where,
                            fmt::join(found, ", "), fmt::join(spec.shape, ", ")));
}

void expect_numbers(std::vector<double> const& values, std::string const& where) {
  auto const bad = std::ranges::find_if_not(values, [](double v) { return std::isfinite(v); });
  if (bad != values.end())
    throw Error(text(where, ": number ", bad - values.begin(), ", counted from 0 row by row, is ", *bad, "; finite numbers are needed."));
}

/// A parameter too many means that the file belongs to another network. `known`: those of the network; of the file only names that begin
/// with `prefix` count.
void expect_known(std::vector<std::string> const& names, std::vector<std::string> const& known, std::string const& prefix,
                  std::string const& file) {
  for (std::string const& name : names)
    if (name.starts_with(prefix) && std::ranges::find(known, name) == known.end())
      throw Error(text(file, " has the parameter ", name, ", which the network does not have; it has ", known.size(),
                       " parameters. Check that the file belongs to this network."));
}

std::vector<double> read_dataset(hid_t file, std::string const& name, std::string const& path, ParameterSpec const& spec) {
  h5::Handle const dataset = h5::open_dataset(file, name, path);
  h5::Shape const found = h5::shape_of(dataset);
  std::string const where = text(path, " of ", name);
  if (found.kind != h5::Kind::floating) throw Error(text(where, " holds no floating numbers; parameters are floating numbers."));
  expect_shape(found.extents, spec, where);
  std::vector<double> values = h5::read_all<double>(dataset, where);
  expect_numbers(values, where);
  return values;
}

ParameterValues read_hdf5(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs) {
  h5::Handle const open = h5::open_file(file, "Parameters are read from HDF5 files, and from those whose names end with .safetensors.");
  ParameterValues values;
  std::vector<std::string> known;
  for (ParameterSpec const& spec : specs)
    values.push_back(read_dataset(open, file.string(), known.emplace_back(below(group, spec.path)), spec));
  expect_known(h5::dataset_paths(open), known, below(group, ""), file.string());
  return values;
}

ParameterValues read_dotted(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs) {
  Safetensors const open(file);
  ParameterValues values;
  std::vector<std::string> known, names;
  for (ParameterSpec const& spec : specs) {
    std::string const& name = known.emplace_back(dotted(below(group, spec.path)));
    std::string const where = text(name, " of ", file.string());
    Safetensors::Array const& array = open.find(name);
    expect_shape(array.shape, spec, where);
    expect_numbers(values.emplace_back(open.read(array, where)), where);
  }
  for (auto const& [name, array] : open.arrays()) names.push_back(name);
  expect_known(names, known, dotted(below(group, "")), file.string());
  return values;
}

}  // namespace

bool is_safetensors(std::filesystem::path const& file) {
  return file.extension() == ".safetensors";
}

std::string dotted(std::string path) {
  std::ranges::replace(path, '/', '.');
  return path;
}

ParameterValues read_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs) {
  return is_safetensors(file) ? read_dotted(file, group, specs) : read_hdf5(file, group, specs);
}

void write_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs,
                      ParameterValues const& values) {
  INFINITILE_EXPECT(specs.size() == values.size());
  for (std::size_t p = 0; p < specs.size(); ++p) INFINITILE_EXPECT(values[p].size() == at(specs[p].size()));
  if (is_safetensors(file)) {
    std::vector<NamedArray> arrays;
    for (std::size_t p = 0; p < specs.size(); ++p) arrays.push_back({dotted(below(group, specs[p].path)), specs[p].shape, &values[p]});
    return write_safetensors(file, arrays);
  }
  h5::Handle open = h5::create_file(unfinished(file));
  for (std::size_t p = 0; p < specs.size(); ++p) h5::write_dataset(open, below(group, specs[p].path), specs[p].shape, values[p].data());
  if (!open.release()) throw Error(text("cannot write ", file.string(), ": ", h5::last_reason(), "."));
  publish(file);
}

}  // namespace infinitile
