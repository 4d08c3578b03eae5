#include <iterator>
#include <sstream>

#include "base/error.hpp"
#include "job/command_line.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

std::vector<Command> const commands{
    {"kernel", "JOB.yaml", "fills", "Fills the blocks.\n", {}, [](Job const&, Context const&) {}},
    {"plan", "JOB.yaml", "plans", "Plans a job.\n", {{"ranks", "N", "ranks"}}, [](Job const&, Context const&) {}},
    {"bench", "[NAME...]", "measures", "Measures.\n", {{"list", "", "names"}, {"json", "FILE", "figures"}}, [](Context const&) {}},
};

CommandLine parse(std::vector<std::string> const& words) {
  return parse_command_line(words, commands);
}
std::vector<std::string> split(std::string const& words) {
  std::istringstream stream(words);
  return {std::istream_iterator<std::string>(stream), {}};
}
std::string message(std::vector<std::string> const& words) {
  return message_of<Error>([&] { parse(words); });
}

}  // namespace

TEST_CASE("options stand before or after the job file", "[command_line]") {
  std::vector<std::vector<std::string>> const ways{
      {"kernel", "a.yaml", "--set", "kernel.tile=8", "--set", "name=b", "--output", "c", "--threads", "3", "--log-level", "debug"},
      {"--set", "kernel.tile=8", "--set=name=b", "kernel", "--output=c", "--threads=3", "--log-level=debug", "a.yaml"},
      {"--threads", "3", "--log-level", "debug", "--output", "c", "kernel", "--set", "kernel.tile=8", "a.yaml", "--set", "name=b"}};
  for (auto const& words : ways) {
    CommandLine const line = parse(words);
    CHECK(line.wish == CommandLine::Wish::run);
    CHECK(line.command == &commands[0]);
    CHECK(line.arguments == std::vector<std::string>{"a.yaml"});
    CHECK(line.job.overrides == std::vector<std::string>{"kernel.tile=8", "name=b"});
    CHECK(line.job.output == "c");
    CHECK(line.threads == 3);
    CHECK(line.level == LogLevel::debug);
  }
  CommandLine const plain = parse({"kernel", "a.yaml"});
  CHECK(plain.level == LogLevel::info);
  CHECK(!plain.threads);
  CHECK(!plain.job.output);
  CHECK(parse({"kernel", "a.yaml", "--quiet"}).level == LogLevel::quiet);
}

TEST_CASE("a command has its own options and as many arguments as it takes", "[command_line]") {
  CommandLine const bench = parse({"bench", "one", "two", "--list", "--json", "f"});
  CHECK(bench.arguments == std::vector<std::string>{"one", "two"});
  CHECK(bench.has("list"));
  CHECK(bench.value("json") == "f");
  CHECK(parse({"bench"}).arguments.empty());
  CHECK(!parse({"bench"}).has("list"));
  CHECK(parse({"plan", "a.yaml", "--ranks", "4096"}).count("ranks") == 4096);
  CHECK(!parse({"plan", "a.yaml"}).count("ranks"));
}

TEST_CASE("what is asked instead of a command", "[command_line]") {
  using enum CommandLine::Wish;
  CHECK(parse({"--help"}).wish == help);
  CHECK(parse({"--help"}).command == nullptr);
  CHECK(parse({"kernel", "--help"}).command == &commands[0]);
  CHECK(parse({"--version"}).wish == version);
  CHECK(parse({"--info"}).wish == info);
  CHECK(parse({"--defaults"}).wish == defaults);
}

TEST_CASE("a wrong command line is refused in one line", "[command_line]") {
  auto const [words, expected] = GENERATE(table<std::string, std::string>({
      {"", "a command is missing: kernel, plan or bench. infinitile --help explains them."},
      {"kernl a.yaml", "unknown command \"kernl\". Did you mean \"kernel\"?"},
      {"xyzzy", "unknown command \"xyzzy\". There are kernel, plan and bench."},
      {"kernel", "JOB.yaml is missing: infinitile kernel JOB.yaml. infinitile --defaults prints a complete job."},
      {"kernel a b", "there is one argument too many, \"b\": infinitile kernel JOB.yaml."},
      {"kernel a --treads 3", "unknown option --treads. Did you mean --threads? infinitile --help lists the options."},
      {"kernel a --verbose", "unknown option --verbose. infinitile --help lists the options."},
      {"kernel a --ranks 4", "unknown option --ranks. infinitile kernel --help lists the options."},
      {"kernel a --thread 4", "unknown option --thread. Did you mean --threads? infinitile --help lists the options."},
      {"kernel a --output", "the option --output needs a value. infinitile --help lists the options."},
      {"kernel a --output b --output c", "the option --output is given more than once."},
      {"kernel a --threads 0", "--threads is 0, but a whole number from 1 is needed."},
      {"kernel a --threads 2x", "--threads is 2x, but a whole number from 1 is needed."},
      {"kernel a --log-level loud", "--log-level loud is not known; it is one of none, quiet, error, warning, info or debug."},
      {"kernel a --quiet=yes", "the option --quiet takes no value. infinitile --help lists the options."},
  }));
  CHECK(message(split(words)) == expected);
  CHECK(message_of<Error>([] {
          parse({"plan", "a", "--ranks", "-1"}).count("ranks");
        })
        == "--ranks is -1, but a whole number from 1 is needed.");
}

TEST_CASE("help names every command and option", "[command_line]") {
  std::string const all = help_text(commands);
  for (char const* const word : {"kernel JOB.yaml", "plan JOB.yaml", "bench [NAME...]", "--set KEY.PATH=VALUE", "--output DIR",
                                 "--threads N", "--quiet", "--log-level LEVEL", "--version", "--info", "--defaults", "--help"})
    CHECK(all.find(word) != std::string::npos);
  CHECK(all.find("--ranks") == std::string::npos);
  std::string const plan = help_text(commands, &commands[1]);
  for (char const* const word : {"usage: infinitile plan JOB.yaml [options]", "Plans a job.", "--ranks N", "--set KEY.PATH=VALUE"})
    CHECK(plan.find(word) != std::string::npos);
}
