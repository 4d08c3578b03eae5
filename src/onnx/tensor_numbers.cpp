#include "onnx/tensor_numbers.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

static_assert(std::endian::native == std::endian::little, "raw numbers of ONNX files are little endian");

/// IEEE 754 binary16 and the upper half of a binary32, by their bits.
struct Half {
  std::uint16_t bits;
  explicit operator double() const {
    int const exponent = bits >> 10 & 31, fraction = bits & 1023;
    double const size = exponent == 31  ? (fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan(""))
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024 + fraction, exponent - 25);
    return (bits & 0x8000) != 0 ? -size : size;
  }
};
struct BrainFloat {
  std::uint16_t bits;
  explicit operator double() const { return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16)); }
};

template <class Number>
std::vector<double> from_raw(std::string_view raw) {
  std::vector<double> out(raw.size() / sizeof(Number));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Number number;
    std::memcpy(&number, raw.data() + i * sizeof(Number), sizeof(Number));
    out[i] = static_cast<double>(number);
  }
  return out;
}

/// Small types stand in 32 bits each.
template <class Number>
std::vector<double> from_int32(onnx_file::Tensor const& tensor) {
  std::vector<double> out;
  for (int const each : tensor.int32_data()) {
    if constexpr (std::is_arithmetic_v<Number>)
      out.push_back(static_cast<double>(static_cast<Number>(each)));
    else
      out.push_back(static_cast<double>(Number{static_cast<std::uint16_t>(each)}));
  }
  return out;
}

template <class Field>
std::vector<double> from_field(Field const& field) {
  std::vector<double> out;
  for (auto const each : field) out.push_back(static_cast<double>(each));
  return out;
}

using Tensor = onnx_file::Tensor;

/// A type of numbers in the format: its number there, its size in bytes, and how it is read from both kinds of storage.
struct NumberType {
  int code;
  std::size_t bytes;
  NumberKind kind;
  std::vector<double> (*raw)(std::string_view);
  std::vector<double> (*typed)(Tensor const&);
};

constexpr std::array types{
    NumberType{1, 4, NumberKind::floating, from_raw<float>, [](Tensor const& t) { return from_field(t.float_data()); }},
    NumberType{2, 1, NumberKind::integer, from_raw<std::uint8_t>, from_int32<std::uint8_t>},
    NumberType{3, 1, NumberKind::integer, from_raw<std::int8_t>, from_int32<std::int8_t>},
    NumberType{4, 2, NumberKind::integer, from_raw<std::uint16_t>, from_int32<std::uint16_t>},
    NumberType{5, 2, NumberKind::integer, from_raw<std::int16_t>, from_int32<std::int16_t>},
    NumberType{6, 4, NumberKind::integer, from_raw<std::int32_t>, from_int32<std::int32_t>},
    NumberType{7, 8, NumberKind::integer, from_raw<std::int64_t>, [](Tensor const& t) { return from_field(t.int64_data()); }},
    NumberType{9, 1, NumberKind::truth, from_raw<std::uint8_t>, from_int32<std::uint8_t>},
    NumberType{10, 2, NumberKind::floating, from_raw<Half>, from_int32<Half>},
    NumberType{11, 8, NumberKind::floating, from_raw<double>, [](Tensor const& t) { return from_field(t.double_data()); }},
    NumberType{12, 4, NumberKind::integer, from_raw<std::uint32_t>, [](Tensor const& t) { return from_field(t.uint64_data()); }},
    NumberType{13, 8, NumberKind::integer, from_raw<std::uint64_t>, [](Tensor const& t) { return from_field(t.uint64_data()); }},
    NumberType{16, 2, NumberKind::floating, from_raw<BrainFloat>, from_int32<BrainFloat>},
};

NumberType const* find_type(int code) {
  for (NumberType const& type : types)
    if (type.code == code) return &type;
  return nullptr;
}

std::string entry(Tensor const& tensor, std::string_view key) {
  for (auto const& each : tensor.external_data())
    if (each.key() == key) return each.value();
  return "";
}

std::size_t offset_in(Tensor const& tensor, std::string_view key, std::size_t standard, std::string const& where) {
  std::string const words = entry(tensor, key);
  if (words.empty()) return standard;
  std::size_t out = 0;
  auto const [end, error] = std::from_chars(words.data(), words.data() + words.size(), out);
  if (error != std::errc() || end != words.data() + words.size())
    throw Error(text(where, " has the ", key, " \"", words,
                     "\" in another file; a number of bytes is needed. The file is damaged: export it again."));
  return out;
}

/// How many numbers a shape has, which in a damaged file may be anything.
long count_of(std::vector<long> const& shape, std::string const& where) {
  constexpr long most = 1L << 48;
  long count = 1;
  for (long const size : shape) {
    if (size < 0 || (size > 0 && count > most / size))
      throw Error(text(where, " has the size ", size, " in its shape. The file is damaged: export it again."));
    count *= size;
  }
  return count;
}

/// The part of the other file that belongs to the tensor.
std::string_view external_bytes(Tensor const& tensor, OnnxBytes const& bytes, std::string const& where) {
  std::string const name = other_file(tensor);
  std::string_view const all = bytes.others.at(name);
  std::size_t const first = offset_in(tensor, "offset", 0, where),
                    length = offset_in(tensor, "length", all.size() - std::min(first, all.size()), where);
  if (first > all.size() || length > all.size() - first)
    throw Error(text(where, " lies in ", name, " from byte ", first, " on, ", length, " bytes, but that file has ", all.size(),
                     " bytes. Is it the one that was exported with the network?"));
  return all.substr(first, length);
}

}  // namespace

std::optional<NumberKind> kind_of(int data_type) {
  NumberType const* const type = find_type(data_type);
  return type == nullptr ? std::nullopt : std::optional(type->kind);
}

std::string other_file(onnx_file::Tensor const& tensor) {
  return tensor.data_location() == 1 ? entry(tensor, "location") : "";
}

OnnxArray numbers_of(onnx_file::Tensor const& tensor, OnnxBytes const& bytes, std::string const& where) {
  NumberType const* const type = find_type(tensor.data_type());
  if (type == nullptr)
    throw Error(text(where, " has numbers of type ", tensor.data_type(),
                     " of the format; floats of 16, 32 and 64 bits, integers and truth values are read."));
  OnnxArray out{type->kind, {tensor.dims().begin(), tensor.dims().end()}};
  long const count = count_of(out.shape, where);
  bool const external = !other_file(tensor).empty();
  if (external || tensor.has_raw_data()) {
    std::string_view const raw = external ? external_bytes(tensor, bytes, where) : std::string_view(tensor.raw_data());
    if (raw.size() != at(count) * type->bytes)
      throw Error(text(where, " has ", raw.size(), " bytes for ", count, " numbers of ", type->bytes,
                       " bytes. The file is damaged: export it again."));
    out.numbers = type->raw(raw);
  } else {
    out.numbers = type->typed(tensor);
  }
  if (std::ssize(out.numbers) != count)
    throw Error(text(where, " has ", out.numbers.size(), " numbers for a shape of ", count, ". The file is damaged: export it again."));
  return out;
}

}  // namespace infinitile
