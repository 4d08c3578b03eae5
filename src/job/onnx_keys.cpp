#include "job/onnx_keys.hpp"

#include "base/text.hpp"

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
  if (settings.at("parameters.seed").as<long>() != 0)
    settings.refuse("parameters.seed", "the parameters of an ONNX network stand in its file. Leave it out.");
  return network["onnx"].Scalar();
}

}  // namespace infinitile
