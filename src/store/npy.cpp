#include "store/npy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/file.hpp"
#include "store/half.hpp"

namespace infinitile {

namespace {

/// What stands between the quotes or brackets after 'KEY': in the header, a Python dictionary.
std::optional<std::string> field(std::string const& header, std::string const& key, std::string_view open, std::string_view close) {
  auto at = header.find(text("'", key, "':"));
  if (at == std::string::npos) return std::nullopt;
  at = header.find_first_not_of(' ', at + key.size() + 3);
  if (at == std::string::npos || open.find(header[at]) == std::string_view::npos) return std::nullopt;
  auto const end = header.find_first_of(close, at + 1);
  if (end == std::string::npos) return std::nullopt;
  return header.substr(at + 1, end - at - 1);
}

/// "3, 4" or "3,".
std::optional<std::vector<long>> parse_shape(std::string const& words) {
  std::vector<long> shape;
  for (char const* at = words.c_str(); *at != '\0';) {
    char* end = nullptr;
    long const extent = std::strtol(at, &end, 10);
    if (end == at || extent < 0) return std::nullopt;
    shape.push_back(extent);
    at = end + std::strspn(end, " ,");
  }
  return shape;
}

template <class T>
double one_value(std::byte const* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}
double one_half(std::byte const* at) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return from_half(bits);
}

struct ValueType {
  std::string_view name;
  int size;
  bool integral;
  double (*read)(std::byte const*);
};
constexpr std::array<ValueType, 12> value_types{{
    {"f2", 2, false, one_half},
    {"f4", 4, false, one_value<float>},
    {"f8", 8, false, one_value<double>},
    {"i1", 1, true, one_value<std::int8_t>},
    {"i2", 2, true, one_value<std::int16_t>},
    {"i4", 4, true, one_value<std::int32_t>},
    {"i8", 8, true, one_value<std::int64_t>},
    {"u1", 1, true, one_value<std::uint8_t>},
    {"u2", 2, true, one_value<std::uint16_t>},
    {"u4", 4, true, one_value<std::uint32_t>},
    {"u8", 8, true, one_value<std::uint64_t>},
    {"b1", 1, true, one_value<std::uint8_t>},
}};

/// Row-by-row order from column-by-column order: the first index runs fastest in `values`.
std::vector<double> from_fortran_order(std::vector<double> const& values, std::vector<long> const& shape) {
  std::vector<double> out(values.size());
  std::vector<long> index(shape.size(), 0);
  for (double const value : values) {
    long place = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) place = place * shape[axis] + index[axis];
    out[static_cast<std::size_t>(place)] = value;
    for (std::size_t axis = 0; axis < shape.size() && ++index[axis] == shape[axis]; ++axis) index[axis] = 0;
  }
  return out;
}

struct Header {
  std::string words;
  std::uint64_t size;  ///< bytes before the values
};

Header read_header(PlainFile const& file, std::string const& name) {
  constexpr std::string_view magic("\x93NUMPY", 6);
  std::array<unsigned char, 12> start{};  // magic, version, length: 2 bytes in version 1, 4 after it; little endian
  bool const long_enough = file.read_at(0, std::as_writable_bytes(std::span(start)));
  if (!long_enough || std::memcmp(start.data(), magic.data(), magic.size()) != 0 || start[6] < 1 || start[6] > 3)
    throw Error(text(name, " is not a .npy file of version 1 to 3. Save the array with numpy.save."));
  int const length_bytes = start[6] == 1 ? 2 : 4;
  std::uint64_t length = 0;
  for (int i = length_bytes - 1; i >= 0; --i) length = length << 8 | start[static_cast<std::size_t>(8 + i)];
  std::uint64_t const at = 8 + static_cast<std::uint64_t>(length_bytes);
  if (at + length > file.size()) throw Error(text("the file ", name, " is cut short in its header. Copy or make it again."));
  std::string words(length, '\0');
  if (!file.read_at(at, std::as_writable_bytes(std::span(words)))) throw Error(text("reading ", name, " failed. Check the disk."));
  return {std::move(words), at + length};
}

}  // namespace

NpyArray read_npy(std::filesystem::path const& path) {
  std::string const name = path.string();
  std::error_code none;
  if (!std::filesystem::exists(path, none)) throw Error(text("there is no file ", name, ". Check the path."));
  PlainFile const file(path, PlainFile::Use::read);
  Header const header = read_header(file, name);
  auto const type_name = field(header.words, "descr", "'\"", "'\"");
  auto const shape_words = field(header.words, "shape", "(", ")");
  auto const shape = shape_words ? parse_shape(*shape_words) : std::nullopt;
  if (!shape) throw Error(text("the header of ", name, " has no shape. Save the array with numpy.save."));
  bool const known_order = type_name && type_name->size() == 3 && ((*type_name)[0] == '<' || (*type_name)[0] == '|');
  auto const type = std::find_if(value_types.begin(), value_types.end(),
                                 [&](ValueType const& t) { return known_order && type_name->substr(1) == t.name; });
  if (type == value_types.end())
    throw Error(text(name, " has values of type ", type_name.value_or("(a structure)"),
                     "; needed are little endian floats or integers. Save it with array.astype('<f8')."));
  double const needed =
      std::accumulate(shape->begin(), shape->end(), 1.0, [](double n, long extent) { return n * static_cast<double>(extent); });
  if (static_cast<double>(header.size) + needed * type->size > static_cast<double>(file.size()))
    throw Error(text("the file ", name, " is cut short: it has ", file.size() - header.size, " bytes of values, its shape asks for ",
                     needed * type->size, ". Copy or make it again."));
  auto const count = static_cast<std::uint64_t>(needed), size = static_cast<std::uint64_t>(type->size);
  std::vector<std::byte> bytes(count * size);
  if (!file.read_at(header.size, bytes)) throw Error(text("reading ", name, " failed. Check the disk."));
  NpyArray array{*shape, type->integral, std::vector<double>(count)};
  for (std::uint64_t i = 0; i < count; ++i) array.values[i] = type->read(bytes.data() + i * size);
  if (header.words.find("'fortran_order': True") != std::string::npos) array.values = from_fortran_order(array.values, array.shape);
  return array;
}

}  // namespace infinitile
