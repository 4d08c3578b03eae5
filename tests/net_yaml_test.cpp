// YAML with places: what is wrong in a file is said with its line, whatever stands there.
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "net/yaml.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

std::string parse_error(std::string const& words) {
  return message_of([&] { parse_yaml(words, "job.yaml"); });
}

/// The message about the value under `key` in a mapping of one key.
template <class Read>
std::string value_error(std::string const& value, Read read) {
  Field const field = fields_of(parse_yaml("\nkey: " + value, "job.yaml"), "job.yaml", ": kernel")[0];
  return message_of([&] { read(field); });
}

}  // namespace

TEST_CASE("a syntax error is told with line and column", "[yaml]") {
  std::string const advice = ". Check indentation, colons, quotation marks and brackets up to there.";
  CHECK(parse_error("a: 1\nb: c: d\n") == "job.yaml:2:5: this is not YAML: illegal map value" + advice);
  CHECK(parse_error("a: {b: 1\n") == "job.yaml:2:1: this is not YAML: end of map flow not found" + advice);
  CHECK(parse_error("a: *gone\n").starts_with("job.yaml:1:4: this is not YAML: the referenced anchor is not defined"));
  CHECK(parse_error("a: 1\n---\nb: 2\n")
        == "job.yaml:2: a second document begins here; one document is needed. Remove the line of three dashes.");
  CHECK(
      parse_error(std::string(5000, '['))
      == "job.yaml:1:1: lists and mappings are nested deeper than can be read; a job or a network needs a few levels. Is a bracket open?");
  CHECK(parse_yaml("", "job.yaml").IsNull());
}

TEST_CASE("a key that stands twice in a mapping is told with both lines", "[yaml]") {
  std::string const advice = "; each key can stand once. Remove one of them.";
  CHECK(parse_error("a: 1\nb: 2\na: 3\n") == "job.yaml:3: the key a stands there a second time, first in line 1" + advice);
  CHECK(parse_error("x:\n  - {b: 1,\n     c: [2, {}],\n     b: 2}\n")
        == "job.yaml:4: the key b stands there a second time, first in line 2" + advice);
  CHECK(parse_error("{a: {a: 1}, b: [{a: 1}, {a: 2}], c: a, d: a}") == "no error");
  CHECK(parse_error("x: &x 1\na: *x\nb: 2\nb: 3\n") == "job.yaml:4: the key b stands there a second time, first in line 3" + advice);
  CHECK(parse_error("a: &x {b: 1}\nc: *x\nd: *x\nb: 2") == "no error");
  CHECK(parse_error("? [1, 2]\n: 3\na: 1\na: 2") == "job.yaml:4: the key a stands there a second time, first in line 3" + advice);
  CHECK(parse_error("\"a\": 1\na: 2") == "job.yaml:2: the key a stands there a second time, first in line 1" + advice);
}

TEST_CASE("aliases that unfold to a billion nodes cost nothing", "[yaml]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    bomb += text("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) bomb += text(j == 0 ? "" : ", ", "*a", i - 1);
    bomb += "]\n";
  }
  CHECK(parse_error(bomb) == "no error");
}

TEST_CASE("numbers are numbers, and nothing else is", "[yaml]") {
  auto const field = [](std::string const& value) { return Field{parse_yaml(value, "job.yaml"), "key", "job.yaml:1"}; };
  CHECK(read_number(field("1e-4")) == 1e-4);
  CHECK(read_number(field("+.5")) == 0.5);
  CHECK(read_number(field("-3")) == -3);
  CHECK(read_integer(field("+7")) == 7);
  CHECK(read_flag(field("true")));
  CHECK_FALSE(read_flag(field("False")));
  CHECK(read_numbers(field("[1, 2.5]")) == std::vector<double>{1, 2.5});
  CHECK(read_integers(field("3")) == std::vector<long>{3});
  CHECK(read_integers(field("[3, -1]")) == std::vector<long>{3, -1});
  CHECK(read_word(field("full")) == "full");
  for (char const* value :
       {"1x", "x", "1,5", "1_000", "", "~", "[1]", "{a: 1}", "\"1\"", "'1'", ".inf", ".nan", "nan", "inf", "1e999", "++1", "+-1", "1 2"}) {
    INFO(value);
    CHECK(value_error(value, read_number).ends_with("; a finite number is needed."));
  }
  for (char const* value : {"1.0", "1e3", "x", "\"1\"", "[1]"}) {
    INFO(value);
    CHECK(value_error(value, read_integer).ends_with("; an integer is needed."));
  }
  CHECK(value_error("99999999999999999999", read_integer).ends_with("; an integer of at most 18 digits is needed."));
  for (char const* value : {"1", "0", "maybe", "\"true\"", "[true]", ""}) {
    INFO(value);
    CHECK(value_error(value, read_flag).ends_with("; true or false is needed."));
  }
}

TEST_CASE("a message about a value holds file, line, place, key, what was found and what is needed", "[yaml]") {
  CHECK(value_error("\"1.5\"", read_number) == "job.yaml:2: kernel: key is the text \"1.5\"; a finite number is needed.");
  CHECK(value_error("", read_number) == "job.yaml:2: kernel: key is nothing; a finite number is needed.");
  CHECK(value_error("[1, [2]]", read_integer) == "job.yaml:2: kernel: key is a list of 2; an integer is needed.");
  CHECK(value_error("[1, x]", read_numbers) == "job.yaml:2: kernel: key[1] is x; a finite number is needed.");
  CHECK(value_error("[]", read_numbers) == "job.yaml:2: kernel: key is []; a list of numbers is needed.");
  CHECK(value_error("{a: 1}", read_word) == "job.yaml:2: kernel: key is a mapping of 1 key; a word is needed.");
  CHECK(value_error("\"a\\nb\\tc\\e[31m" + std::string(100, 'z') + "\"", read_number)
        == "job.yaml:2: kernel: key is the text \"a b c [31m" + std::string(50, 'z') + "...\"; a finite number is needed.");
  CHECK(message_of([] { fields_of(parse_yaml("[1]", "job.yaml"), "job.yaml", ": data"); })
        == "job.yaml:1: data: found [1]; a mapping of keys and values is needed.");
  CHECK(message_of([] { fields_of(parse_yaml("[1]: 2", "job.yaml"), "job.yaml", ": data"); })
        == "job.yaml:1: data: a key is [1]; a word is needed.");
  CHECK(message_of([] {
          expect_known("nngb", {"nngp", "ntk"}, "kernel", "job.yaml:4");
        })
        == "job.yaml:4: the kernel nngb is not known. Did you mean \"nngp\"? Known: nngp and ntk.");
}

TEST_CASE("a file that cannot be read is named", "[yaml]") {
  std::string const folder = std::filesystem::temp_directory_path().string();
  CHECK(message_of([] { load_yaml("gone/job.yaml"); }) == "cannot read the file gone/job.yaml. Check the path and the permissions.");
  CHECK(message_of([&] { load_yaml(folder); }) == text("cannot read the file ", folder, ". Check the path and the permissions."));
}
