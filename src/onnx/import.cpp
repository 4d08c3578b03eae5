#include "onnx/import.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/constant_nodes.hpp"
#include "onnx/operators.hpp"
#include "onnx/parameter_choice.hpp"

namespace infinitile {

namespace {

/// The nodes that a value depends on, in order.
std::vector<int> needed_nodes(OnnxModel const& model, std::string const& output) {
  std::map<std::string, bool> wanted{{output, true}};
  std::vector<int> out;
  for (auto node = model.nodes.rbegin(); node != model.nodes.rend(); ++node) {
    if (std::ranges::none_of(node->outputs, [&](auto const& name) { return wanted.contains(name); })) continue;
    for (std::string const& name : node->inputs) wanted[name] = true;
    out.push_back(node->number);
  }
  std::ranges::reverse(out);
  return out;
}

std::string sizes_in_words(std::vector<std::optional<long>> const& shape) {
  std::vector<std::string> words;
  for (auto const& size : shape) words.push_back(size ? text(*size) : "?");
  return text("(", join(words, ", ", ", "), ")");
}

/// An input of the program, and how the graph sees it.
struct PlacedInput {
  OnnxInput input;
  GraphTensor tensor;
};

/// The shape of one sample: the data's, or what the graph declares behind the batch. A graph without a batch takes one sample.
PlacedInput place_input(OnnxModel const& model, OnnxPort const& port, std::vector<long> const* given, ProgramBuilder& builder) {
  std::string const place = text(model.file, ": input ", port.name, " is declared as ", sizes_in_words(port.shape));
  auto const fits = [&](std::size_t first) {
    if (port.shape.size() != given->size() + first) return false;
    for (std::size_t a = 0; a < given->size(); ++a)
      if (port.shape[first + a] && *port.shape[first + a] != (*given)[a]) return false;
    return true;
  };
  bool const free = !port.shape.empty() && !port.shape[0], single = !port.shape.empty() && port.shape[0] == 1;
  bool const batch = given != nullptr ? fits(1) : free || single;
  if (batch && !free && !single)
    throw Error(text(place, ", exactly ", *port.shape[0],
                     " samples at a time. Export it with a free batch axis (dynamic_axes, or dynamic_shapes), or for a batch of 1."));
  if (given != nullptr && !batch && !fits(0))
    throw Error(text(place, ", batch first, and a sample of the data has the shape ", shape_words(*given),
                     ". Set data.shape to the shape of one sample as the graph wants it."));
  std::vector<long> shape;
  if (given != nullptr) shape = *given;
  for (std::size_t a = batch ? 1 : 0; given == nullptr && a < port.shape.size(); ++a) {
    if (!port.shape[a])
      throw Error(text(place, ", whose axis ", a,
                       " has no fixed size beside the batch. Say the shape of one sample: --shape, or data.shape in a job."));
    shape.push_back(*port.shape[a]);
  }
  constexpr double most = 1e9;  // of one sample
  double count = 1;
  for (long const size : shape) count *= static_cast<double>(size);
  if (count > most) throw Error(text(place, ", which is ", count, " numbers for each sample; at most ", most, " are taken."));
  Tensor stored = builder.input(shape);
  if (batch) {
    std::vector<long> seen = shape;
    seen.insert(seen.begin(), 1);
    stored = stored.reshaped(seen);
  }
  std::size_t const rank = stored.shape.size();
  return {{port.name, shape, port.kind},
          {stored, in_order(rank), port.kind, batch && free ? std::optional(BatchPlace{0, 1}) : std::nullopt}};
}

/// Walks the graph once, in order.
class Importer {
public:
  Importer(OnnxModel const& model, OnnxChoice const& choice) : model_(model), choice_(choice) {
    network_.file = model.file;
    network_.producer = model.producer;
    network_.opset = model.opset;
  }

  OnnxNetwork import() && {
    OnnxPort const& output = chosen_output();
    std::vector<int> const nodes = needed_nodes(model_, output.name);
    place_inputs();
    place_initializers(nodes);
    for (int const n : nodes) write(model_.nodes[at(n)]);
    finish(output);
    return std::move(network_);
  }

private:
  OnnxPort const& chosen_output() const {
    long const count = std::ssize(model_.outputs);
    std::vector<std::string> names;
    for (OnnxPort const& port : model_.outputs) names.push_back(port.name);
    if (!choice_.output && count > 1)
      throw Error(text(model_.file, " has ", count, " outputs (", join(names),
                       "), and a kernel is of one. Choose it by kernel.output, a number from 0 to ", count - 1, "."));
    int const number = choice_.output.value_or(0);
    if (number >= count)
      throw Error(text("kernel.output is ", number, ", and ", model_.file, " has ", count, count == 1 ? " output." : " outputs."));
    return model_.outputs[at(number)];
  }

