#include "job/onnx_keys.hpp"

#include "base/text.hpp"
#include "job/keys.hpp"

namespace infinitile {

std::string read_onnx_path(Settings const& settings, std::string const& kernel_kind) {
  YAML::Node const network = settings.at("network");
  if (!network.IsMap() || !network["onnx"]) {
    if (settings.given("parameters.skip")) settings.refuse("parameters.skip", "it is for networks of ONNX files alone. Leave it out.");
    return "";
  }
  if (network.size() > 1) settings.refuse("network", "onnx has to stand alone. Take the other keys out.");
  if (!network["onnx"].IsScalar() || network["onnx"].Scalar().empty()) settings.refuse("network", "onnx needs the path of a file.");
  if (kernel_kind != "empirical")
    settings.refuse("network",
                    text("an ONNX file holds a finite network, and kernel.kind is ", kernel_kind, ". Set kernel.kind to empirical."));
  auto const refuse_drawn = [&](char const* key, bool drawn) {
    if (drawn) settings.refuse(key, "the parameters of an ONNX network stand in its file. Leave it out.");
  };
  refuse_drawn("parameters.seed", settings.at("parameters.seed").as<long>() != 0);
  refuse_drawn("parameters.init", flow_text(settings.at("parameters.init")) != find_key("parameters.init")->standard);
  YAML::Node const scale = settings.at("data.scale");
  if (scale.IsMap() || scale.Scalar() == "per_location")
    settings.refuse(
        "data.scale",
        "positions are told from channels by their place, last, and an ONNX graph has an order of its own. Scale the data beforehand.");
  return network["onnx"].Scalar();
}

}  // namespace infinitile
