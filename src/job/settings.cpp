#include "job/settings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/keys.hpp"
#include "net/yaml.hpp"

namespace infinitile {

namespace {

std::vector<std::string> split_path(std::string const& path) {
  std::vector<std::string> parts{""};
  for (char const letter : path) {
    if (letter == '.') {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

/// Puts a value at a path below a node; mappings on the way are made where they are missing. A layer that is a name alone becomes one with
/// parameters.
void place(YAML::Node node, std::span<std::string const> path, YAML::Node const& value, std::string const& option) {
  if (path.empty()) {
    node = value;
    return;
  }
  std::string const& part = path.front();
  if (node.IsSequence()) {
    bool const number = !part.empty() && part.size() < 9 && std::ranges::all_of(part, [](unsigned char c) { return std::isdigit(c) != 0; });
    std::size_t const index = number ? std::stoul(part) : node.size();
    if (index >= node.size())
      throw Error(text(option, ": \"", part, "\" is no place in a list of ", node.size(), "; places are counted from 0."));
    place(node[index], path.subspan(1), value, option);
    return;
  }
  bool const bare_layer = node.IsScalar() && node.Scalar() == part;
  if (bare_layer) node = YAML::Node(YAML::NodeType::Map);
  if (node.IsScalar()) throw Error(text(option, ": there is no key \"", part, "\" below ", node.Scalar(), ". Check the path."));
  if (path.size() > 1 && (!node[part] || node[part].IsNull())) node[part] = YAML::Node(YAML::NodeType::Map);
  place(node[part], path.subspan(1), value, option);
}

/// Text in quotation marks is no number.
template <class T>
bool holds(YAML::Node const& node) {
  T value{};
  return node.IsScalar() && node.Tag() != "!" && YAML::convert<T>::decode(node, value);
}

bool is_list_of_sizes(YAML::Node const& node) {
  return node.IsSequence() && std::ranges::all_of(node, [](YAML::Node const& n) { return holds<long>(n) && n.as<long>() > 0; });
}

bool is_shape(YAML::Node const& node) {
  return is_list_of_sizes(node) || (node.IsSequence() && node.size() > 0 && std::ranges::all_of(node, is_list_of_sizes));
}

bool is_list_of_counts(YAML::Node const& node) {
  if (!node.IsSequence() || !std::ranges::all_of(node, holds<int>)) return false;
  auto const counts = node.as<std::vector<int>>();
  return (counts.empty() || counts.front() >= 0) && std::ranges::adjacent_find(counts, std::greater_equal<>()) == counts.end();
}

bool is_among(YAML::Node const& node, std::vector<std::string> const& choices) {
  return node.IsScalar() && std::ranges::find(choices, node.Scalar()) != choices.end();
}

bool is_list_of_words(YAML::Node const& node) {
  auto const is_word = [](YAML::Node const& n) { return n.IsScalar() && !n.Scalar().empty(); };
  return is_word(node) || (node.IsSequence() && node.size() > 0 && std::ranges::all_of(node, is_word));
}

bool is_some_of(YAML::Node const& node, std::vector<std::string> const& choices) {
  if (!is_list_of_words(node)) return false;
  auto const words = read_words(node);
  bool const different = std::set<std::string>(words.begin(), words.end()).size() == words.size();
  return different && std::ranges::all_of(words, [&](auto const& word) { return std::ranges::find(choices, word) != choices.end(); });
}

bool is_right(Key const& key, YAML::Node const& node) {
  switch (key.needs) {
    case Needs::section:
      return node.IsMap();
    case Needs::text:
      return node.IsScalar() && !node.Scalar().empty();
    case Needs::names:
      return is_list_of_words(node);
    case Needs::any_names:
      return is_list_of_words(node) || (node.IsSequence() && node.size() == 0);
    case Needs::shape:
      return is_shape(node);
    case Needs::one_of:
      return is_among(node, key.choices);
    case Needs::some_of:
      return is_some_of(node, key.choices);
    case Needs::flag:
      return holds<bool>(node);
    case Needs::number:
      return holds<double>(node) && std::isfinite(node.as<double>());
    case Needs::number_from_0:
      return holds<double>(node) && std::isfinite(node.as<double>()) && node.as<double>() >= 0;
    case Needs::whole_from_0:
      return holds<int>(node) && node.as<int>() >= 0;
    case Needs::seed:
      return holds<long>(node) && node.as<long>() >= 0;
    case Needs::whole_from_2:
      return holds<int>(node) && node.as<int>() >= 2;
    case Needs::auto_or_from_1:
      return is_among(node, {"auto"}) || (holds<int>(node) && node.as<int>() > 0);
    case Needs::auto_or_number:
      return is_among(node, {"auto"}) || (holds<double>(node) && std::isfinite(node.as<double>()) && node.as<double>() > 0);
    case Needs::counts:
      return is_list_of_counts(node);
    case Needs::axes:
      return node.IsSequence() && std::ranges::all_of(node, holds<int>);
    case Needs::scale:
      return is_among(node, key.choices) || node.IsMap();
    case Needs::mapping:
      return node.IsMap();
    case Needs::network:
      return true;
  }
  return false;
}

std::string describe_needs(Key const& key, YAML::Node const& node) {
  switch (key.needs) {
    case Needs::section:
      return text("a mapping with the keys ", join(keys_below(key.path)), " is needed.");
    case Needs::text:
      return "one word or path is needed.";
    case Needs::names:
      return "a name or a list of names is needed.";
    case Needs::any_names:
      return "a name or a list of names is needed; [] for none.";
    case Needs::shape:
      return "a list of sizes from 1 is needed, such as [8, 8, 1].";
    case Needs::scale:
    case Needs::one_of:
      if (key.choices.size() == 1) return text("only ", key.choices.front(), " is there.");
      return text(join(key.choices, ", ", " or "), " is needed.", node.IsScalar() ? did_you_mean(node.Scalar(), key.choices) : "");
    case Needs::some_of:
      return text("a list of ", join(key.choices), ", each at most once, is needed, such as [", join(key.choices, ", ", ", "), "].");
    case Needs::flag:
      return "true or false is needed.";
    case Needs::number:
      return "a finite number is needed.";
    case Needs::number_from_0:
      return "a finite number from 0 is needed.";
    case Needs::whole_from_0:
      return text("a whole number from 0 to ", std::numeric_limits<int>::max(), " is needed.");
    case Needs::seed:
      return text("a whole number from 0 to ", std::numeric_limits<long>::max(), " is needed.");
    case Needs::whole_from_2:
      return text("a whole number from 2 to ", std::numeric_limits<int>::max(), " is needed.");
    case Needs::auto_or_from_1:
      return text("a whole number from 1 to ", std::numeric_limits<int>::max(), " or auto is needed.");
    case Needs::auto_or_number:
      return "a finite number above 0 or auto is needed.";
    case Needs::counts:
      return text("a list of growing whole numbers is needed, such as ", key.path == "dynamics.orders" ? "[1, 2]" : "[0, 10, 100]", ".");
    case Needs::axes:
      return "a list of axes is needed, such as [-1] or [].";
    case Needs::mapping:
      return "a mapping is needed; infinitile --defaults shows one.";
    case Needs::network:
      break;
  }
  return "a list of layers is needed.";
}

}  // namespace

std::string flow_text(YAML::Node const& node) {
  if (!node.IsDefined() || node.IsNull()) return "empty";
  if (node.IsScalar()) return node.Scalar().empty() ? "empty" : node.Scalar();
  YAML::Emitter out;
  out.SetSeqFormat(YAML::Flow);
  out.SetMapFormat(YAML::Flow);
  out << node;
  std::string line(out.c_str());
  std::ranges::replace(line, '\n', ' ');
  return line;
}

std::string shortened(std::string const& line) {
  return line.size() <= 60 ? line : line.substr(0, 57) + "...";
}

std::string show_value(YAML::Node const& node) {
  return shortened(flow_text(node));
}

std::string word_at(Settings const& settings, std::string const& path) {
  YAML::Node const node = settings.at(path);
  return node.IsNull() ? "" : node.Scalar();
}

std::string complete_path(std::string const& path, std::filesystem::path const& base) {
  return path.empty() ? "" : std::filesystem::absolute(base / path).lexically_normal().string();
}

std::vector<std::string> read_words(YAML::Node const& node) {
  if (node.IsScalar()) return {node.Scalar()};
  return node.as<std::vector<std::string>>();
}

Settings::Settings(YAML::Node root, std::string file, std::vector<std::string> const& overrides) : file_(std::move(file)), root_(root) {
  for (auto const& argument : overrides) override_value(argument);
  if (!root_.IsMap())
    throw Error(text(file_, ": a job is a mapping with the keys ", join(keys_below("")), "; found ", show_value(root_),
                     ". infinitile --defaults prints one."));
  check_section("", root_);
  for (char const* const path : {"data.train", "network"})
    if (!given(path)) throw Error(text(file_, ": ", path, " is missing; a job needs it. infinitile --defaults prints a complete one."));
}

void Settings::override_value(std::string const& argument) {
  std::string const option = "--set " + argument;
  auto const cut = argument.find('=');
  if (cut == std::string::npos || cut == 0) throw Error(text(option, ": a key and a value are needed, such as --set kernel.tile=512."));
  std::string const path = argument.substr(0, cut);
  auto const parts = split_path(path);
  if (std::ranges::any_of(parts, &std::string::empty)) throw Error(text(option, ": the path \"", path, "\" has an empty part."));
  place(root_, parts, parse_yaml(argument.substr(cut + 1), option), option);
  overrides_[path] = option;
}

void Settings::check_section(std::string const& section, YAML::Node const& node) {
  std::string const prefix = section.empty() ? "" : section + ".";
  auto const known = keys_below(section);
  for (auto const& entry : node) {
    std::string const name = entry.first.IsScalar() ? entry.first.Scalar() : show_value(entry.first);
    std::string const path = prefix + name;
    if (!entry.first.Mark().is_null()) lines_[path] = entry.first.Mark().line + 1;
    if (std::ranges::find(known, name) == known.end()) {
      std::string const hint = did_you_mean(name, known);
      throw Error(text(origin(path), ": unknown key \"", path, "\".", hint.empty() ? text(" Known here: ", join(known), ".") : hint));
    }
    if (entry.second.IsNull())
      nulls_.insert(path);
    else
      check_value(path, entry.second);
  }
}

void Settings::check_value(std::string const& path, YAML::Node const& node) {
  Key const& key = *find_key(path);
  values_[path] = node;
  if (!is_right(key, node)) refuse(path, describe_needs(key, node));
  if (key.needs == Needs::section) check_section(path, node);
  if (key.needs == Needs::scale && node.IsMap()) note_lines(path, node);
}

void Settings::note_lines(std::string const& path, YAML::Node const& node) {
  for (auto const& entry : node) {
    std::string const below = path + "." + show_value(entry.first);
    if (!entry.first.Mark().is_null()) lines_[below] = entry.first.Mark().line + 1;
    if (entry.second.IsMap()) note_lines(below, entry.second);
  }
}

YAML::Node Settings::at(std::string const& path) const {
  auto const found = values_.find(path);
  if (found != values_.end()) return found->second;
  Key const* const key = find_key(path);
  INFINITILE_EXPECT(key != nullptr);
  return key->standard.empty() ? YAML::Node() : YAML::Load(key->standard);
}

std::string Settings::origin(std::string const& path) const {
  for (std::string part = path; !part.empty(); part.resize(part.rfind('.') == std::string::npos ? 0 : part.rfind('.'))) {
    auto const found = overrides_.find(part);
    if (found != overrides_.end()) return found->second;
  }
  auto const line = lines_.find(path);
  if (line != lines_.end()) return text(file_, ":", line->second);
  std::string const below = overrides_of(path);  // a section that only --set speaks of
  return below.empty() ? file_ : below;
}

std::string Settings::overrides_of(std::string const& path) const {
  std::vector<std::string> found;
  for (auto const& [key, option] : overrides_)
    if (key == path || key.starts_with(path + ".")) found.push_back(option);
  return join(found);
}

void Settings::refuse(std::string const& path, std::string const& needed) const {
  throw Error(text(origin(path), ": ", path, " is ", show_value(at(path)), ", but ", needed));
}

}  // namespace infinitile
