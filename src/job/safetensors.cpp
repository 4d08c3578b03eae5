#include "job/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "job/text_file.hpp"
#include "store/half.hpp"

namespace infinitile {

namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t longest_header = 100'000'000;  // as the format has it

/// Bytes of a number of the types that networks have; 0 for all others.
std::uint64_t bytes_of(std::string const& type) {
  return type == "F64" ? 8 : type == "F32" ? 4 : type == "F16" || type == "BF16" ? 2 : 0;
}

std::string header_of(PlainFile const& file, std::string const& path) {
  std::uint64_t length = 0;
  if (!file.read_at(0, std::as_writable_bytes(std::span(&length, 1))))
    throw Error(text(path, " is no safetensors file: it has ", file.size(), " bytes, and the length of the header alone takes 8."));
  if (length > longest_header)
    throw Error(text(path, " is no safetensors file: its first 8 bytes say that the header has ", length, " bytes; at most ",
                     longest_header, " are allowed."));
  std::string header(length, ' ');
  if (!file.read_at(length_bytes, std::as_writable_bytes(std::span(header))))
    throw Error(text(path, " is cut short: its header has ", length, " bytes, and ", file.size() - length_bytes,
                     " are there. Write or copy the file again."));
  return header;
}

/// Throws Error for what is no JSON and for a name that stands there twice, of which JSON keeps one.
json parse_header(std::string const& header, std::string const& path) {
  std::set<std::string> names;
  auto const expect_new = [&](int depth, json::parse_event_t event, json const& parsed) {
    if (depth == 1 && event == json::parse_event_t::key && !names.insert(parsed.get<std::string>()).second)
      throw Error(text(path, ": the header has the array ", parsed.get<std::string>(), " twice."));
    return true;
  };
  try {
    json out = json::parse(header, expect_new);
    if (out.is_object()) return out;
  } catch (json::exception const&) {
  }
  throw Error(text(path, " is no safetensors file: its header is no JSON object."));
}

Safetensors::Array array_from(json const& entry, std::string const& where) {
  Safetensors::Array out;
  auto const whole = [](json const& list) {
    return list.is_array() && std::ranges::all_of(list, [](json const& each) { return each.is_number_unsigned(); });
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string())
    throw Error(text(where, " has no dtype in the header, such as \"F32\"."));
  if (!entry.contains("shape") || !whole(entry["shape"])) throw Error(text(where, " has no shape in the header: a list of whole numbers."));
  if (!entry.contains("data_offsets") || !whole(entry["data_offsets"]) || entry["data_offsets"].size() != 2)
    throw Error(text(where, " has no data_offsets in the header: the two whole numbers at which its bytes begin and end."));
  out.type = entry["dtype"].get<std::string>();
  out.shape = entry["shape"].get<std::vector<long>>();
  out.first = entry["data_offsets"][0].get<std::uint64_t>();
  out.last = entry["data_offsets"][1].get<std::uint64_t>();
  return out;
}

/// The bytes that shape and type ask for, or none where a product leaves the range.
std::optional<std::uint64_t> bytes_needed(Safetensors::Array const& array) {
  std::uint64_t out = bytes_of(array.type);
  for (long const extent : array.shape)
    if (__builtin_mul_overflow(out, static_cast<std::uint64_t>(extent), &out)) return std::nullopt;
  return out;
}

double number_at(std::byte const* at, std::string const& type) {
  auto const as = [&]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  if (type == "F64") return as(0.0);
  if (type == "F32") return as(0.0F);
  auto const bits = as(std::uint16_t(0));
  return type == "F16" ? from_half(bits) : std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);  // BF16: the upper half of a float
}

}  // namespace

Safetensors::Safetensors(std::filesystem::path const& path) : path_(path.string()), file_(path, PlainFile::Use::read) {
  std::string const header = header_of(file_, path_);
  start_ = length_bytes + header.size();
  json const parsed = parse_header(header, path_);
  for (auto const& [name, entry] : parsed.items())
    if (name != "__metadata__") arrays_[name] = array_from(entry, text(name, " of ", path_));
  check_places();
}

