#include "store/hdf5.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include <hdf5_hl.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/file.hpp"

namespace infinitile::h5 {

namespace {

/// What the library said about its last failure.
struct Failure {
  std::string reason;  ///< the innermost sentence
  int code = 0;        ///< the errno in it, if any
};

Failure last_failure() {
  Failure failure;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned, H5E_error2_t const* entry, void* out) -> herr_t {
        auto& found = *static_cast<Failure*>(out);
        std::string const words = entry->desc == nullptr ? "" : entry->desc;
        if (found.reason.empty()) found.reason = words;
        auto const at = words.find("errno = ");
        if (found.code == 0 && at != std::string::npos) found.code = std::atoi(words.c_str() + at + std::strlen("errno = "));
        return 0;
      },
      &failure);
  std::replace(failure.reason.begin(), failure.reason.end(), '\n', ' ');
  return failure;
}

/// The library as all our calls want it: silent, and without work of its own at the end of the program. We close what we open; a file that
/// a full disk did not let it close would end that work in a crash.
void begin() {
  [[maybe_unused]] static bool const once = H5dont_atexit() >= 0 && H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
}

Handle file_access() {
  begin();
  Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "HDF5 gives no access properties"), H5Pclose);
  check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110), "HDF5 cannot write the format of 1.10");
  check(H5Pset_file_locking(access, 0, 1), "HDF5 cannot turn its file locks off");
  // Large pieces of structure, so that few lie between the values; and values go straight from our memory to the file, not through a
  // buffer.
  check(H5Pset_meta_block_size(access, hsize_t{1} << 16), "HDF5 takes no metadata block size");
  check(H5Pset_sieve_buf_size(access, 0), "HDF5 takes no sieve size");
  return access;
}

std::vector<hsize_t> extents_of(std::vector<long> const& shape) {
  return {shape.begin(), shape.end()};
}

Handle make_space(std::vector<long> const& shape) {
  auto const extents = extents_of(shape);
  return {check(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), "HDF5 takes no such shape"), H5Sclose};
}

/// For what may have a path with groups that do not exist yet.
Handle intermediate_groups() {
  Handle links(check(H5Pcreate(H5P_LINK_CREATE), "HDF5 gives no link properties"), H5Pclose);
  check(H5Pset_create_intermediate_group(links, 1), "HDF5 makes no groups");
  return links;
}

Handle string_type() {
  Handle type(check(H5Tcopy(H5T_C_S1), "HDF5 gives no text type"), H5Tclose);
  check(H5Tset_size(type, H5T_VARIABLE), "HDF5 gives no text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "HDF5 gives no text type");
  return type;
}

void write_values(hid_t object, std::string const& name, hid_t type, Handle const& space, void const* values) {
  std::string const what = "writing the attribute " + name + " failed";
  Handle const attribute(check(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), what), H5Aclose);
  check(H5Awrite(attribute, type, values), what);
}

Handle scalar_space() {
  return {check(H5Screate(H5S_SCALAR), "HDF5 gives no scalar"), H5Sclose};
}

struct AttributeWriter {
  hid_t object;
  std::string const& name;

  void operator()(std::string const& value) const {
    char const* const words = value.c_str();
    write_values(object, name, string_type(), scalar_space(), &words);
  }
  void operator()(double value) const { write_values(object, name, H5T_NATIVE_DOUBLE, scalar_space(), &value); }
  void operator()(long value) const { write_values(object, name, H5T_NATIVE_LONG, scalar_space(), &value); }
  void operator()(std::vector<std::string> const& values) const {
    std::vector<char const*> words;
    for (auto const& value : values) words.push_back(value.c_str());
    write_values(object, name, string_type(), make_space({static_cast<long>(words.size())}), words.data());
  }
  template <class T>
  void operator()(std::vector<T> const& values) const {
    write_values(object, name, native_type<T>(), make_space({static_cast<long>(values.size())}), values.data());
  }
};

}  // namespace

std::string last_reason() {
  return last_failure().reason;
}

