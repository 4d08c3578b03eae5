#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace infinitile {

/// The one document in a text; `name` is the file's, for messages. Throws Error with file:line:column for a syntax error, and with both
/// lines for a key that stands twice in one mapping.
YAML::Node parse_yaml(std::string const& text, std::string const& name);

/// The same, of a file. Throws Error when it cannot be read.
YAML::Node load_yaml(std::string const& path);

/// Throws Error with both lines where a key stands twice in one mapping (yaml-cpp keeps quiet). parse_yaml and load_yaml do this already.
void check_duplicate_keys(std::string const& text, std::string const& name);

/// The line a node begins in, from 1; 0 where it came from no text.
int line_of(YAML::Node const& node);

/// A copy that shares no part with the node or within itself, as aliases do; it came from no text.
YAML::Node copy_without_lines(YAML::Node const& node);

/// Does a text stand in quotation marks?
bool is_quoted(YAML::Node const& node);

/// A node in words for messages: its text, "nothing", "[1, 2]", "a list of 30", "a mapping of 2 keys".
std::string in_words(YAML::Node const& node);

/// Words of a user as they may stand in a message of one line: short, without control characters.
std::string printable(std::string_view words);

/// A value under its key, and where it stands: what every message about it needs.
struct Field {
  YAML::Node value;
  std::string key;    ///< "w_std"
  std::string place;  ///< what comes before the key in a message: "net.yaml:7: layer 2 (dense)"

  /// Throws Error: PLACE: KEY is FOUND; NEEDED.
  [[noreturn]] void fail(std::string_view needed) const;
};

/// The fields of a mapping, in its order. Their places are FILE:LINE followed by `what`, such as ": layer 2 (dense)". Throws Error when the
/// node is no mapping or a key is no word.
std::vector<Field> fields_of(YAML::Node const& mapping, std::string const& file, std::string const& what);

/// The elements of a list as fields of their own: "s[0]", "s[1]".
std::vector<Field> elements_of(Field const& field);

/// The field of that key, or null.
Field const* find_field(std::vector<Field> const& fields, std::string_view key);

/// "net.yaml:7", or the file alone where the line is 0.
std::string place_of(std::string const& file, int line);

/// What a field holds. Each throws Error for anything else: text in quotation marks is no number, and infinity and NaN are none either.
double read_number(Field const& field);
long read_integer(Field const& field);
bool read_flag(Field const& field);
std::string read_word(Field const& field);
std::vector<double> read_numbers(Field const& field);  ///< a list with at least one number
std::vector<long> read_integers(Field const& field);   ///< a list with at least one integer, or one alone

/// Throws Error with the nearest known words when `word` is not among them, and with all where those fit a line. `what` is "key" or "layer",
/// `place` "net.yaml:7".
void expect_known(std::string_view word, std::vector<std::string> const& known, std::string_view what, std::string_view place);

}  // namespace infinitile
