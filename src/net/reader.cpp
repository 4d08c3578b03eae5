#include "net/reader.hpp"

#include <filesystem>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/families.hpp"

namespace infinitile {

namespace {

/// "1 branch", "2 branches".
std::string count(std::size_t number, std::string_view one, std::string_view many) {
  return text(number, " ", number == 1 ? one : many);
}

WrittenNetwork find_source(YAML::Node const& network, std::string const& file, std::string const& directory, ReadContext const& context,
                           int followed) {
  if (network.IsDefined() && network.IsSequence()) return {network, {}, file};
  std::string const place = place_of(file, line_of(network));
  if (!network.IsDefined() || !network.IsMap())
    throw Error(text(place, ": the network is ", in_words(network),
                     "; a list of layers is needed, or {layers: [...]}, {file: net.yaml} or {family: NAME}."));
  std::vector<Field> const fields = fields_of(network, file, ": network");
  if (find_field(fields, "family") != nullptr) {
    ExpandedFamily const family = expand_family(network, file, context.activations, context.input_shapes.front());
    return find_source(family.network, family.file, directory, context, followed);
  }
  for (auto const& field : fields) expect_known(field.key, {"layers", "defaults", "file", "family"}, "key", field.place);
  Field const* const elsewhere = find_field(fields, "file");
  Field const* const layers = find_field(fields, "layers");
  Field const* const defaults = find_field(fields, "defaults");
  if (elsewhere != nullptr) {
    if (fields.size() > 1)
      throw Error(text(elsewhere->place, ": file stands beside other keys; it has to stand alone. Move them into that file."));
    std::string const name = read_word(*elsewhere);
    std::string const path = name.starts_with('/') || directory.empty() ? name : directory + "/" + name;
    if (!std::filesystem::is_regular_file(path)) elsewhere->fail(text("a file that exists (looked for at ", printable(path), ")"));
    if (followed == 10)
      throw Error(text(elsewhere->place, ": file ", printable(name), " is the eleventh in a row; do these files name each other?"));
    std::size_t const slash = path.rfind('/');
    return find_source(load_yaml(path), path, slash == std::string::npos ? "" : path.substr(0, slash), context, followed + 1);
  }
  if (layers == nullptr)
    throw Error(text(place, ": network has no layers; {layers: [...]}, {file: net.yaml} or {family: NAME} is needed."));
  if (!layers->value.IsSequence()) layers->fail("a list of layers");
  bool const given = defaults != nullptr && !defaults->value.IsNull();
  return {layers->value, given ? fields_of(defaults->value, file, ": defaults") : std::vector<Field>{}, file};
}

/// What flows from layer to layer: one node, or several behind `parallel`.
using Value = std::vector<int>;

/// Walks the layers and hands each to the builder.
class NetworkReader {
public:
  NetworkReader(WrittenNetwork const& source, ReadContext const& context)
      : file_(source.file),
        layers_(context.activations, source.defaults),
        builder_(source.file, context.input_shapes),
        output_(context.output) {}

  Network read(YAML::Node const& layers) && {
    Value value;
    for (int i = 0; i < builder_.inputs(); ++i) value.push_back(i);
    if (layers.size() == 0) throw Error(text(place_of(file_, line_of(layers)), ": the network is an empty list; a layer is needed."));
    value = read_sequence(layers, "", value);
    int const outputs = static_cast<int>(value.size());
    std::string const place = text(place_of(file_, line_of(layers)), ": the network ends with ",
                                   outputs == 1 ? "one output" : text(outputs, " outputs side by side"));
    if (!output_ && outputs > 1)
      throw Error(text(place, ", and a kernel is of one. Choose it by kernel.output, a number from 0 to ", outputs - 1,
                       ", or merge them with sum, product or concat."));
    int const chosen = output_.value_or(0);
    if (chosen >= outputs)
      throw Error(text(place, ", and kernel.output is ", chosen, "; ", outputs == 1 ? "0" : text("a number from 0 to ", outputs - 1),
                       " is needed."));
    return std::move(builder_).finish(value[static_cast<std::size_t>(chosen)], outputs);
  }

private:
  /// `prefix` is "" or ends with a slash.
  Value read_sequence(YAML::Node const& layers, std::string const& prefix, Value value) {
    if (++depth_ > deepest)
      throw Error(text(place_of(file_, line_of(layers)), ": layers are nested deeper than ", deepest,
                       " levels; is there an alias inside of what it names?"));
    int i = 0;
    for (auto const& layer : layers) value = read_layer(find_layer(layer, prefix + std::to_string(i++)), value);
    --depth_;
    return value;
  }

  WrittenLayer find_layer(YAML::Node const& layer, std::string path) const {
    int const line = line_of(layer);
    if (layer.IsScalar() && !layer.Scalar().empty()) return {layer.Scalar(), YAML::Node(), file_, std::move(path), line};
    std::string const what = ": layer " + path;
    if (!layer.IsMap() || layer.size() == 0)
      throw Error(text(place_of(file_, line), what, " is ", in_words(layer), "; a name, or a name with its parameters, is needed."));
    std::vector<Field> const fields = fields_of(layer, file_, what);
    if (fields.size() > 1) {
      std::vector<std::string> keys;
      for (auto const& field : fields) keys.push_back(printable(field.key));
      throw Error(text(place_of(file_, line), what, " has ", keys.size(), " names, ", join(keys),
                       "; a layer is one name with its parameters below it. Indent the parameters more, or begin each layer with a dash."));
    }
    return {fields[0].key, fields[0].value, file_, std::move(path), line};
  }