  void place_inputs() {
    auto const& shapes = choice_.input_shapes;
    if (!shapes.empty() && shapes.size() != model_.inputs.size())
      throw Error(text(model_.file, " has ", model_.inputs.size(), " inputs, and the data have ", shapes.size(),
                       ". Name one dataset for each in data.train.x, in the order of the file."));
    for (std::size_t i = 0; i < model_.inputs.size(); ++i) {
      PlacedInput placed = place_input(model_, model_.inputs[i], shapes.empty() ? nullptr : &shapes[i], builder_);
      input_values_.push_back(placed.tensor.stored.value);
      network_.inputs.push_back(std::move(placed.input));
      values_[model_.inputs[i].name] = std::move(placed.tensor);
    }
  }

  void place_initializers(std::vector<int> const& nodes) {
    ParameterChoice choice = choose_parameters(model_, nodes, choice_.skip);
    for (auto const& [name, array] : model_.initializers) values_[name] = array;
    for (auto& [parameter, array] : choice.parameters) {
      std::vector<long> shape(parameter.shape.size());
      for (std::size_t a = 0; a < shape.size(); ++a) shape[at(parameter.order[a])] = parameter.shape[a];
      values_[parameter.name] = GraphTensor{builder_.parameter({parameter.name, shape}), parameter.order};
      auto const is_among = [&](std::vector<std::string> const& names) { return std::ranges::find(names, parameter.name) != names.end(); };
      if (is_among(model_.buffers) || (array->numbers.size() == 1 && !is_among(model_.parameters)))
        network_.doubtful.push_back(parameter.name);
      parameter_numbers_[parameter.name] = static_cast<int>(std::ssize(network_.parameters));
      network_.values.push_back(parameter.stored(array->numbers));
      network_.parameters.push_back(std::move(parameter));
    }
    for (auto const& [name, reason] : choice.fixed) network_.fixed.push_back(text(name, " (", reason, ")"));
  }

  /// One of what a SplitToSequence made.
  void pick(OnnxNode const& node) {
    auto const sequence = node.inputs.size() == 2 ? sequences_.find(node.inputs[0]) : sequences_.end();
    auto const place = node.inputs.size() == 2 ? values_.find(node.inputs[1]) : values_.end();
    auto const* const number = place == values_.end() ? nullptr : std::get_if<OnnxArray>(&place->second);
    if (sequence == sequences_.end() || number == nullptr || number->numbers.empty())
      throw Error(text(model_.where(node),
                       ": it does not pick from what a SplitToSequence made by a place that is known, which alone is "
                       "supported. Export the network without lists of tensors."));
    long const count = std::ssize(sequence->second), given = number->integers().at(0), i = given < 0 ? given + count : given;
    if (i < 0 || i >= count) throw Error(text(model_.where(node), ": it picks number ", given, " of ", count, "."));
    values_[node.outputs.at(0)] = sequence->second[at(i)];
  }

  void write(OnnxNode const& node) {
    if (node.op == "SequenceAt") return pick(node);
    std::vector<GraphValue const*> operands;
    bool all_known = true;
    for (std::string const& name : node.inputs) {
      auto const found = values_.find(name);
      if (sequences_.contains(name))
        throw Error(text(model_.where(node), " takes a list of tensors, ", name,
                         ", from which only SequenceAt may pick. Export the network without "
                         "lists of tensors."));
      if (!name.empty() && found == values_.end())
        throw Error(text(model_.where(node), " reads ", name, ", which nothing before it makes. The file is damaged: export it again."));
      operands.push_back(name.empty() ? nullptr : &found->second);
      all_known = all_known && (name.empty() || std::holds_alternative<OnnxArray>(found->second));
    }
    NodeContext const context(builder_, model_, node, operands);
    std::optional<GraphValues> results = apply_known(context);
    Operator const apply = find_operator(node.op);
    if (!results && apply == nullptr)
      throw Error(text(model_.where(node), ": the operator ", node.op, " of opset ", model_.opset,
                       " is not supported. Write that layer with other operators, or export with another opset_version."));
    bool const folded = results || all_known;
    if (!results) results = all_known ? compute_constants(context, apply) : apply(context);
    if (node.op == "SplitToSequence") {
      sequences_[node.outputs.at(0)] = *std::move(results);
      return;
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      if (i >= results->size()) context.fail(text("its output ", i, ", ", node.outputs[i], ", is not supported."));
      values_[node.outputs[i]] = (*results)[i];
    }
    if (folded)
      ++network_.folded;
    else
      list(node, (*results)[0]);
  }