hid_t check(hid_t code, std::string_view what) {
  if (code >= 0) return code;
  Failure const failure = last_failure();
  if (is_full_disk(failure.code))
    throw Stopped(text(what, ": ", std::strerror(failure.code), ". Make room and run the same command again: it goes on from there."));
  throw Error(text(what, ": ", failure.reason.empty() ? "HDF5 gives no reason" : failure.reason, "."));
}

std::string version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return text(major, ".", minor, ".", release);
}

std::string locking_mode() {
  char const* const wish = std::getenv("HDF5_USE_FILE_LOCKING");
  return wish == nullptr ? "off" : text("as HDF5_USE_FILE_LOCKING=", wish, " says");
}

Handle open_file(std::filesystem::path const& path, std::string_view needed) {
  Handle const access = file_access();
  std::error_code none;
  if (!std::filesystem::exists(path, none)) throw Error(text("there is no file ", path.string(), ". Check the path."));
  if (!std::filesystem::is_regular_file(path, none)) throw Error(text(path.string(), " is not a file. An HDF5 file is needed."));
  PlainFile const readable(path, PlainFile::Use::read);  // says so when it is not
  hid_t const id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
  if (id >= 0) return {id, H5Fclose};
  std::string const reason = last_reason();
  if (H5Fis_hdf5(path.c_str()) <= 0) throw Error(text(path.string(), " is not an HDF5 file. ", needed));
  throw Error(text("the HDF5 file ", path.string(), " is damaged or cut short (", reason, "). Copy or make it again."));
}

Handle create_file(std::filesystem::path const& path) {
  begin();
  std::string const what = "cannot write " + path.string();
  Handle const root(check(H5Pcreate(H5P_FILE_CREATE), what), H5Pclose);
  check(H5Pset_obj_track_times(root, 0), what);
  return {check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, root, file_access()), what), H5Fclose};
}

/// One level after the other: groups that HDF5 makes on the way to another note the time.
Handle require_group(hid_t file, std::string const& path) {
  std::string const what = "making the group " + path + " failed";
  Handle const properties(check(H5Pcreate(H5P_GROUP_CREATE), what), H5Pclose);
  check(H5Pset_obj_track_times(properties, 0), what);
  for (auto slash = path.find('/', 1); !path.empty(); slash = path.find('/', slash + 1)) {
    std::string const part = path.substr(0, slash);
    if (part != "/" && H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0)
      Handle(check(H5Gcreate2(file, part.c_str(), H5P_DEFAULT, properties, H5P_DEFAULT), what), H5Gclose);
    if (slash == std::string::npos) break;
  }
  return {check(H5Gopen2(file, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), what), H5Gclose};
}

std::vector<std::string> dataset_paths(hid_t file) {
  std::vector<std::string> paths;
  auto const take = [](hid_t root, char const* name, H5L_info_t const*, void* out) -> herr_t {
    Handle const object(H5Oopen(root, name, H5P_DEFAULT), H5Oclose);  // a link may lead nowhere
    if (object >= 0 && H5Iget_type(object) == H5I_DATASET) static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  check(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, take, &paths), "listing the datasets failed");
  std::sort(paths.begin(), paths.end());
  return paths;
}

Handle open_dataset(hid_t file, std::string const& file_name, std::string const& path) {
  hid_t const id = H5Dopen2(file, path.c_str(), H5P_DEFAULT);
  if (id >= 0) return {id, H5Dclose};
  auto const paths = dataset_paths(file);
  std::vector<std::string> shown(paths.begin(), paths.begin() + std::min<std::ptrdiff_t>(6, std::ssize(paths)));
  if (shown.size() < paths.size()) shown.push_back("others");
  throw Error(text(file_name, " has no dataset ", path, "; it has ", shown.empty() ? "none" : join(shown), ".", did_you_mean(path, paths)));
}

