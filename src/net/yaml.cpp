#include "net/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// Notes where each key of each mapping stands. It works on the events of the parser, not on nodes, so that an alias costs nothing.
class KeyChecker : public YAML::EventHandler {
public:
  explicit KeyChecker(std::string const& name) : name_(name) {}

  void OnDocumentStart(YAML::Mark const& mark) override {
    if (++documents_ == 2)
      throw Error(
          text(name_, ":", mark.line + 1, ": a second document begins here; one document is needed. Remove the line of three dashes."));
  }
  void OnDocumentEnd() override {}
  void OnNull(YAML::Mark const& mark, YAML::anchor_t) override { take(mark, "null"); }
  void OnAlias(YAML::Mark const&, YAML::anchor_t) override { pass(); }
  void OnScalar(YAML::Mark const& mark, std::string const&, YAML::anchor_t, std::string const& value) override { take(mark, value); }
  void OnSequenceStart(YAML::Mark const&, std::string const&, YAML::anchor_t, YAML::EmitterStyle::value) override { open(); }
  void OnSequenceEnd() override { levels_.pop_back(); }
  void OnMapStart(YAML::Mark const&, std::string const&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open();
    levels_.back().mapping = true;
  }
  void OnMapEnd() override { levels_.pop_back(); }

private:
  struct Level {
    bool mapping = false;
    bool key_next = true;
    std::map<std::string, int> lines;
  };

  void open() {
    pass();
    levels_.emplace_back();
  }
  /// One more node on this level; in a mapping keys and values take turns.
  void pass() {
    if (!levels_.empty()) levels_.back().key_next = !levels_.back().key_next;
  }
  void take(YAML::Mark const& mark, std::string const& value) {
    if (!levels_.empty() && levels_.back().mapping && levels_.back().key_next) {
      auto const [place, fresh] = levels_.back().lines.try_emplace(value, mark.line + 1);
      if (!fresh)
        throw Error(text(name_, ":", mark.line + 1, ": the key ", printable(value), " stands there a second time, first in line ",
                         place->second, "; each key can stand once. Remove one of them."));
    }
    pass();
  }

  std::string const& name_;
  std::vector<Level> levels_;
  int documents_ = 0;
};

/// Runs `parse`; what yaml-cpp throws becomes an Error with a place.
template <class Parse>
auto with_places(std::string const& name, Parse parse) {
  try {
    return parse();
  } catch (YAML::DeepRecursion const& problem) {
    throw Error(text(name, ":", problem.mark.line + 1, ":", problem.mark.column + 1,
                     ": lists and mappings are nested deeper than can be read; ",
                     "a job or a network needs a few levels. Is a bracket open?"));
  } catch (YAML::Exception const& problem) {
    throw Error(text(name, ":", problem.mark.line + 1, ":", problem.mark.column + 1, ": this is not YAML: ", printable(problem.msg),
                     ". Check indentation, colons, quotation marks and brackets up to there."));
  }
}

/// The whole of a plain scalar as a number; nothing when it is not one.
template <class Number>
bool parse_scalar(YAML::Node const& node, Number& number) {
  if (!node.IsScalar() || is_quoted(node)) return false;
  std::string const& words = node.Scalar();
  char const* const begin = words.data() + (words.size() > 1 && words[0] == '+' && words[1] != '-' ? 1 : 0);
  char const* const end = words.data() + words.size();
  auto const [stop, problem] = std::from_chars(begin, end, number);
  return problem == std::errc() && stop == end;
}

}  // namespace

YAML::Node copy_without_lines(YAML::Node const& node) {
  YAML::Node out;
  if (node.IsScalar()) out = node.Scalar();
  if (node.IsSequence()) out = YAML::Node(YAML::NodeType::Sequence);
  if (node.IsMap()) out = YAML::Node(YAML::NodeType::Map);
  if (node.IsScalar()) out.SetTag(node.Tag());
  for (auto const& entry : node) {
    if (node.IsMap()) {
      out[entry.first.Scalar()] = copy_without_lines(entry.second);
    } else {
      out.push_back(copy_without_lines(entry));
    }
  }
  return out;
}

bool is_quoted(YAML::Node const& node) {
  return node.IsScalar() && node.Tag() == "!";
}

std::string printable(std::string_view words) {
  static constexpr std::size_t longest = 60;
  std::string out;
  for (char const c : words) {
    bool const continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;  // within one UTF-8 character
    if (out.size() >= longest && !continues) return out + "...";
    bool const control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    out += control ? ' ' : c;
  }
  return out;
}

void check_duplicate_keys(std::string const& words, std::string const& name) {
  std::istringstream stream(words);
  with_places(name, [&] {
    YAML::Parser parser(stream);
    KeyChecker checker(name);
    while (parser.HandleNextDocument(checker)) {
    }
  });
}

