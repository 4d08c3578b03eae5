#include "store/describe.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "store/hdf5.hpp"

namespace infinitile {

namespace {

using h5::Handle;

long count(std::vector<long> const& extents) {
  return std::accumulate(extents.begin(), extents.end(), 1L, std::multiplies<>());
}

/// The shape of an attribute or dataset from its space.
std::vector<long> extents_of(hid_t space) {
  std::vector<hsize_t> extents(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  return {extents.begin(), extents.end()};
}

std::vector<std::string> read_strings(hid_t attribute, hid_t type, hid_t space, std::size_t size) {
  std::vector<std::string> words;
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> raw(size, nullptr);
    h5::check(H5Aread(attribute, type, raw.data()), "reading an attribute failed");
    for (char const* const word : raw) words.emplace_back(word == nullptr ? "" : word);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw.data());
    return words;
  }
  std::size_t const length = H5Tget_size(type);
  std::string raw(size * length, '\0');
  h5::check(H5Aread(attribute, type, raw.data()), "reading an attribute failed");
  for (std::size_t i = 0; i < size; ++i) words.emplace_back(raw.substr(i * length, length).c_str());  // ends at the first zero
  return words;
}

/// A text of several lines is told by its length.
std::string in_one_line(std::string const& words) {
  auto const lines = std::count(words.begin(), words.end(), '\n');
  if (lines > 1) return fmt::format("({} lines)", lines);
  return words.size() <= 100 ? words : words.substr(0, 97) + "...";
}

std::string show_list(std::vector<std::string> words) {
  constexpr std::size_t most = 12;
  if (words.size() == 1) return words.front();
  if (words.size() > most) {
    words.resize(most);
    words.emplace_back("...");
  }
  return text("[", join(words, ", ", ", "), "]");
}

/// The value of an attribute; empty for what only HDF5 itself reads, such as references to axes.
std::string attribute_text(hid_t attribute) {
  Handle const type(h5::check(H5Aget_type(attribute), "reading an attribute failed"), H5Tclose);
  Handle const space(h5::check(H5Aget_space(attribute), "reading an attribute failed"), H5Sclose);
  auto const size = static_cast<std::size_t>(count(extents_of(space)));
  H5T_class_t const kind = H5Tget_class(type);
  std::vector<std::string> words;
  if (kind == H5T_STRING) {
    for (auto const& word : read_strings(attribute, type, space, size)) words.push_back(in_one_line(word));
  } else if (kind == H5T_INTEGER) {
    std::vector<long> values(size);
    h5::check(H5Aread(attribute, H5T_NATIVE_LONG, values.data()), "reading an attribute failed");
    for (long const value : values) words.push_back(text(value));
  } else if (kind == H5T_FLOAT) {
    std::vector<double> values(size);
    h5::check(H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()), "reading an attribute failed");
    for (double const value : values) words.push_back(fmt::format("{:.10g}", value));
  }
  return show_list(words);
}

/// What netCDF readers and dimension scales write for themselves.
bool is_plumbing(std::string const& name) {
  static std::vector<std::string> const names{"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS"};
  return std::ranges::find(names, name) != names.end() || name.starts_with("_");
}

std::string attributes_text(hid_t object, std::string const& indent) {
  std::vector<std::string> names;
  auto const take = [](hid_t, char const* name, H5A_info_t const*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  h5::check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &names), "listing the attributes failed");
  std::string out;
  for (auto const& name : names) {
    if (is_plumbing(name)) continue;
    Handle const attribute(h5::check(H5Aopen(object, name.c_str(), H5P_DEFAULT), "opening an attribute failed"), H5Aclose);
    std::string const value = attribute_text(attribute);
    if (!value.empty()) out += fmt::format("{}{:<26}{}\n", indent, name, value);
  }
  return out;
}

std::string type_text(hid_t dataset) {
  Handle const type(h5::check(H5Dget_type(dataset), "reading a type failed"), H5Tclose);
  std::size_t const bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return text("float", bits);
    case H5T_INTEGER:
      return text(H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int", bits);
    case H5T_STRING:
      return "text";
    default:
      return "other";
  }
}

std::string dataset_text(hid_t dataset, std::string const& path) {
  Handle const space(h5::check(H5Dget_space(dataset), "reading a shape failed"), H5Sclose);
  std::vector<std::string> extents;
  for (long const extent : extents_of(space)) extents.push_back(text(extent));
  return fmt::format("{:<28}{:<10}({})\n", path, type_text(dataset), join(extents, ", ", ", "));
}

std::vector<std::string> object_paths(hid_t file) {
  std::vector<std::string> paths;
  auto const take = [](hid_t, char const* name, H5L_info_t const*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  h5::check(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, take, &paths), "listing the file failed");
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

std::string describe_result(std::filesystem::path const& file) {
  Handle const root = h5::open_file(file);
  std::string out = file.string() + "\n" + attributes_text(root, "  ") + "\n";
  for (auto const& path : object_paths(root)) {
    Handle const object(H5Oopen(root, path.c_str(), H5P_DEFAULT), H5Oclose);
    if (object < 0) continue;  // a link that leads nowhere
    std::string const attributes = attributes_text(object, "    ");
    if (H5Iget_type(object) == H5I_DATASET) {
      out += dataset_text(object, path) + attributes;
    } else if (!attributes.empty()) {
      out += path + "/\n" + attributes;
    }
  }
  return out;
}

}  // namespace infinitile
