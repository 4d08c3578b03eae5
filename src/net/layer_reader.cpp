#include "net/layer_reader.hpp"

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/parameter_reader.hpp"
#include "net/parameters.hpp"

namespace infinitile {

namespace {

/// The layers that are a name with parameters, apart from the activations.
using PlainLayers = std::tuple<Dense, Flatten, Identity, LayerNorm, Dropout, Conv, ConvTranspose, ConvLocal, AvgPool, SumPool,
                               GlobalAvgPool, GlobalSumPool, GlobalSelfAttention, Aggregate, ImageResize, Index, DotGeneral>;

constexpr std::array<std::string_view, 5> combining_layers{"sum", "product", "concat", "repeat", "parallel"};

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

ParameterValue read_value(Field const& field, Parameter::Kind kind) {
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

/// A fixed axis that is not given has to be where it usually is.
void check_missing_axis(WrittenLayer const& layer, std::string_view key, FixedAxis fixed, Node const& input) {
  bool const batch = fixed.axis == 0;
  int const axis = batch ? input.batch_axis : input.channel_axis;
  int const axes = static_cast<int>(input.shape.size()) + 1;
  if (fixed.of_output || axis == (batch ? 0 : axes - 1)) return;
  throw Error(text(layer.place(), ": ", key, " is not given; ", batch ? "the batch is" : "the channels are", " axis ", axis, " of ", axes,
                   " here, counted from 0. Write {", layer.name, ": {", key, ": ", axis, "}}."));
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

std::vector<Field> WrittenLayer::fields(std::vector<std::string> const& known) const {
  if (parameters.IsNull()) return {};
  if (!parameters.IsMap() && known.empty())
    throw Error(text(place(), ": found ", in_words(parameters), " below it; it has no parameters."));
  if (!parameters.IsMap())
    throw Error(text(place(), ": its parameters are ", in_words(parameters), "; a mapping is needed, such as {", name, ": {", known.front(),
                     ": ...}}."));
  std::vector<Field> out = fields_of(parameters, file, what());
  for (auto const& field : out) expect_known(field.key, known, "parameter", field.place);
  return out;
}

LayerReader::LayerReader(std::vector<Signature> const& activations, std::vector<Field> defaults)
    : activations_(activations), defaults_(std::move(defaults)) {
  std::vector<std::string> known;
  auto const know = [&](std::string_view key) {
    if (std::find(known.begin(), known.end(), key) == known.end()) known.emplace_back(key);
  };
  for_each_plain_layer([&](auto const& layer) { std::ranges::for_each(parameter_names(layer), know); });
  for (auto const& signature : activations_) std::ranges::for_each(parameter_names(with_defaults(signature)), know);
  for (auto const& field : defaults_) expect_known(field.key, known, "parameter", field.place);
}

template <class Layer>
Layer LayerReader::read_parameters(WrittenLayer const& written, Node const& input, Layer layer, Signature const* signature) const {
  std::vector<Field> const fields = written.fields(parameter_names(layer));
  auto const read_one = [&](std::string_view key, auto&& value, Domain domain) {
    using Value = std::remove_cvref_t<decltype(value)>;
    Field const* field = find_field(fields, key);
    if (field == nullptr) field = find_field(defaults_, key);
    Parameter const* const parameter = find_parameter(signature, key);
    if constexpr (std::is_same_v<Value, FixedAxis>) {
      if (input.has_moved_axes() && !takes_any_axis_order<Layer>) return;  // the rules say that it cannot stand here
      if (field == nullptr) check_missing_axis(written, key, value, input);
    }
    if (field == nullptr) {
      if (!is_in_domain(value, domain) || (parameter != nullptr && parameter->needed))
        throw Error(text(written.place(), ": ", key, " is not given; ", in_words_of<Value>(domain), " is needed. Write {", written.name,
                         ": {", key, ": ...}}."));
      return;
    }
    if constexpr (std::is_same_v<Value, FixedAxis>) {
      check_axis(*field, value, input);
    } else if constexpr (std::is_same_v<Value, FixedLayout>) {
      check_layout(*field);
    } else if constexpr (std::is_same_v<Value, ParameterValue>) {
      value = read_value(*field, parameter->kind);
    } else {
      // A list of sizes that is null is not given.
      if (!std::is_same_v<Value, std::vector<long>> || !field->value.IsNull()) value = read_as<Value>(*field);
      if (!is_in_domain(value, domain)) field->fail(in_words_of<Value>(domain));
    }
  };
  Layer::for_each_parameter(layer, read_one);
  return layer;
}

Op LayerReader::read(WrittenLayer const& layer, Node const& input) const {
  std::optional<Op> out;
  for_each_plain_layer([&](auto const& plain) {
    if (plain.name == layer.name) out = read_parameters(layer, input, plain, nullptr);
  });
  for (auto const& signature : activations_)
    if (signature.name == layer.name) out = note_given(read_parameters(layer, input, with_defaults(signature), &signature), signature);
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