  Value read_layer(WrittenLayer const& layer, Value const& value) {
    if (++read_ > most_read)
      throw Error(text(layer.place(), ": more than ", most_read, " layers, repeats and branches counted; check the times of repeats."));
    if (layer.name == "sum") return merge(layer, Sum{}, layer.parameters, value);
    if (layer.name == "product") return merge(layer, Product{}, layer.parameters, value);
    if (layer.name == "concat") return read_concat(layer, value);
    if (layer.name == "repeat") return read_repeat(layer, value);
    if (layer.name == "parallel") return read_parallel(layer, value);
    Op op = layers_.read(layer, builder_.node(value[0]));
    if (value.size() != 1)
      throw Error(text(layer.place(), ": found ", value.size(),
                       " values side by side; this layer takes one. Merge them with sum, product or concat before it, or give each a "
                       "branch of parallel."));
    return {builder_.add(std::move(op), value, layer.path, layer.line)};
  }

  Field take_field(WrittenLayer const& layer, std::vector<Field> const& fields, std::string_view key, std::string_view needed) const {
    Field const* const field = find_field(fields, key);
    if (field == nullptr) throw Error(text(layer.place(), ": ", key, " is not given; ", needed, " is needed."));
    return *field;
  }

  Value read_concat(WrittenLayer const& layer, Value const& value) {
    std::vector<Field> const fields = layer.fields({"branches", "axis"});
    Concat op;
    if (Field const* const axis = find_field(fields, "axis")) {
      long const given = read_integer(*axis);
      if (given != static_cast<int>(given)) axis->fail("an axis, such as -1 for the channels,");
      op.axis = static_cast<int>(given);
    }
    return merge(layer, op, take_field(layer, fields, "branches", "a list of branches").value, value);
  }

  Value read_repeat(WrittenLayer const& layer, Value value) {
    std::vector<Field> const fields = layer.fields({"times", "layers"});
    Field const times = take_field(layer, fields, "times", "a number of copies");
    Field const layers = take_field(layer, fields, "layers", "a list of layers");
    long const copies = read_integer(times);
    if (copies < 0) times.fail("an integer that is not negative");
    if (!layers.value.IsSequence()) layers.fail("a list of layers");
    for (long copy = 0; copy < copies; ++copy) {
      int const size = builder_.size();
      value = read_sequence(layers.value, layer.path + "/" + std::to_string(copy) + "/", value);
      if (builder_.size() == size) break;  // nothing in it does anything, nor will it in more copies
    }
    return value;
  }

  /// What the branches end with, side by side.
  Value read_parallel(WrittenLayer const& layer, Value const& value) {
    Value out;
    for (Value const& end : read_branches(layer, layer.parameters, value)) out.insert(out.end(), end.begin(), end.end());
    return out;
  }

  /// sum, product and concat.
  Value merge(WrittenLayer const& layer, Op op, YAML::Node const& branches, Value const& value) {
    std::vector<int> ends;
    for (Value const& end : read_branches(layer, branches, value)) {
      if (end.size() != 1)
        throw Error(text(layer.place(), ": branch ", ends.size(), " ends with ", end.size(),
                         " values side by side; one is needed. Merge them within the branch with sum, product or concat."));
      ends.push_back(end.front());
    }
    return {builder_.add(std::move(op), std::move(ends), layer.path, layer.line)};
  }

  void expect_branches(WrittenLayer const& layer, YAML::Node const& branches) const {
    if (!branches.IsSequence() || branches.size() == 0)
      throw Error(text(layer.place(), ": its branches are ", in_words(branches),
                       "; a list of at least one branch, such as [[], [relu, dense]], is needed."));
    for (std::size_t b = 0; b < branches.size(); ++b)
      if (!branches[b].IsSequence())
        throw Error(text(place_of(file_, line_of(branches[b])), layer.what(), ": branch ", b, " is ", in_words(branches[b]),
                         "; a list of layers is needed, [] being the identity."));
  }

  /// What each branch ends with. Of one value every branch takes it, of several each takes its own.
  std::vector<Value> read_branches(WrittenLayer const& layer, YAML::Node const& branches, Value const& value) {
    expect_branches(layer, branches);
    if (value.size() != 1 && value.size() != branches.size())
      throw Error(text(layer.place(), ": found ", count(branches.size(), "branch", "branches"), " for ", value.size(),
                       " values side by side; one branch for each is needed."));
    std::vector<Value> out;
    for (std::size_t b = 0; b < branches.size(); ++b)
      out.push_back(read_sequence(branches[b], layer.path + "/" + std::to_string(b) + "/", {value[value.size() == 1 ? 0 : b]}));
    return out;
  }

  static constexpr int deepest = 100;
  static constexpr int most_read = 2 * NetworkBuilder::largest;  ///< with repeats and branches, which are no nodes

  std::string file_;
  LayerReader layers_;
  NetworkBuilder builder_;
  std::optional<int> output_;
  int depth_ = 0;
  int read_ = 0;
};

}  // namespace

WrittenNetwork find_layers(YAML::Node const& network, ReadContext const& context) {
  return find_source(network, context.file, context.directory, context, 0);
}

Network read_network(YAML::Node const& network, ReadContext const& context) {
  WrittenNetwork const source = find_layers(network, context);
  return NetworkReader(source, context).read(source.layers);
}

}  // namespace infinitile
