#include "job/scale_keys.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/keys.hpp"

namespace infinitile {

namespace {

constexpr char const* key = "data.scale.per_location";
std::vector<std::string> const modes{"one", "avg_q", "off"};

PerLocation read_per_location(Settings const& settings, YAML::Node const& node) {
  auto const refuse = [&](std::string const& path, YAML::Node const& value, std::string const& needed) {
    throw Error(text(settings.origin(path), ": ", path, " is ", show_value(value), ", but ", needed));
  };
  PerLocation out;
  if (node.IsNull()) return out;
  if (!node.IsMap()) refuse(key, node, "a mapping with the keys homog_mode and homog_scale is needed; {} has their defaults.");
  for (auto const& entry : node) {
    std::string const name = show_value(entry.first), path = text(key, ".", name);
    YAML::Node const& value = entry.second;
    if (name == "homog_mode") {
      auto const found = std::ranges::find(modes, value.IsScalar() ? value.Scalar() : "");
      if (found == modes.end())
        refuse(path, value, text(join(modes, ", ", " or "), " is needed.", value.IsScalar() ? did_you_mean(value.Scalar(), modes) : ""));
      out.mode = static_cast<PerLocation::Mode>(found - modes.begin());
    } else if (name == "homog_scale") {
      bool const number = value.IsScalar() && value.Tag() != "!" && YAML::convert<double>::decode(value, out.scale);
      if (!number || !std::isfinite(out.scale) || out.scale <= 0) refuse(path, value, "a finite number above 0 is needed.");
    } else {
      std::string const hint = did_you_mean(name, {"homog_mode", "homog_scale"});
      throw Error(
          text(settings.origin(path), ": unknown key \"", path, "\".", hint.empty() ? " Known here: homog_mode and homog_scale." : hint));
    }
  }
  return out;
}

}  // namespace

void read_scale(Settings const& settings, Job::Data& data) {
  YAML::Node const node = settings.at("data.scale");
  if (!node.IsMap()) {
    data.scale = node.Scalar();
    return;
  }
  std::vector<std::string> const& words = find_key("data.scale")->choices;
  if (node.size() != 1)
    settings.refuse("data.scale", text(join(words, ", ", " or "), " is needed, one of them; parameters stand below per_location alone."));
  std::string const name = show_value(node.begin()->first), path = text("data.scale.", name);
  if (std::ranges::find(words, name) == words.end()) {
    std::string const hint = did_you_mean(name, words);
    throw Error(text(settings.origin(path), ": unknown key \"", path, "\".", hint.empty() ? " Known here: per_location." : hint));
  }
  if (name != "per_location") throw Error(text(settings.origin(path), ": ", path, " takes no parameters. Write data.scale: ", name, "."));
  data.scale = name;
  data.per_location = read_per_location(settings, node.begin()->second);
}

YAML::Node complete_scale(Job::Data const& data) {
  if (data.scale != "per_location") return YAML::Node(data.scale);
  YAML::Node parameters, out;
  parameters["homog_mode"] = modes[static_cast<std::size_t>(data.per_location.mode)];
  parameters["homog_scale"] = fmt::format("{}", data.per_location.scale);  // enough digits, and no more
  out["per_location"] = parameters;
  out.SetStyle(YAML::EmitterStyle::Flow);
  return out;
}

}  // namespace infinitile