/// Arrays lie behind each other, from the end of the header to the end of the file.
void Safetensors::check_places() const {
  std::vector<std::pair<std::string, Array>> order(arrays_.begin(), arrays_.end());
  std::ranges::sort(order, {}, [](auto const& each) { return std::pair(each.second.first, each.second.last); });
  std::uint64_t const bytes = file_.size() - start_;
  std::uint64_t end = 0;
  std::string before = "the header";
  for (auto const& [name, array] : order) {
    std::string const where = text(name, " of ", path_);
    if (array.first > array.last || array.last > bytes)
      throw Error(text(where, " takes the bytes ", array.first, " to ", array.last, " of the data, and the file has ", bytes,
                       " bytes of them. Write or copy the file again."));
    if (array.first != end)
      throw Error(text(where, " begins at byte ", array.first, " of the data, and ", before, " ends at ", end,
                       array.first < end ? ": they overlap." : ": nothing says what lies between."));
    if (auto const needed = bytes_needed(array); bytes_of(array.type) > 0 && needed != array.last - array.first)
      throw Error(text(where, " has ", array.last - array.first, " bytes, and its shape of ", array.type, " takes ",
                       needed ? text(*needed) : "more than can be counted", "."));
    end = array.last;
    before = name;
  }
  if (end != bytes)
    throw Error(text(path_, " has ", bytes, " bytes of data, and its header describes ", end, " of them. Write or copy the file again."));
}

Safetensors::Array const& Safetensors::find(std::string const& name) const {
  auto const found = arrays_.find(name);
  if (found == arrays_.end()) {
    std::vector<std::string> names;
    for (auto const& [each, array] : arrays_) names.push_back(each);
    std::size_t const shown = std::min<std::size_t>(names.size(), 8);
    std::string const has = names.empty() ? "it has none"
                                          : text("it has ", join({names.begin(), names.begin() + static_cast<long>(shown)}),
                                                 shown < names.size() ? text(" and ", names.size() - shown, " more") : "");
    throw Error(text(path_, " has no array ", name, "; ", has, ".", did_you_mean(name, names)));
  }
  if (bytes_of(found->second.type) == 0)
    throw Error(text(name, " of ", path_, " has the dtype ", found->second.type, "; parameters are F64, F32, F16 or BF16."));
  return found->second;
}

std::vector<double> Safetensors::read(Array const& array, std::string const& where) const {
  std::vector<std::byte> bytes(array.last - array.first);
  if (!file_.read_at(start_ + array.first, bytes)) throw Error(text("cannot read ", where, ". Check the disk, or copy the file again."));
  std::size_t const size = bytes_of(array.type);
  std::vector<double> out(bytes.size() / size);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = number_at(bytes.data() + i * size, array.type);
  return out;
}

void write_safetensors(std::filesystem::path const& path, std::vector<NamedArray> const& arrays) {
  json header = json::object();
  std::uint64_t end = 0;
  for (NamedArray const& array : arrays) {
    std::uint64_t const first = std::exchange(end, end + 8 * array.values->size());
    header[array.name] = {{"dtype", "F64"}, {"shape", array.shape}, {"data_offsets", {first, end}}};
  }
  std::string words = header.dump();
  words.append((8 - words.size() % 8) % 8, ' ');  // so that the numbers are aligned
  std::uint64_t const length = words.size();
  auto const bytes = [](auto const* first, std::size_t count) { return std::string(reinterpret_cast<char const*>(first), count); };
  write_text_file(path, [&] {
    std::string file = bytes(&length, sizeof length) + words;
    file.reserve(file.size() + end);
    for (NamedArray const& array : arrays) file.append(reinterpret_cast<char const*>(array.values->data()), 8 * array.values->size());
    return file;
  }());
}

}  // namespace infinitile