  void list(OnnxNode const& node, GraphValue const& result) {
    OnnxLayer layer{node.number, node.op, node.name, shape_of(result)};
    auto const* const tensor = std::get_if<GraphTensor>(&result);
    if (tensor != nullptr && tensor->batch && tensor->axis(tensor->batch->axis) == 1)
      layer.shape.erase(layer.shape.begin() + tensor->batch->axis);
    for (std::string const& name : node.inputs)
      if (auto const found = parameter_numbers_.find(name); found != parameter_numbers_.end()) layer.parameters.push_back(found->second);
    network_.layers.push_back(std::move(layer));
  }

  void finish(OnnxPort const& port) {
    std::string const place = text(model_.file, ": output ", port.name);
    auto const found = values_.find(port.name);
    if (found == values_.end()) throw Error(text(place, " is made by no node. The file is damaged: export it again."));
    auto const* const output = std::get_if<GraphTensor>(&found->second);
    if (output == nullptr) throw Error(text(place, " is a constant; a kernel needs one that depends on the input."));
    if (output->batch && output->axis(output->batch->axis) != 1)
      throw Error(text(place, " has the samples and ", output->axis(output->batch->axis), " outputs of each along one axis, ",
                       output->batch->axis, ". Keep the batch on an axis of its own."));
    Tensor result = plain(builder_, *output);
    std::vector<long> shape = result.shape;
    if (output->batch)
      shape.erase(shape.begin() + output->batch->axis);
    else if (shape.size() > 1 && shape[0] == 1)
      shape.erase(shape.begin());
    if (shape.empty()) shape = {1};
    network_.program = std::move(builder_).finish(result.reshaped(shape));
    if (network_.program.value(network_.program.output).is_shared)
      throw Error(text(place, " does not depend on the input; a kernel needs one that does."));
    note_lookups();
  }

  /// Inputs that are looked up as they are.
  void note_lookups() {
    for (Instruction const& i : network_.program.instructions) {
      auto const* const lookup = std::get_if<primitive::Lookup>(&i.primitive);
      auto const input = lookup == nullptr ? input_values_.end() : std::ranges::find(input_values_, i.operands[0]);
      if (input == input_values_.end()) continue;
      std::optional<long>& entries = network_.inputs[at(input - input_values_.begin())].entries;
      entries = std::min<long>(entries.value_or(lookup->entries), lookup->entries);
    }
  }

  OnnxModel const& model_;
  OnnxChoice const& choice_;
  ProgramBuilder builder_;
  OnnxNetwork network_;
  std::map<std::string, GraphValue> values_;
  std::map<std::string, GraphValues> sequences_;
  std::map<std::string, int> parameter_numbers_;
  std::vector<int> input_values_;
};

}  // namespace

std::vector<std::size_t> OnnxParameter::places() const {
  std::vector<long> target(shape.size());
  for (std::size_t a = 0; a < shape.size(); ++a) target[at(order[a])] = shape[a];
  std::vector<long> const strides = strides_of(target);
  std::vector<std::size_t> out(at(product_of(shape)));
  for (std::size_t n = 0; n < out.size(); ++n) {
    std::vector<long> const index = index_of(static_cast<long>(n), shape);
    for (std::size_t a = 0; a < shape.size(); ++a) out[n] += at(index[a] * strides[at(order[a])]);
  }
  return out;
}

std::vector<double> OnnxParameter::stored(std::vector<double> const& numbers) const {
  if (order == in_order(order.size())) return numbers;
  std::vector<std::size_t> const places = this->places();
  std::vector<double> out(numbers.size());
  for (std::size_t n = 0; n < out.size(); ++n) out[places[n]] = numbers[n];
  return out;
}

std::vector<double> OnnxParameter::as_in_file(std::vector<double> const& numbers) const {
  if (order == in_order(order.size())) return numbers;
  std::vector<std::size_t> const places = this->places();
  std::vector<double> out(numbers.size());
  for (std::size_t n = 0; n < out.size(); ++n) out[n] = numbers[places[n]];
  return out;
}

std::string OnnxParameter::path() const {
  std::string out;
  for (std::size_t first = 0; first < name.size();) {
    std::size_t const last = std::min(name.find('/', first), name.size());
    std::string const part = name.substr(first, last - first);
    if (!part.empty() && part != ".") out += (out.empty() ? "" : "/") + part;
    first = last + 1;
  }
  return out.empty() ? name : out;
}

OnnxNetwork import_onnx(OnnxModel const& model, OnnxChoice const& choice) {
  return Importer(model, choice).import();
}

}  // namespace infinitile
