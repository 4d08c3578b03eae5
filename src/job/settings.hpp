#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace infinitile {

/// A job file after --set, every key and value checked against the table of keys. What is left out, or null, has its default.
class Settings {
public:
  /// `overrides` are the arguments of --set: key.path=value, the value is YAML. A part of a path may be a place in a list:
  /// network.1.dense.w_std=2.
  Settings(YAML::Node root, std::string file, std::vector<std::string> const& overrides);

  std::string const& file() const { return file_; }
  bool given(std::string const& path) const { return values_.contains(path); }
  /// Does it stand there, as null?
  bool is_null(std::string const& path) const { return nulls_.contains(path); }
  /// What was given, else the default, else a null node.
  YAML::Node at(std::string const& path) const;
  /// Where the value stands, for messages: "digits.yaml:12", or "--set kernel.tile=0".
  std::string origin(std::string const& path) const;
  /// The overrides of this key and of those below it, as one word for messages; empty when there are none.
  std::string overrides_of(std::string const& path) const;
  /// Throws Error: where, `path` is `found`, but `needed`.
  [[noreturn]] void refuse(std::string const& path, std::string const& needed) const;

private:
  void override_value(std::string const& argument);
  void check_section(std::string const& section, YAML::Node const& node);
  void check_value(std::string const& path, YAML::Node const& node);
  void note_lines(std::string const& path, YAML::Node const& node);

  std::string file_;
  YAML::Node root_;
  std::map<std::string, YAML::Node> values_;      ///< what was given, by path; values of the table's rows only
  std::set<std::string> nulls_;                   ///< keys that stand there without a value
  std::map<std::string, int> lines_;              ///< from 1
  std::map<std::string, std::string> overrides_;  ///< path to the whole option
};

/// A value in one line of YAML: [8, 8, 1]. Messages show it shortened.
std::string flow_text(YAML::Node const& node);
std::string shortened(std::string const& line);
std::string show_value(YAML::Node const& node);

/// A value that is one word; empty without one.
std::string word_at(Settings const& settings, std::string const& path);
/// A path that is relative to `base`; empty stays empty.
std::string complete_path(std::string const& path, std::filesystem::path const& base);

/// The words of a value that is one word or a list of words.
std::vector<std::string> read_words(YAML::Node const& node);

}  // namespace infinitile
