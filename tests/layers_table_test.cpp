// docs/layers.md lists every layer and every family, with the parameters and defaults of the code.
#include <fstream>
#include <map>
#include <regex>

#include <fmt/format.h>

#include "base/text.hpp"
#include "kernels/activation.hpp"
#include "net/families.hpp"
#include "net/layer_reader.hpp"
#include "net/parameters.hpp"
#include "net/print.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

std::string shortest(double value) {
  return fmt::format("{}", value);
}

/// A default as the table writes it: ... where there is none, null where it is that nothing is given.
template <class Value>
std::string in_table(Value const& value, Domain domain) {
  if constexpr (std::is_same_v<Value, FixedAxis>) {
    return text(value.axis);
  } else if constexpr (std::is_same_v<Value, FixedLayout>) {
    return "null";
  } else if constexpr (std::is_same_v<Value, ActivationWords>) {
    return value.words;
  } else if (!is_in_domain(value, domain)) {
    return "...";
  } else if constexpr (requires { value.has_value(); }) {
    return value ? write_value(*value, shortest) : "null";
  } else {
    return write_value(value, shortest);
  }
}

template <class Op>
std::string parameters_of(Op const& op) {
  std::vector<std::string> out;
  Op::for_each_parameter(
      op, [&](std::string_view key, auto const& value, Domain domain) { out.push_back(text(key, ": ", in_table(value, domain))); });
  return join(out, ", ", ", ");
}

std::string parameters_of(Signature const& signature) {
  std::vector<std::string> out;
  for (Parameter const& p : signature.parameters) {
    bool const flag = p.kind == Parameter::Kind::flag;
    std::string const standard = flag ? (p.standard == ParameterValue(1.0) ? "true" : "false") : write_value(p.standard, shortest);
    out.push_back(text(p.name, ": ", p.needed ? "..." : standard));
  }
  return join(out, ", ", ", ");
}

/// Of every layer that is an operation, and of every activation.
std::map<std::string, std::string> parameters_of_all() {
  std::map<std::string, std::string> out;
  auto const put = [&]<class Operation>(Operation const& op) {
    if constexpr (!is_one_of<Operation, Input, Activation>) out[std::string(op.name)] = parameters_of(op);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (put(std::variant_alternative_t<I, Op>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Op>>());
  for (Signature const& signature : activation_signatures()) out[signature.name] = parameters_of(signature);
  return out;
}

std::string file_text(std::string const& name) {
  std::ifstream file(std::string(INFINITILE_TEST_DATA) + "/../../" + name);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What stands between backticks.
std::vector<std::string> quoted(std::string const& words) {
  static std::regex const pattern("`([^`]*)`");
  std::vector<std::string> out;
  for (std::sregex_iterator at(words.begin(), words.end(), pattern), end; at != end; ++at) out.push_back((*at)[1]);
  return out;
}

constexpr std::string_view begin_of_families = "## Ready-made families";

std::string part_about_layers() {
  std::string const all = file_text("docs/layers.md");
  return all.substr(0, all.find(begin_of_families));
}
std::string part_about_families() {
  std::string const all = file_text("docs/layers.md");
  std::size_t const begin = all.find(begin_of_families);
  REQUIRE(begin != std::string::npos);
  return all.substr(begin);
}

/// The second cell of each row that begins with a name in backticks, without the backticks.
std::map<std::string, std::string> rows_of_table(std::string const& page = part_about_layers()) {
  static std::regex const row("\\| (`[^|]*) \\| *([^|]*?) *\\|.*");
  std::map<std::string, std::string> out;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    std::smatch cells;
    if (!std::regex_match(line, cells, row)) continue;
    for (std::string const& name : quoted(cells[1])) {
      INFO("a second row of " << name);
      CHECK(out.emplace(name, join(quoted(cells[2]))).second);
    }
  }
  return out;
}

bool combines(std::string const& name) {
  static std::vector<std::string> const names{"sum", "product", "concat", "repeat", "parallel"};
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

TEST_CASE("the table has a row for every layer, and for nothing else", "[layers_table]") {
  std::vector<std::string> rows, layers = layer_names(activation_signatures());
  for (auto const& [name, parameters] : rows_of_table()) rows.push_back(name);
  std::ranges::sort(layers);
  CHECK(rows == layers);
}

TEST_CASE("the table has the parameters and defaults of the code", "[layers_table]") {
  auto const known = parameters_of_all();
  for (auto const& [name, parameters] : rows_of_table()) {
    if (combines(name)) continue;
    INFO(name);
    REQUIRE(known.contains(name));
    CHECK(parameters == known.at(name));
  }
  CHECK(file_text("docs/layers.md").find("`" + parameters_of(Activation{}) + "`") != std::string::npos);
}

TEST_CASE("what the table says of layers with branches can be read, and names all their parameters", "[layers_table]") {
  for (auto const& [name, example] : rows_of_table()) {
    if (!combines(name)) continue;
    INFO(example);
    YAML::Node const layer = parse_yaml(example, "table");
    REQUIRE(layer[name].IsDefined());
    if (name == "parallel") {
      CHECK(message_of([&] { read_words("- " + example + "\n- sum: [[], []]", {{4}, {4}}); }) == "no error");
    } else {
      CHECK(message_of([&] { read_words("- dense\n- " + example); }) == "no error");
    }
    if (!layer[name].IsMap()) continue;
    std::vector<std::string> keys;
    for (auto const& entry : layer[name]) keys.push_back(entry.first.Scalar());
    std::string const message = message_of([&] { read_words("- " + name + ": {no_such_parameter: 1}"); });
    CHECK_THAT(message, Catch::Contains("Known: " + join(keys, ", ", " and ") + "."));
  }
  CHECK(rows_of_table().at("concat").find(parameters_of(Concat{})) != std::string::npos);
}

TEST_CASE("the table has the parameters and defaults of every family, and a network for each", "[layers_table]") {
  std::string const page = part_about_families();
  std::map<std::string, std::string> const rows = rows_of_table(page);
  CHECK(rows.size() == std::tuple_size_v<Families>);
  auto const check = [&]<class Family>(Family const& family) {
    std::string const name(Family::name);
    INFO(name);
    REQUIRE(rows.contains(name));
    CHECK(rows.at(name) == parameters_of(family));

    std::size_t const section = page.find("### " + name + "\n");
    REQUIRE(section != std::string::npos);
    std::string const fence = "```yaml\n";
    std::size_t const begin = page.find(fence, section) + fence.size();
    std::string const written = page.substr(begin, page.find("```", begin) - begin);
    Network const plain = read_words(written, {{8, 8, 1}}), made = read_words("family: " + name, {{8, 8, 1}});
    CHECK(describe(made) == describe(plain));
    CHECK(made.hash() == plain.hash());
  };
  std::apply([&](auto const&... family) { (check(family), ...); }, Families{});
}
