#include "job/echo.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "job/keys.hpp"
#include "job/settings.hpp"
#include "net/yaml.hpp"
#include "version.hpp"

namespace infinitile {

namespace {

using Flat = std::map<std::string, std::string>;

bool is_word(YAML::Node const& node) {
  double number = 0;
  return node.IsScalar() && !YAML::convert<double>::decode(node, number);
}

/// Each value that has no keys below it, by its whole path: network.2.dense.w_std. The layers of a network are counted; other lists are
/// values.
void flatten(YAML::Node const& node, std::string const& path, Flat& out) {
  bool const list = node.IsSequence();
  bool const values = list && std::ranges::all_of(node, [](YAML::Node const& n) { return n.IsScalar(); });
  bool const layers = list && path.starts_with("network") && std::ranges::any_of(node, is_word);
  std::string const prefix = path.empty() ? "" : path + ".";
  if (node.IsMap()) {
    for (auto const& entry : node) flatten(entry.second, prefix + show_value(entry.first), out);
  } else if (list && (!values || layers)) {
    for (std::size_t i = 0; i < node.size(); ++i) flatten(node[i], text(prefix, i), out);
  } else {
    out[path] = flow_text(node);
  }
}

Flat flatten(YAML::Node const& node) {
  Flat out;
  flatten(node, "", out);
  return out;
}

/// The row of the table that a flattened path belongs to.
Touches touches(std::string path) {
  for (; !path.empty(); path.resize(path.rfind('.') == std::string::npos ? 0 : path.rfind('.')))
    if (Key const* const key = find_key(path)) return key->touches;
  return Touches::nothing;
}

/// What tiles depend on beside the keys of the job.
std::vector<std::pair<std::string, std::uint64_t>> named(Sources const& sources) {
  std::vector<std::pair<std::string, std::uint64_t>> out{{"network", sources.network},
                                                         {"data.train", sources.train},
                                                         {"data.test", sources.test},
                                                         {"the tile arithmetic", sources.arithmetic}};
  if (sources.parameters != 0) out.emplace_back("parameters", sources.parameters);
  return out;
}

constexpr std::string_view mark = "# content of ";

/// The comment lines of an echo: "# content of data.train: 0123456789abcdef".
Flat read_sources(std::string const& echo) {
  Flat out;
  std::istringstream lines(echo);
  for (std::string line; std::getline(lines, line) && line.starts_with('#');)
    if (auto const colon = line.find(": "); line.starts_with(mark) && colon != std::string::npos)
      out[line.substr(mark.size(), colon - mark.size())] = line.substr(colon + 2);
  return out;
}

}  // namespace

std::uint64_t fingerprint(Job const& job, Sources const& sources) {
  std::string all;
  for (auto const& [path, value] : flatten(job.complete))
    if (touches(path) == Touches::tiles) all += text(path, "=", value, "\n");
  for (auto const& [name, hash] : named(sources)) all += text(name, "=", hexadecimal(hash), "\n");
  return checksum(all);
}

std::string echo_job(Job const& job, Sources const& sources) {
  std::string out = text("# As it ran, complete; it can be run again. infinitile ", version, " (", git_id, "), ", utc_now(), "\n");
  for (auto const& [name, hash] : named(sources)) out += text(mark, name, ": ", hexadecimal(hash), "\n");
  YAML::Emitter yaml;
  yaml << job.complete;
  return out + yaml.c_str() + "\n";
}

std::vector<Change> changed_keys(std::string const& before, std::string const& now) {
  Flat const old_values = flatten(parse_yaml(before, "the job.yaml of the earlier run")), new_values = flatten(parse_yaml(now, "job.yaml"));
  Flat const old_sources = read_sources(before), new_sources = read_sources(now);
  auto const value = [](Flat const& all, std::string const& key) { return all.contains(key) ? all.at(key) : "not given"; };
  std::map<std::string, Change> changes;
  auto const compare = [&](auto const& counts) {
    auto const found = changes.size();
    for (Flat const* const all : {&old_values, &new_values})
      for (auto const& [key, unused] : *all)
        if (counts(key) && value(old_values, key) != value(new_values, key))
          changes[key] = {key, value(old_values, key), value(new_values, key)};
    return changes.size() > found;
  };
  auto const shrinks = [&](std::string const& key) {
    return touches(key) == Touches::means && old_values.contains(key) && new_values.contains(key)
           && std::stol(new_values.at(key)) < std::stol(old_values.at(key));
  };
  compare([&](std::string const& key) { return touches(key) == Touches::tiles || shrinks(key); });
  for (auto const& [source, hash] : new_sources) {
    std::string const old_hash = value(old_sources, source);
    if (old_hash == hash) continue;
    auto const below = [&](std::string const& key) { return touches(key) == Touches::sources && key.starts_with(source); };
    if (!compare(below)) changes[source] = {"the content of " + source, old_hash, hash};
  }
  std::vector<Change> out;
  for (auto const& [key, change] : changes) out.push_back(change);
  return out;
}

}  // namespace infinitile
