#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <hdf5.h>

/// HDF5's C interface with owners, checked codes and one-line errors. Its own printing is off; what it had to say goes into the Error.
/// One thread of a rank uses it: Debian's library is not built for more. File locks are off: half of the cluster file systems fail on them,
/// our files are renamed into place when they are complete, and two runs on one output are kept apart by OutputLock. HDF5_USE_FILE_LOCKING
/// in the environment still wins.
namespace infinitile::h5 {

/// An open HDF5 object, closed when dropped.
class Handle {
public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() { static_cast<void>(release()); }

  operator hid_t() const { return id_; }  // NOLINT: so that it can be handed to the C functions as it is
  /// Closes now, and tells whether that worked: closing a file still writes.
  [[nodiscard]] bool release() { return id_ < 0 || close_(std::exchange(id_, H5I_INVALID_HID)) >= 0; }

private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Throws unless `code` is a success: Error with `what` and the library's own reason; Stopped when the reason is a full disk.
hid_t check(hid_t code, std::string_view what);

/// The reason the library gave for its last failure, its innermost sentence.
std::string last_reason();

/// "1.10.8", and how files are locked: for --info.
std::string version();
std::string locking_mode();

// --- files and groups ------------------------------------------------------------------------------------------------
/// Throws Error: no such file, not an HDF5 file (`needed` says what is), cut short, no permission.
Handle open_file(std::filesystem::path const& path, std::string_view needed = "An HDF5 file, or .npy files, are needed.");
/// A new file, in the format that HDF5 1.10 and later read.
Handle create_file(std::filesystem::path const& path);
/// The group of that path; it and those above it are made where they do not exist. "" and "/" are the root. None notes
/// when it was made, so that the same result has the same bytes.
Handle require_group(hid_t file, std::string const& path);
/// The paths of all datasets, such as train/x.
std::vector<std::string> dataset_paths(hid_t file);

// --- datasets --------------------------------------------------------------------------------------------------------
enum class Kind { floating, integer, other };
struct Shape {
  std::vector<long> extents;  ///< empty for a scalar
  Kind kind = Kind::other;    ///< truth values are integers
};

/// Throws Error that names the nearest path that exists.
Handle open_dataset(hid_t file, std::string const& file_name, std::string const& path);
Shape shape_of(hid_t dataset);

template <class T>
hid_t native_type();
template <>
inline hid_t native_type<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
inline hid_t native_type<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
inline hid_t native_type<long>() {
  return H5T_NATIVE_LONG;
}

/// The whole dataset, row by row, converted to T by the library.
template <class T>
std::vector<T> read_all(hid_t dataset, std::string_view what);

/// For messages: the path in its file.
std::string place_name(hid_t location, std::string const& path);

/// An array in one piece, never filled before it is written. `path` may name groups that do not exist yet. Empty arrays are allowed.
Handle create_dataset(hid_t location, std::string const& path, hid_t type, std::vector<long> const& extents);
template <class T>
Handle write_dataset(hid_t location, std::string const& path, std::vector<long> const& extents, T const* values) {
  Handle dataset = create_dataset(location, path, native_type<T>(), extents);
  check(H5Dwrite(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "cannot write " + place_name(location, path));
  return dataset;
}

// --- attributes and axes -----------------------------------------------------------------------------------------------
using AttributeValue = std::variant<std::string, double, long, std::vector<std::string>, std::vector<double>, std::vector<long>>;
struct Attribute {
  std::string name;
  AttributeValue value;
};
void write_attribute(hid_t object, Attribute const& attribute);

/// A coordinate of an axis: the dataset becomes the dimension scale `name`.
void make_scale(hid_t dataset, std::string const& name);
/// Axis number `axis` of the dataset is measured by the scale and bears the label.
void attach_scale(hid_t dataset, unsigned axis, hid_t scale, std::string const& label);

// --- virtual datasets --------------------------------------------------------------------------------------------------
/// A matrix of numbers, or of arrays of numbers, put together from whole datasets of other files, which readers find relative to the file it
/// is in.
class VirtualMatrix {
public:
  /// `extents`: rows, columns, and what each entry has.
  explicit VirtualMatrix(std::vector<long> extents);
  /// The dataset `path` of `file`, with rows x cols entries, is the block at (row, col).
  void place(std::string const& file, std::string const& path, long row, long col, long rows, long cols);
  /// What a reader gets where nothing was placed or a file is gone is `absent`.
  Handle create(hid_t location, std::string const& path, hid_t type, double absent);

private:
  std::vector<long> extents_;
  Handle space_;
  Handle properties_;
};

}  // namespace infinitile::h5
