#include "net/layer_reader.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/parameters.hpp"

namespace infinitile {

namespace {

/// The layers that are a name with parameters, apart from the activations.
using PlainLayers = std::tuple<Dense, Flatten, Identity, LayerNorm, Dropout>;

constexpr std::array<std::string_view, 5> combining_layers{"sum", "product", "concat", "repeat", "parallel"};

/// Parameters of the language that no layer here has: the defaults of a network may name them, and concern no layer then.
constexpr std::array<std::string_view, 5> other_parameters{"out_chan", "filter_shape", "window_shape", "strides", "padding"};

template <class Visit>
void for_each_plain_layer(Visit visit) {
  std::apply([&](auto const&... layer) { (visit(layer), ...); }, PlainLayers{});
}

template <class Layer>
std::vector<std::string> parameter_names(Layer const& layer) {
  std::vector<std::string> out;
  Layer::for_each_parameter(layer, [&](std::string_view key, auto const&, Domain) { out.emplace_back(key); });
  return out;
}

Activation with_defaults(Signature const& signature) {
  Activation out;
  out.name = signature.name;
  for (auto const& parameter : signature.parameters) out.parameters.emplace_back(parameter.name, parameter.standard);
  return out;
}

Activation note_given(Activation activation, Signature const& signature) {
  for (std::size_t i = 0; i < signature.parameters.size(); ++i)
    if (signature.parameters[i].needed || activation.parameters[i].second != signature.parameters[i].standard)
      activation.given.push_back(signature.parameters[i].name);
  return activation;
}

int read_int(Field const& field, long value) {
  if (value != static_cast<int>(value)) field.fail("a smaller integer");
  return static_cast<int>(value);
}

/// The value of a field as the type of the parameter it is for.
template <class T>
T read_as(Field const& field) {
  if constexpr (std::is_same_v<T, double>) {
    return read_number(field);
  } else if constexpr (std::is_same_v<T, long>) {
    return read_integer(field);
  } else if constexpr (std::is_same_v<T, std::vector<int>>) {
    std::vector<int> out;
    for (long const each : read_integers(field)) out.push_back(read_int(field, each));
    return out;
  } else if constexpr (std::is_same_v<T, std::array<long, 2>>) {
    if (!field.value.IsSequence() || field.value.size() != 2) field.fail("a list of 2 integers");
    std::vector<long> const both = read_integers(field);
    return {both[0], both[1]};
  } else if constexpr (std::is_enum_v<T>) {
    std::vector<std::string> const words(words_of<T>.begin(), words_of<T>.end());
    auto const found = std::find(words.begin(), words.end(), read_word(field));
    if (found == words.end()) field.fail(join(words, ", ", " or "));
    return static_cast<T>(found - words.begin());
  } else {  // std::optional
    return field.value.IsNull() ? T{} : T{read_as<typename T::value_type>(field)};
  }
}

ParameterValue read_as(Field const& field, Parameter::Kind kind) {
  switch (kind) {
    case Parameter::Kind::integer:
      return static_cast<double>(read_integer(field));
    case Parameter::Kind::flag:
      return read_flag(field) ? 1.0 : 0.0;
    case Parameter::Kind::numbers:
      return read_numbers(field);
    case Parameter::Kind::number:
      break;
  }
  return read_number(field);
}

/// The fixed axes may be given, in either way to count them.
void check_axis(Field const& field, FixedAxis fixed, int rank) {
  long const given = read_integer(field);
  if (given != fixed.axis && given != (fixed.axis + rank + 1) % (rank + 1) && given != fixed.axis - rank - 1)
    field.fail(fixed.axis == 0 ? "0 (the batch is the first axis)" : "-1 (the channels are the last axis)");
}

Parameter const* find_parameter(Signature const* signature, std::string_view key) {
  if (signature == nullptr) return nullptr;
  for (auto const& parameter : signature->parameters)
    if (parameter.name == key) return &parameter;
  return nullptr;
}

}  // namespace

std::string WrittenLayer::what() const {
  return text(": layer ", path, " (", printable(name), ")");
}
std::string WrittenLayer::place() const {
  return place_of(file, line) + what();
}

std::vector<Field> WrittenLayer::fields() const {
  if (parameters.IsNull()) return {};
  if (!parameters.IsMap())
    throw Error(text(place(), ": its parameters are ", in_words(parameters), "; a mapping such as {name: value} is needed."));
  return fields_of(parameters, file, what());
}

LayerReader::LayerReader(std::vector<Signature> const& activations, std::vector<Field> defaults)
    : activations_(activations), defaults_(std::move(defaults)) {
  std::vector<std::string> known;
  auto const know = [&](std::string_view key) {
    if (std::find(known.begin(), known.end(), key) == known.end()) known.emplace_back(key);
  };
  for_each_plain_layer([&](auto const& layer) { std::ranges::for_each(parameter_names(layer), know); });
  std::ranges::for_each(other_parameters, know);
  for (auto const& signature : activations_) std::ranges::for_each(parameter_names(with_defaults(signature)), know);
  for (auto const& field : defaults_) expect_known(field.key, known, "parameter", field.place);
}

template <class Layer>
Layer LayerReader::read_parameters(WrittenLayer const& written, int rank, Layer layer, Signature const* signature) const {
  std::vector<Field> const fields = written.fields();
  std::vector<std::string> const known = parameter_names(layer);
  for (auto const& field : fields) expect_known(field.key, known, "parameter", field.place);
  auto const read_one = [&](std::string_view key, auto&& value, Domain domain) {
    using Value = std::remove_cvref_t<decltype(value)>;
    Field const* field = find_field(fields, key);
    if (field == nullptr) field = find_field(defaults_, key);
    Parameter const* const parameter = find_parameter(signature, key);
    if (field == nullptr) {
      if (!is_in_domain(value, domain) || (parameter != nullptr && parameter->needed))
        throw Error(text(written.place(), ": ", key, " is not given; ", in_words(domain), " is needed. Write {", written.name, ": {", key,
                         ": ...}}."));
      return;
    }
    if constexpr (std::is_same_v<Value, FixedAxis>) {
      check_axis(*field, value, rank);
    } else if constexpr (std::is_same_v<Value, ParameterValue>) {
      value = read_as(*field, parameter->kind);
    } else {
      value = read_as<Value>(*field);
      if (!is_in_domain(value, domain)) field->fail(in_words(domain));
    }
  };
  Layer::for_each_parameter(layer, read_one);
  return layer;
}

Op LayerReader::read(WrittenLayer const& layer, int rank) const {
  std::optional<Op> out;
  for_each_plain_layer([&](auto const& plain) {
    if (plain.name == layer.name) out = read_parameters(layer, rank, plain, nullptr);
  });
  for (auto const& signature : activations_)
    if (signature.name == layer.name) out = note_given(read_parameters(layer, rank, with_defaults(signature), &signature), signature);
  if (!out) expect_known(layer.name, layer_names(activations_), "layer", layer.place());
  INFINITILE_EXPECT(out.has_value());
  return *std::move(out);
}

std::vector<std::string> layer_names(std::vector<Signature> const& activations) {
  std::vector<std::string> out;
  for_each_plain_layer([&](auto const& layer) { out.emplace_back(layer.name); });
  out.insert(out.end(), combining_layers.begin(), combining_layers.end());
  for (auto const& signature : activations) out.push_back(signature.name);
  return out;
}

}  // namespace infinitile
