#include "net/parameter_reader.hpp"

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// A constant array is written by hand; an alias that unfolds without end is a mistake.
constexpr std::size_t most_values = 1 << 20;
constexpr int most_levels = 16;

/// Reads the array of one level, and what it finds in the first place of each level decides the shape.
void read_level(Field const& field, std::size_t level, ConstantArray& out) {
  bool const first = out.values.empty();
  if (!field.value.IsSequence()) {
    if (level != out.shape.size() && !first) field.fail(text("a list of ", out.shape[level], ", as before it,"));
    if (out.values.size() == most_values) field.fail(text("an array of at most ", most_values, " numbers"));
    out.values.push_back(read_number(field));
    return;
  }
  long const size = static_cast<long>(field.value.size());
  if (level == most_levels) field.fail("an array of fewer axes");
  if (size == 0) field.fail("a list with at least one number");
  if (first) {
    out.shape.push_back(size);
  } else if (level >= out.shape.size()) {
    field.fail("a number, as before it,");
  } else if (out.shape[level] != size) {
    field.fail(text("a list of ", out.shape[level], ", as before it,"));
  }
  for (auto const& element : elements_of(field)) read_level(element, level + 1, out);
}

std::vector<int> read_axes(Field const& field) {
  if (!field.value.IsSequence()) field.fail("a list of axes");
  std::vector<int> out;
  for (auto const& element : elements_of(field)) {
    long const axis = read_integer(element);
    if (axis < 0 || axis != static_cast<int>(axis)) element.fail("an axis, counted from 0,");
    out.push_back(static_cast<int>(axis));
  }
  return out;
}

/// "1:6:2" as its parts; nothing for an empty one.
IndexItem read_item(Field const& field) {
  static constexpr std::string_view needed = "an integer, or text such as ':', '1:6:2', '::-1' or '...', in quotation marks,";
  if (!field.value.IsScalar()) field.fail(needed);
  std::string const& words = field.value.Scalar();
  if (words == "...") return {IndexItem::Kind::ellipsis, {}, {}, {}};
  if (words.find(':') == std::string::npos) {
    if (is_quoted(field.value)) field.fail(needed);
    return {IndexItem::Kind::number, read_integer(field), {}, {}};
  }
  std::array<std::optional<long>, 3> parts;
  std::size_t begin = 0;
  for (std::size_t part = 0;; ++part) {
    if (part == parts.size()) field.fail(needed);
    std::size_t const end = std::min(words.find(':', begin), words.size());
    if (end > begin) {
      long number = 0;
      auto const [stop, problem] = std::from_chars(words.data() + begin, words.data() + end, number);
      if (problem != std::errc() || stop != words.data() + end) field.fail(needed);
      parts[part] = number;
    }
    if (end == words.size()) break;
    begin = end + 1;
  }
  if (parts[2] == 0) field.fail("a step that is not 0");
  return {IndexItem::Kind::slice, parts[0], parts[1], parts[2]};
}

}  // namespace

int read_int(Field const& field, long value) {
  if (value != static_cast<int>(value)) field.fail("a smaller integer");
  return static_cast<int>(value);
}

std::string in_lower_case(std::string word) {
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return word;
}

std::vector<long> read_sizes(Field const& field) {
  if (field.value.IsSequence() && field.value.size() == 0) return {};
  return read_integers(field);
}

ConstantArray read_constant(Field const& field) {
  ConstantArray out;
  if (!field.value.IsSequence() && !field.value.IsScalar()) field.fail("a number or nested lists of numbers");
  read_level(field, 0, out);
  return out;
}

ProductAxes read_product_axes(Field const& field) {
  static constexpr std::string_view needed = "[[[...], [...]], [[...], [...]]], axes to contract of left and right and axes to run along,";
  auto const expect_pair = [&](YAML::Node const& node) {
    if (!node.IsSequence() || node.size() != 2) field.fail(needed);
  };
  expect_pair(field.value);
  std::vector<std::vector<int>> lists;
  for (auto const& pair : elements_of(field)) {
    expect_pair(pair.value);
    for (auto const& list : elements_of(pair)) lists.push_back(read_axes(list));
  }
  return {lists[0], lists[1], lists[2], lists[3]};
}

std::vector<IndexItem> read_index(Field const& field) {
  if (!field.value.IsSequence()) return {read_item(field)};
  std::vector<IndexItem> out;
  for (auto const& element : elements_of(field)) out.push_back(read_item(element));
  return out;
}

PositionDecay read_decay(Field const& field) {
  static constexpr std::string_view needed =
      "exp, power, one of them with its rate, such as {exp: {rate: 0.5}}, or a list of values at the distances 0, 1, 2, ...,";
  PositionDecay out;
  if (field.value.IsSequence()) {
    out.kind = PositionDecay::Kind::values;
    out.values = read_numbers(field);
    return out;
  }
  bool const alone = field.value.IsScalar();
  if (!alone && !(field.value.IsMap() && field.value.size() == 1)) field.fail(needed);
  out.kind = read_as<PositionDecay::Kind>({alone ? field.value : field.value.begin()->first, field.key, field.place});
  if (alone) return out;
  YAML::Node const parameters = field.value.begin()->second;
  if (!parameters.IsMap() || parameters.size() != 1 || !parameters["rate"]) field.fail(needed);
  Field const rate{parameters["rate"], field.key + ".rate", field.place};
  out.rate = read_number(rate);
  if (out.rate < 0) rate.fail("a number that is not negative");
  return out;
}

void check_layout(Field const& field) {
  if (field.value.IsNull()) return;
  bool standard = field.value.IsSequence() && field.value.size() == 3;
  std::vector<std::string> words;
  for (std::size_t i = 0; standard && i < 3; ++i) {
    standard = field.value[i].IsScalar();
    if (standard) words.push_back(field.value[i].Scalar());
  }
  if (standard) {
    // Between N and C, and before IO, the same names of spatial axes.
    std::string const& image = words[0];
    standard = image.size() >= 2 && image.front() == 'N' && image.back() == 'C' && words[2] == image
               && words[1] == image.substr(1, image.size() - 2) + "IO";
  }
  if (!standard) field.fail("nothing, or [NHWC, HWIO, NHWC] in two dimensions (batch first, channels last, here always),");
}

void check_axis(Field const& field, FixedAxis fixed, Node const& input) {
  bool const batch = fixed.axis == 0;
  int const axes = fixed.of_output ? 2 : static_cast<int>(input.shape.size()) + 1;
  int const axis = fixed.of_output ? 0 : batch ? input.batch_axis : input.channel_axis;
  long const given = read_integer(field);
  if (given == axis || given == axis - axes) return;
  if (batch && axis == 0) field.fail("0 (the batch is the first axis)");
  if (!batch && axis == axes - 1) field.fail(text("-1 (the channels are the last axis of ", axes, ")"));
  field.fail(text(axis, batch ? " (the batch is axis " : " (the channels are axis ", axis, " of ", axes, ", counted from 0)"));
}

}  // namespace infinitile