Shape shape_of(hid_t dataset) {
  Handle const space(check(H5Dget_space(dataset), "reading a shape failed"), H5Sclose);
  Handle const type(check(H5Dget_type(dataset), "reading a type failed"), H5Tclose);
  std::vector<hsize_t> extents(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  bool const null = H5Sget_simple_extent_type(space) == H5S_NULL;
  H5T_class_t const kind = H5Tget_class(type);
  return {{extents.begin(), extents.end()},
          null                                      ? Kind::other
          : kind == H5T_FLOAT                       ? Kind::floating
          : kind == H5T_INTEGER || kind == H5T_ENUM ? Kind::integer
                                                    : Kind::other};
}

template <class T>
std::vector<T> read_all(hid_t dataset, std::string_view what) {
  auto const extents = shape_of(dataset).extents;
  std::vector<T> values(static_cast<std::size_t>(std::accumulate(extents.begin(), extents.end(), 1L, std::multiplies<>())));
  check(H5Dread(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), text("reading ", what, " failed"));
  return values;
}
template std::vector<double> read_all(hid_t, std::string_view);
template std::vector<float> read_all(hid_t, std::string_view);
template std::vector<long> read_all(hid_t, std::string_view);

std::string place_name(hid_t location, std::string const& path) {
  std::array<char, 4096> name{};
  return H5Fget_name(location, name.data(), name.size()) > 0 ? path + " of " + name.data() : path;
}

Handle create_dataset(hid_t location, std::string const& path, hid_t type, std::vector<long> const& extents) {
  std::string const what = "cannot write " + place_name(location, path);
  Handle const properties(check(H5Pcreate(H5P_DATASET_CREATE), what), H5Pclose);
  check(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY), what);
  check(H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER), what);
  check(H5Pset_obj_track_times(properties, 0), what);
  return {check(H5Dcreate2(location, path.c_str(), type, make_space(extents), intermediate_groups(), properties, H5P_DEFAULT), what),
          H5Dclose};
}

void write_attribute(hid_t object, Attribute const& attribute) {
  std::visit(AttributeWriter{object, attribute.name}, attribute.value);
}

void make_scale(hid_t dataset, std::string const& name) {
  check(H5DSset_scale(dataset, name.c_str()), "making the axis " + name + " failed");
}

void attach_scale(hid_t dataset, unsigned axis, hid_t scale, std::string const& label) {
  check(H5DSattach_scale(dataset, scale, axis), "attaching the axis " + label + " failed");
  check(H5DSset_label(dataset, axis, label.c_str()), "labelling the axis " + label + " failed");
}

VirtualMatrix::VirtualMatrix(std::vector<long> extents)
    : extents_(std::move(extents)),
      space_(make_space(extents_)),
      properties_(check(H5Pcreate(H5P_DATASET_CREATE), "HDF5 gives no dataset properties"), H5Pclose) {}

void VirtualMatrix::place(std::string const& file, std::string const& path, long row, long col, long rows, long cols) {
  std::vector<long> first(extents_.size(), 0), size = extents_;
  first[0] = row, first[1] = col;
  size[0] = rows, size[1] = cols;
  auto const start = extents_of(first), count = extents_of(size);
  check(H5Sselect_hyperslab(space_, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), "placing " + path + " failed");
  check(H5Pset_virtual(properties_, space_, file.c_str(), path.c_str(), make_space(size)), "placing " + path + " failed");
}

Handle VirtualMatrix::create(hid_t location, std::string const& path, hid_t type, double absent) {
  std::string const what = "cannot write " + place_name(location, path);
  // In the type of the dataset: HDF5's own conversion of NaN raises a floating-point exception, which builds with traps do not survive.
  float const single = static_cast<float>(absent);
  bool const is_single = check(H5Tequal(type, H5T_NATIVE_FLOAT), what) > 0;
  check(is_single ? H5Pset_fill_value(properties_, H5T_NATIVE_FLOAT, &single) : H5Pset_fill_value(properties_, H5T_NATIVE_DOUBLE, &absent),
        what);
  check(H5Pset_obj_track_times(properties_, 0), what);
  return {check(H5Dcreate2(location, path.c_str(), type, space_, intermediate_groups(), properties_, H5P_DEFAULT), what), H5Dclose};
}

}  // namespace infinitile::h5
