#include "net/families.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/parameter_reader.hpp"
#include "net/parameters.hpp"
#include "net/rule_set.hpp"

namespace infinitile {

namespace {

/// A value as it is written in a network; null where there is none.
template <class T>
std::string in_yaml(T const& value) {
  if constexpr (requires { value.has_value(); }) {
    return value ? in_yaml(*value) : "null";
  } else {
    return write_value(value, [](double number) { return fmt::format("{}", number); });
  }
}

/// "{defaults: {...}, layers: [...]}": the weights of all layers, then the layers.
template <class Family>
std::string network_of(Family const& family, std::vector<std::string> const& layers) {
  std::string defaults = text("w_std: ", in_yaml(family.w_std), ", b_std: ", in_yaml(family.b_std));
  if constexpr (requires { family.parameterization; }) defaults += text(", parameterization: ", in_yaml(family.parameterization));
  return text("{defaults: {", defaults, "}, layers: [", join(layers, ", ", ", "), "]}");
}

std::string repeat(long times, std::string const& layers) {
  return text("{repeat: {times: ", times, ", layers: [", layers, "]}}");
}

std::string dense(std::optional<long> out_dim) {
  return text("{dense: {out_dim: ", in_yaml(out_dim), "}}");
}

std::string conv(std::optional<long> out_chan, std::vector<long> const& filter_shape, Padding padding, std::string const& more = "") {
  return text("{conv: {out_chan: ", in_yaml(out_chan), ", filter_shape: ", in_yaml(filter_shape), ", padding: ", in_yaml(padding), more,
              "}}");
}

std::string layer_of(Head head) {
  return head == Head::pooling ? "global_avg_pool" : "flatten";
}

bool is_scalar(YAML::Node const& node) {
  return node.IsScalar() || node.IsNull();
}

/// {name: parameters}, where a parameter is a value or a list of values: there is nothing in it that an alias could unfold without end.
bool is_activation_with_parameters(YAML::Node const& layer) {
  if (!layer.IsMap() || layer.size() != 1 || !layer.begin()->first.IsScalar()) return false;
  YAML::Node const parameters = layer.begin()->second;
  auto const is_flat = [](auto const& entry) {
    YAML::Node const& value = entry.second;
    return is_scalar(entry.first) && (is_scalar(value) || (value.IsSequence() && std::all_of(value.begin(), value.end(), is_scalar)));
  };
  return parameters.IsNull() || (parameters.IsMap() && std::all_of(parameters.begin(), parameters.end(), is_flat));
}

/// One activation, or {name: parameters}, in one line. Its parameters are read where it stands.
ActivationWords read_activation(Field const& field, std::vector<Signature> const& activations) {
  YAML::Node const& layer = field.value;
  bool const alone = layer.IsScalar() && !layer.Scalar().empty();
  if (!alone && !is_activation_with_parameters(layer)) field.fail("an activation, such as relu or {leaky_relu: {alpha: 0.1}},");
  std::vector<std::string> known;
  for (auto const& signature : activations) known.push_back(signature.name);
  expect_known(alone ? layer.Scalar() : layer.begin()->first.Scalar(), known, "activation", field.place);
  if (alone) return {layer.Scalar()};
  YAML::Emitter out;
  out.SetSeqFormat(YAML::Flow);
  out.SetMapFormat(YAML::Flow);
  out << layer;
  std::string words(out.c_str());
  std::ranges::replace(words, '\n', ' ');
  return {words};
}

template <class Family>
Family read_parameters(std::vector<Field> const& fields, std::vector<Signature> const& activations) {
  Family family;
  std::vector<std::string> known{"family"};
  Family::for_each_parameter(family, [&](std::string_view key, auto const&, Domain) { known.emplace_back(key); });
  for (auto const& field : fields) expect_known(field.key, known, "parameter", field.place);
  Family::for_each_parameter(family, [&]<class Value>(std::string_view key, Value& value, Domain domain) {
    Field const* const field = find_field(fields, key);
    if (field == nullptr) return;
    if constexpr (std::is_same_v<Value, ActivationWords>) {
      value = read_activation(*field, activations);
    } else {
      value = read_as<Value>(*field);
      if (!is_in_domain(value, domain)) field->fail(in_words_of<Value>(domain));
      if constexpr (std::is_same_v<Value, long> || std::is_same_v<Value, std::optional<long>>)
        if (std::optional<long>(value).value_or(0) > largest_size) field->fail(text("an integer from 1 to ", largest_size));
    }
  });
  return family;
}

/// What needs a width that the layers alone would ask for by other names.
void expect_width(std::optional<long> width, std::string_view key, Field const* needs_it) {
  if (width || needs_it == nullptr) return;
  throw Error(text(needs_it->place, ": ", needs_it->key, " is ", in_words(needs_it->value),
                   ", which needs to know how wide layers are, and ", key, " is not given; give one, such as ", key, ": 256."));
}

/// What parameters say together, or with the shape of the data: of a family whose layers all have one width.
template <class Family>
void check_together(Family const& family, std::vector<Field> const& fields, std::vector<long> const&) {
  Field const* const standard = family.parameterization == Parameterization::standard ? find_field(fields, "parameterization") : nullptr;
  if constexpr (requires { family.width; }) {
    expect_width(family.width, "width", standard);
  } else {
    expect_width(family.out_chan, "out_chan", standard);
  }
}

void check_together(WideResnet const& family, std::vector<Field> const& fields, std::vector<long> const&) {
  static constexpr long most_k = largest_size / 64;
  if (family.k > most_k) find_field(fields, "k")->fail(text("an integer from 1 to ", most_k, " (the last layers have 64 k channels)"));
  if (!family.depth) return;
  Field const& depth = *find_field(fields, "depth");
  if (find_field(fields, "block_size") != nullptr)
    throw Error(text(depth.place, ": depth stands beside block_size; depth is 6 block_size + 4, so one of them is enough."));
  if (*family.depth < 10 || (*family.depth - 4) % 6 != 0) depth.fail("6 block_size + 4, such as 10, 16, 22 or 28,");
}

void check_together(VisionTransformer const& family, std::vector<Field> const& fields, std::vector<long> const& shape) {
  bool fits = family.patch_shape.size() + 1 == shape.size();
  for (std::size_t a = 0; fits && a < family.patch_shape.size(); ++a) fits = family.patch_shape[a] <= shape[a];
  if (!fits)
    throw Error(text(find_field(fields, "family")->place, ": patch_shape is ", in_yaml(family.patch_shape),
                     ", and the data have the shape ", in_words(shape),
                     "; one size for each axis but the channels is needed, no larger than the axis."));
  bool const weighed = family.pos_emb_type == PositionalEmbedding::concat;
  expect_width(family.width, "width", weighed ? find_field(fields, "pos_emb_type") : nullptr);
  long const most = largest_size / family.mlp_ratio;
  if (family.width.value_or(0) > most)
    find_field(fields, "width")->fail(text("an integer from 1 to ", most, " (mlp_ratio is ", family.mlp_ratio, ")"));
}

}  // namespace

std::string FullyConnected::layers() const {
  return network_of(*this, {"flatten", repeat(depth, dense(width) + ", " + activation.words), dense(out_dim)});
}

std::string VanillaConv::layers() const {
  std::string const block = conv(out_chan, filter_shape, padding) + ", " + activation.words;
  return network_of(*this, {repeat(depth, block), layer_of(head), dense(out_dim)});
}

std::string Myrtle::layers() const {
  static constexpr std::array<std::array<long, 3>, 3> counts{{{2, 1, 1}, {2, 2, 2}, {3, 3, 3}}};
  auto const& [first, second, third] = counts[static_cast<std::size_t>(depth)];
  std::string const block = conv(out_chan, {3, 3}, Padding::same) + ", " + activation.words;
  std::string const half = "{avg_pool: {window_shape: [2, 2], strides: [2, 2]}}";
  return network_of(*this,
                    {repeat(first, block), half, repeat(second, block), half, repeat(third, block), "global_avg_pool", dense(out_dim)});
}

std::string WideResnet::layers() const {
  long const blocks = depth ? (*depth - 4) / 6 : block_size;
  auto const residual = [&](long channels, std::string const& strides, std::string const& shortcut) {
    return text("{sum: [[", activation.words, ", ", conv(channels, filter_shape, Padding::same, strides), ", ", activation.words, ", ",
                conv(channels, filter_shape, Padding::same), "], [", shortcut, "]]}");
  };
  std::vector<std::string> layers{conv(16, filter_shape, Padding::same)};
  for (long const width : {16, 32, 64}) {
    std::vector<long> const two(filter_shape.size(), 2);
    std::string const strides = width == 16 ? "" : ", strides: " + in_yaml(two);
    long const channels = width * k;
    layers.push_back(residual(channels, strides, conv(channels, filter_shape, Padding::same, strides)));
    layers.push_back(repeat(blocks - 1, residual(channels, "", "")));
  }
  layers.insert(layers.end(), {"global_avg_pool", dense(out_dim)});
  return network_of(*this, layers);
}

std::string VisionTransformer::layers() const {
  std::optional<long> const inside = width ? std::optional(mlp_ratio * *width) : std::nullopt;
  std::string const patches = conv(width, patch_shape, Padding::valid, ", strides: " + in_yaml(patch_shape));
  std::string const attention =
      text("{global_self_attention: {n_chan_out: ", in_yaml(width), ", n_heads: ", n_heads,
           ", attention_mechanism: ", in_yaml(attention_mechanism), ", pos_emb_type: ", in_yaml(pos_emb_type), "}}");
  std::string const block = text("{sum: [[], [layer_norm, ", attention, "]]}, {sum: [[], [layer_norm, ", dense(inside), ", ",
                                 activation.words, ", ", dense(width), "]]}");
  return network_of(*this, {patches, repeat(depth, block), "layer_norm", layer_of(head), dense(out_dim)});
}

ExpandedFamily expand_family(YAML::Node const& network, std::string const& file, std::vector<Signature> const& activations,
                             std::vector<long> const& shape) {
  Field const family{network["family"], "family", place_of(file, line_of(network["family"]))};
  std::string const name = read_word(family);
  std::string const what = text(": family ", printable(name));
  std::vector<std::string> known;
  ExpandedFamily out;
  auto const expand = [&]<class Family>(Family const&) {
    known.emplace_back(Family::name);
    if (name != Family::name) return;
    std::vector<Field> const fields = fields_of(network, file, what);
    Family const parameters = read_parameters<Family>(fields, activations);
    check_together(parameters, fields, shape);
    // Lines in a text that the user never wrote would mislead.
    out = {copy_without_lines(parse_yaml(parameters.layers(), name)), family.place + what};
  };
  std::apply([&](auto const&... each) { (expand(each), ...); }, Families{});
  expect_known(name, known, "family", family.place);
  return out;
}

}  // namespace infinitile
