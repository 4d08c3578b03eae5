#include "onnx/model.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "onnx/tensor_numbers.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

/// What the operators mean is known from here to there.
constexpr long oldest_opset = 11, newest_opset = 24;

std::string read_whole(fs::path const& file, std::string const& missing) {
  std::ifstream stream(file, std::ios::binary);
  if (!fs::exists(file)) throw Error(missing);
  if (!fs::is_regular_file(file) || !stream) throw Error(text(file.string(), " cannot be read. Check what it is, and its permissions."));
  return {std::istreambuf_iterator<char>(stream), {}};
}

onnx_file::Model parse(std::string const& bytes, std::string const& file) {
  onnx_file::Model model;
  if (bytes.empty()) throw Error(text(file, " is empty; an ONNX file is needed."));
  if (!model.ParseFromString(bytes))
    throw Error(text(file, " cannot be read as ONNX: it is cut short or damaged, or no ONNX file. Export or copy it again."));
  if (!model.has_graph() || model.graph().node().empty())
    throw Error(text(file, " has no graph with nodes in it; is it an ONNX file? Export the network again."));
  return model;
}

template <class Visit>
void for_each_tensor(onnx_file::Model const& model, Visit visit) {
  for (auto const& tensor : model.graph().initializer()) visit(tensor);
  for (auto const& node : model.graph().node())
    for (auto const& attribute : node.attribute())
      if (attribute.has_t()) visit(attribute.t());
}

OnnxAttribute read_attribute(onnx_file::Attribute const& attribute, OnnxBytes const& bytes, std::string const& where) {
  // Old exporters leave the type out; then what is there says it.
  int const type = attribute.type() != 0         ? attribute.type()
                   : attribute.has_t()           ? 4
                   : attribute.has_f()           ? 1
                   : attribute.has_i()           ? 2
                   : attribute.has_s()           ? 3
                   : attribute.floats_size() > 0 ? 6
                                                 : 7;
  switch (type) {
    case 1:
      return {static_cast<double>(attribute.f())};
    case 2:
      return {static_cast<long>(attribute.i())};
    case 3:
      return {std::string(attribute.s())};
    case 4:
      return {numbers_of(attribute.t(), bytes, text(where, ": attribute ", attribute.name()))};
    case 6:
      return {std::vector<double>(attribute.floats().begin(), attribute.floats().end())};
    case 7:
      return {std::vector<long>(attribute.ints().begin(), attribute.ints().end())};
    default:
      return {std::monostate{}};
  }
}

OnnxPort read_port(onnx_file::ValueInfo const& info, std::string const& file) {
  auto const& type = info.type().tensor_type();
  std::optional<NumberKind> const kind = kind_of(type.elem_type());
  if (!kind) throw Error(text(file, ": ", info.name(), " is no tensor of numbers; inputs and outputs of a network have to be."));
  OnnxPort port{info.name(), *kind, {}};
  for (auto const& dim : type.shape().dim())
    port.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? std::optional<long>(dim.dim_value()) : std::nullopt);
  return port;
}

long read_opset(onnx_file::Model const& model, std::string const& file) {
  long opset = 0;
  for (auto const& set : model.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx") opset = set.version();
  if (opset == 0) throw Error(text(file, " does not say which operators it is written in (opset_import). Export the network again."));
  if (opset < oldest_opset || opset > newest_opset)
    throw Error(text(file, " is written in operator set (opset) ", opset, "; those from ", oldest_opset, " to ", newest_opset,
                     " are read. Export it with opset_version=18."));
  return opset;
}

/// PyTorch's exporter notes what it took from where, in one of two forms: "b_pe: BUFFER target='pe'" or "InputSpec(kind=<InputKind.BUFFER: 3>,
/// arg=..., target='pe', ...)".
std::vector<std::string> names_noted_as(std::string const& kind, onnx_file::Graph const& graph) {
  constexpr std::string_view target = "target='";
  std::vector<std::string> out;
  for (auto const& entry : graph.metadata_props()) {
    std::string const& words = entry.value();
    if (!entry.key().ends_with("graph_signature")) continue;
    for (std::string const& mark : {text(": ", kind, " ", target), text("InputKind.", kind, ":")})
      for (auto at = words.find(mark); at != std::string::npos; at = words.find(mark, at + 1)) {
        auto const first = words.find(target, at);
        if (first == std::string::npos) break;
        auto const begin = first + target.size();
        out.push_back(words.substr(begin, words.find('\'', begin) - begin));
      }
  }
  return out;
}

}  // namespace

std::vector<long> OnnxArray::integers() const {
  constexpr double most = static_cast<double>(1L << 62);
  std::vector<long> out;
  for (double const number : numbers) out.push_back(static_cast<long>(std::clamp(number, -most, most)));
  return out;
}

std::string OnnxModel::where(OnnxNode const& node) const {
  return text(file, ": node ", node.number, " (", node.op, node.name.empty() ? "" : " ", node.name, ")");
}

OnnxBytes load_onnx(fs::path const& file) {
  OnnxBytes bytes{
      read_whole(file, text("there is no ONNX file ", file.string(), ". Check network.onnx; its path is relative to the job file.")), {}};
  std::set<std::string> names;
  for_each_tensor(parse(bytes.model, file.string()), [&](onnx_file::Tensor const& tensor) { names.insert(other_file(tensor)); });
  names.erase("");
  for (fs::path const name : names)
    if (name.is_absolute() || std::ranges::find(name, "..") != name.end())
      throw Error(text(file.string(), " keeps tensors in ", name.string(), ", which is not a path below its own folder. Export it again."));
  for (std::string const& name : names)
    bytes.others[name] =
        read_whole(file.parent_path() / name, text(file.string(), " keeps tensors in ", name,
                                                   ", which is not beside it. Copy that file too, or export with external_data=False."));
  return bytes;
}

OnnxModel read_onnx(OnnxBytes const& bytes, std::string const& file) {
  onnx_file::Model const source = parse(bytes.model, file);
  OnnxModel model;
  model.file = file;
  model.opset = read_opset(source, file);
  model.producer = text(source.producer_name(), source.producer_version().empty() ? "" : " ", source.producer_version());
  model.parameters = names_noted_as("PARAMETER", source.graph());
  model.buffers = names_noted_as("BUFFER", source.graph());
  std::set<std::string> known;
  for (auto const& tensor : source.graph().initializer()) {
    model.initializers.emplace_back(tensor.name(), numbers_of(tensor, bytes, text(file, ": initializer ", tensor.name())));
    known.insert(tensor.name());
  }
  for (auto const& each : source.graph().node()) {
    OnnxNode node{static_cast<int>(std::ssize(model.nodes)), each.op_type(), each.name(), {}, {}, {}};
    if (!each.domain().empty() && each.domain() != "ai.onnx") node.op = text(each.domain(), ".", each.op_type());
    node.inputs.assign(each.input().begin(), each.input().end());
    node.outputs.assign(each.output().begin(), each.output().end());
    for (auto const& attribute : each.attribute()) node.attributes[attribute.name()] = read_attribute(attribute, bytes, model.where(node));
    model.nodes.push_back(std::move(node));
  }
  for (auto const& info : source.graph().input())
    if (!known.contains(info.name())) model.inputs.push_back(read_port(info, file));
  for (auto const& info : source.graph().output()) model.outputs.push_back(read_port(info, file));
  if (model.inputs.empty() || model.outputs.empty())
    throw Error(text(file, " has no ", model.inputs.empty() ? "input" : "output", "; a network has both. Export it again."));
  return model;
}

}  // namespace infinitile