YAML::Node parse_yaml(std::string const& words, std::string const& name) {
  check_duplicate_keys(words, name);
  return with_places(name, [&] { return YAML::Load(words); });
}

YAML::Node load_yaml(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string words;
  std::vector<char> piece(1 << 16);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0)
    words.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  if (!file.eof()) throw Error(text("cannot read the file ", path, ". Check the path and the permissions."));
  return parse_yaml(words, path);
}

int line_of(YAML::Node const& node) {
  return node.IsDefined() && !node.Mark().is_null() ? node.Mark().line + 1 : 0;
}

std::string place_of(std::string const& file, int line) {
  return line > 0 ? text(file, ":", line) : file;
}

std::string in_words(YAML::Node const& node) {
  if (!node.IsDefined() || node.IsNull()) return "nothing";
  if (node.IsSequence()) {
    bool const plain = node.size() <= 8 && std::all_of(node.begin(), node.end(), [](auto const& each) { return each.IsScalar(); });
    if (!plain) return text("a list of ", node.size());
    std::vector<std::string> words;
    for (auto const& each : node) words.push_back(in_words(each));
    return text("[", join(words, ", ", ", "), "]");
  }
  if (node.IsMap()) return text("a mapping of ", node.size(), node.size() == 1 ? " key" : " keys");
  std::string const words = printable(node.Scalar());
  return is_quoted(node) ? text("the text \"", words, "\"") : words;
}

void Field::fail(std::string_view needed) const {
  throw Error(text(place, ": ", key, " is ", in_words(value), "; ", needed, " is needed."));
}

std::vector<Field> fields_of(YAML::Node const& mapping, std::string const& file, std::string const& what) {
  std::string const place = place_of(file, line_of(mapping)) + what;
  if (!mapping.IsMap()) throw Error(text(place, ": found ", in_words(mapping), "; a mapping of keys and values is needed."));
  std::vector<Field> out;
  for (auto const& entry : mapping) {
    if (!entry.first.IsScalar()) throw Error(text(place, ": a key is ", in_words(entry.first), "; a word is needed."));
    out.push_back({entry.second, entry.first.Scalar(), place_of(file, line_of(entry.first)) + what});
  }
  return out;
}

Field const* find_field(std::vector<Field> const& fields, std::string_view key) {
  for (auto const& field : fields)
    if (field.key == key) return &field;
  return nullptr;
}

std::vector<Field> elements_of(Field const& field) {
  std::vector<Field> out;
  for (std::size_t i = 0; i < field.value.size(); ++i) out.push_back({field.value[i], text(field.key, "[", i, "]"), field.place});
  return out;
}

double read_number(Field const& field) {
  double number = 0;
  if (!parse_scalar(field.value, number) || !std::isfinite(number)) field.fail("a finite number");
  return number;
}

long read_integer(Field const& field) {
  long number = 0;
  double close = 0;
  if (parse_scalar(field.value, number)) return number;
  bool const large = parse_scalar(field.value, close) && std::abs(close) > 1e18;
  field.fail(large ? "an integer of at most 18 digits" : "an integer");
}

bool read_flag(Field const& field) {
  bool flag = false;
  if (!field.value.IsScalar() || is_quoted(field.value) || !YAML::convert<bool>::decode(field.value, flag)) field.fail("true or false");
  return flag;
}

std::string read_word(Field const& field) {
  if (!field.value.IsScalar() || field.value.Scalar().empty()) field.fail("a word");
  return field.value.Scalar();
}

std::vector<double> read_numbers(Field const& field) {
  if (!field.value.IsSequence() || field.value.size() == 0) field.fail("a list of numbers");
  std::vector<double> out;
  for (auto const& element : elements_of(field)) out.push_back(read_number(element));
  return out;
}

std::vector<long> read_integers(Field const& field) {
  if (field.value.IsScalar()) return {read_integer(field)};
  if (!field.value.IsSequence() || field.value.size() == 0) field.fail("a list of integers");
  std::vector<long> out;
  for (auto const& element : elements_of(field)) out.push_back(read_integer(element));
  return out;
}

void expect_known(std::string_view word, std::vector<std::string> const& known, std::string_view what, std::string_view place) {
  for (auto const& candidate : known)
    if (candidate == word) return;
  static constexpr std::size_t readable = 16;  // names in a line
  std::string const start = text(place, ": the ", what, " ", printable(word), " is not known");
  if (known.empty()) throw Error(start + "; there is none to give.");
  if (known.size() <= readable) throw Error(text(start, ".", did_you_mean(word, known), " Known: ", join(known), "."));
  throw Error(text(start, ".", did_you_mean(word, known, 3), " docs/layers.md lists all ", known.size(), "."));
}

}  // namespace infinitile
