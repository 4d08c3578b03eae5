#include "job/write_shaped.hpp"

#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// Enough digits to read the same number again.
std::string digits(double value) {
  return fmt::format("{}", value);
}

class Rewriter {
public:
  Rewriter(Network const& network, ShapedNetwork const& shaped) : network_(network), shaped_(shaped) {
    for (int n = 0; n < network.size(); ++n)
      if (!shaped.layers[at(n)].name.empty()) nodes_[network.node(n).path] = n;
  }

  /// The layers of a sequence whose copies begin at these paths.
  void rewrite(YAML::Node layers, std::vector<std::string> const& copies) const {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      YAML::Node layer = layers[i];
      std::string const name = layer.IsMap() ? layer.begin()->first.Scalar() : layer.Scalar();
      std::vector<std::string> const inside = below(copies, i);
      if (name == "repeat") {
        rewrite(layer[name]["layers"], below(inside, layer[name]["times"].as<std::size_t>(), Copies::all));
      } else if (name == "sum" || name == "product" || name == "parallel" || name == "concat") {
        YAML::Node branches = name == "concat" ? layer[name]["branches"] : layer[name];
        for (std::size_t b = 0; b < branches.size(); ++b) rewrite(branches[b], below(inside, b));
      } else if (auto const node = find_node(copies, i)) {
        layers[i] = write(layer, shaped_.layers[at(*node)]);
      }
    }
  }

private:
  enum class Copies { one, all };
  /// "4/" of each copy becomes "4/2/", or "4/0/", "4/1/", ... for all of so many.
  static std::vector<std::string> below(std::vector<std::string> const& copies, std::size_t i, Copies which = Copies::one) {
    std::vector<std::string> out;
    for (std::string const& copy : copies)
      for (std::size_t c = which == Copies::one ? i : 0; c < (which == Copies::one ? i + 1 : i); ++c) out.push_back(text(copy, c, "/"));
    return out;
  }

  /// The activation that a written layer stands for, the same in all of its copies.
  std::optional<int> find_node(std::vector<std::string> const& copies, std::size_t i) const {
    std::optional<int> first;
    for (std::string const& copy : copies) {
      auto const found = nodes_.find(text(copy, i));
      if (found == nodes_.end()) continue;
      if (!first) first = found->second;
      if (!is_same(shaped_.layers[at(*first)].affine, shaped_.layers[at(found->second)].affine)) fail(*first, found->second);
    }
    return first;
  }

  static bool is_same(Affine const& a, Affine const& b) {
    return std::abs(a.input_scale - b.input_scale) <= 1e-9 * std::abs(a.input_scale) && a.input_shift == b.input_shift
           && a.output_scale == b.output_scale && a.output_shift == b.output_shift;
  }
  [[noreturn]] void fail(int a, int b) const {
    throw Error(
        fmt::format("{}: in copy {} of the repeat its input has another variance, so one scaling does not fit both. Give the weights "
                    "before the repeat and "
                    "in it the same w_std, or write the copies out.",
                    network_.where(network_.node(a)), network_.node(b).path));
  }

  static YAML::Node write(YAML::Node const& layer, Activation const& shaped) {
    YAML::Node parameters(YAML::NodeType::Map);
    if (layer.IsMap() && layer.begin()->second.IsMap()) parameters = layer.begin()->second;
    for (auto const& [name, value] : shaped.parameters)
      if (shaped.name == "leaky_relu" && name == "alpha") parameters[name] = digits(std::get<double>(value));
    parameters["input_scale"] = digits(shaped.affine.input_scale);
    parameters["input_shift"] = digits(shaped.affine.input_shift);
    parameters["output_scale"] = digits(shaped.affine.output_scale);
    parameters["output_shift"] = digits(shaped.affine.output_shift);
    parameters.SetStyle(YAML::EmitterStyle::Flow);
    YAML::Node out(YAML::NodeType::Map);
    out[shaped.name] = parameters;
    return out;
  }

  Network const& network_;
  ShapedNetwork const& shaped_;
  std::map<std::string, int> nodes_;
};

/// Parameters and shapes in one line, layers below each other.
void set_styles(YAML::Node node) {
  bool const plain = [&] {
    for (auto const& entry : node) {
      YAML::Node const& value = node.IsMap() ? entry.second : static_cast<YAML::Node const&>(entry);
      if (value.IsMap() || (value.IsSequence() && value.size() > 0 && !value[0].IsScalar())) return false;
    }
    return true;
  }();
  if (node.IsMap() && plain) {
    node.SetStyle(YAML::EmitterStyle::Flow);
  } else {
    for (auto const& entry : node) set_styles(node.IsMap() ? entry.second : static_cast<YAML::Node const&>(entry));
  }
}

}  // namespace

std::string write_shaped(WrittenNetwork const& written, Network const& network, ShapedNetwork const& shaped) {
  YAML::Node out(YAML::NodeType::Map);
  for (Field const& field : written.defaults) out["defaults"][field.key] = copy_without_lines(field.value);
  YAML::Node layers = copy_without_lines(written.layers);
  Rewriter(network, shaped).rewrite(layers, {""});
  set_styles(layers);
  out["layers"] = layers;
  YAML::Emitter yaml;
  yaml << out;
  bool const dks = shaped.local.method == ShapeMethod::dks;
  return fmt::format(
             "# Shaped by {}: {} {:.6g}. Weights are to start orthogonal (parameters: {{init: suo}}) or Gaussian (fan_in), biases at 0.\n",
             dks ? "dks" : "tat", shaped.goal_key(), shaped.wanted)
         + yaml.c_str() + "\n";
}

}  // namespace infinitile
