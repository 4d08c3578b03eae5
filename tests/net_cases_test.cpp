// The networks whose kernels are known: each is read, and what follows from its words alone is checked.
#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "net/print.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

/// Those that normalise over the batch, below.
bool is_refused(std::string const& name) {
  return name == "layer_norm_batch" || name == "layer_norm_batch_and_image";
}

YAML::Node cases() {
  return load_yaml(std::string(INFINITILE_TEST_DATA) + "/networks.yaml");
}

Network read_case(YAML::Node const& entry) {
  std::vector<std::vector<long>> const shapes{entry["x"].as<std::vector<long>>()};
  return read_network(entry["network"], {"networks.yaml", "", shapes, language_activations()});
}

/// How often each layer stands in a sequence, repeats counted with their copies: a second, shorter way through the language.
std::map<std::string, int> count_layers(YAML::Node const& sequence) {
  std::map<std::string, int> out;
  auto const add = [&](YAML::Node const& inner, int copies) {
    for (auto const& [name, number] : count_layers(inner))
      if (copies > 0) out[name] += copies * number;
  };
  for (auto const& layer : sequence) {
    std::string const name = layer.IsMap() ? layer.begin()->first.as<std::string>() : layer.as<std::string>();
    YAML::Node const parameters = layer.IsMap() ? layer.begin()->second : YAML::Node();
    if (name == "repeat") {
      add(parameters["layers"], parameters["times"].as<int>());
      continue;
    }
    ++out[name];
    if (name == "sum" || name == "product" || name == "concat")
      for (auto const& branch : name == "concat" ? parameters["branches"] : parameters) add(branch, 1);
  }
  return out;
}

}  // namespace

TEST_CASE("every golden network is read into the layers that stand there", "[cases]") {
  int read = 0;
  for (auto const& entry : cases()) {
    std::string const name = entry.first.as<std::string>();
    if (is_refused(name)) continue;
    INFO(name);
    Network const net = read_case(entry.second);
    YAML::Node const layers = entry.second["network"].IsMap() ? entry.second["network"]["layers"] : entry.second["network"];
    std::map<std::string, int> found;
    for (auto const& node : net.nodes())
      if (!std::holds_alternative<Input>(node.op)) ++found[std::string(name_of(node.op))];
    CHECK(found == count_layers(layers));
    Node const& last = net.node(net.output());
    CHECK(last.gaussian);
    CHECK(last.shape.size() == 1);
    CHECK(net.output() == net.size() - 1);
    CHECK_FALSE(describe(net).empty());
    for (int i = 0; i < net.size(); ++i) CHECK_FALSE(shared_by_branches(net, i));
    ++read;
  }
  CHECK(read == 178);
}

TEST_CASE("each layer of the golden networks has the shape that another program found", "[cases]") {
  YAML::Node const all = cases();
  int compared = 0;
  for (auto const& entry : load_yaml(std::string(INFINITILE_TEST_DATA) + "/shapes.yaml")) {
    std::string const name = entry.first.as<std::string>();
    if (is_refused(name)) continue;
    INFO(name);
    Network const net = read_case(all[name]);
    std::vector<std::vector<long>> shapes;
    for (auto const& node : net.nodes())
      if (!std::holds_alternative<Input>(node.op)) shapes.push_back(node.shape);
    CHECK(shapes == entry.second.as<std::vector<std::vector<long>>>());
    ++compared;
  }
  CHECK(compared == 91);
}

TEST_CASE("finite networks have as many trainable numbers as another program drew for them", "[cases]") {
  int compared = 0;
  for (auto const& entry : load_yaml(std::string(INFINITILE_TEST_DATA) + "/parameters.yaml")) {
    std::string const name = entry.first.as<std::string>();
    if (name == "attention_untied") continue;  // untied softmax, which has no kernel, is refused
    INFO(name);
    Network const net = read_case(entry.second);
    long count = 0;
    for (auto const& node : net.nodes()) count += parameter_count(net, node).value();
    CHECK(count == entry.second["parameters"].as<long>());
    CHECK(net.node(net.output()).shape == entry.second["y"].as<std::vector<long>>());
    ++compared;
  }
  CHECK(compared == 39);
}

TEST_CASE("the golden network that normalises over the batch is refused with the reason", "[cases]") {
  CHECK(message_of([] { read_case(cases()["layer_norm_batch"]); })
            .ends_with(": layer 1 (layer_norm): axis includes the batch (axis 0); then a tile of the kernel would depend on the other "
                       "inputs. Leave axis 0 out."));
}

TEST_CASE("all golden networks have hashes of their own, apart from those that are one network", "[cases]") {
  std::map<std::uint64_t, std::vector<std::string>> names;
  for (auto const& entry : cases())
    if (!is_refused(entry.first.as<std::string>())) names[read_case(entry.second).hash()].push_back(entry.first.as<std::string>());
  std::vector<std::vector<std::string>> alike;
  for (auto const& [hash, same] : names)
    if (same.size() > 1) alike.push_back(same);
  std::sort(alike.begin(), alike.end());
  // One network on other inputs, or with layers that do nothing.
  CHECK(alike
        == std::vector<std::vector<std::string>>{{"erf_zero_inputs", "repeat_zero_times"},
                                                 {"relu_angles_0_and_pi", "relu_zero_inputs"},
                                                 {"relu_depth1", "dropout_test", "identity"}});
}

TEST_CASE("widths follow from out_dim, s and the branches", "[cases]") {
  auto const widths = [all = cases()](std::string const& name) {
    std::vector<std::string> out;
    Network const net = read_case(all[name]);
    for (auto const& node : net.nodes()) out.push_back(text(node.channels(), node.width_known ? "" : "?"));
    return join(out, " ", " ");
  };
  CHECK(widths("relu_depth1") == "5 1? 1? 1?");
  CHECK(widths("standard_s") == "5 128 128 8 8 3");
  CHECK(widths("standard_with_bias") == "5 16 16 8 8 1?");
  CHECK(widths("concat_unequal_widths") == "5 3 3 5 5 8 1? 1? 1?");
  CHECK(widths("concat_equal_widths") == "5 1? 1? 1? 1? 3? 1? 1? 1?");
  CHECK(widths("identity") == "5 5 1? 1? 1? 1? 1? 1?");
}
