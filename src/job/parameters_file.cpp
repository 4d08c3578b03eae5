#include "job/parameters_file.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "store/file.hpp"
#include "store/hdf5.hpp"

namespace infinitile {

namespace {

std::string below(std::string const& group, std::string const& path) {
  return group.empty() || group == "/" ? path : text(group, "/", path);
}

std::vector<double> read_parameter(hid_t file, std::string const& name, std::string const& path, ParameterSpec const& spec) {
  h5::Handle const dataset = h5::open_dataset(file, name, path);
  h5::Shape const found = h5::shape_of(dataset);
  std::string const where = text(path, " of ", name);
  if (found.kind != h5::Kind::floating) throw Error(text(where, " holds no floating numbers; parameters are floating numbers."));
  if (found.extents != spec.shape)
    throw Error(fmt::format("{} has the shape ({}); the network needs ({}). Check that the file belongs to this network.", where,
                            fmt::join(found.extents, ", "), fmt::join(spec.shape, ", ")));
  std::vector<double> values = h5::read_all<double>(dataset, where);
  auto const bad = std::ranges::find_if_not(values, [](double v) { return std::isfinite(v); });
  if (bad != values.end())
    throw Error(text(where, ": number ", bad - values.begin(), ", counted from 0 row by row, is ", *bad, "; finite numbers are needed."));
  return values;
}

/// A parameter too many means that the file belongs to another network.
void expect_known(hid_t file, std::string const& name, std::string const& group, std::span<ParameterSpec const> specs) {
  std::vector<std::string> known;
  for (ParameterSpec const& spec : specs) known.push_back(below(group, spec.path));
  std::string const prefix = below(group, "");
  for (std::string const& path : h5::dataset_paths(file))
    if (path.starts_with(prefix) && std::ranges::find(known, path) == known.end())
      throw Error(text(name, " has the parameter ", path, ", which the network does not have; it has ", known.size(),
                       " parameters. Check that the file belongs to this network."));
}

}  // namespace

ParameterValues read_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs) {
  h5::Handle const open = h5::open_file(file);
  ParameterValues values;
  for (ParameterSpec const& spec : specs) values.push_back(read_parameter(open, file.string(), below(group, spec.path), spec));
  expect_known(open, file.string(), group, specs);
  return values;
}

void write_parameters(std::filesystem::path const& file, std::string const& group, std::span<ParameterSpec const> specs,
                      ParameterValues const& values) {
  INFINITILE_EXPECT(specs.size() == values.size());
  h5::Handle open = h5::create_file(unfinished(file));
  for (std::size_t p = 0; p < specs.size(); ++p) {
    INFINITILE_EXPECT(values[p].size() == at(specs[p].size()));
    h5::write_dataset(open, below(group, specs[p].path), specs[p].shape, values[p].data());
  }
  if (!open.release()) throw Error(text("cannot write ", file.string(), ": ", h5::last_reason(), "."));
  publish(file);
}

}  // namespace infinitile
