#include "job/command_line.hpp"

#include <algorithm>
#include <charconv>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace po = boost::program_options;

namespace infinitile {

namespace {

/// The options of every command, in the order of the help text.
std::vector<OwnOption> const& common_options() {
  static std::vector<OwnOption> const options{
      {"set", "KEY.PATH=VALUE", "changes a key of the job, as often as needed; the value is YAML"},
      {"output", "DIR", "where the results go"},
      {"threads", "N", "threads of each rank; default: OMP_NUM_THREADS, else cores / ranks"},
      {"quiet", "", "print nothing but results and the line of an error"},
      {"log-level", "LEVEL", "none, quiet, error, warning, info (default) or debug"},
      {"help", "", "this text; of one command: infinitile COMMAND --help"},
  };
  return options;
}

/// Those that stand alone.
std::vector<OwnOption> const& wishes() {
  static std::vector<OwnOption> const options{
      {"version", "", "the version"},
      {"info", "", "how it was built, libraries, cores, memory"},
      {"defaults", "", "a complete job file with a comment on each key"},
  };
  return options;
}

std::string help_of(std::vector<OwnOption> const& options) {
  std::string out;
  for (auto const& option : options)
    out += fmt::format("  {:<24}{}\n", "--" + option.name + (option.value.empty() ? "" : " " + option.value), option.help);
  return out;
}

std::vector<std::string> names_of(std::span<Command const> commands) {
  std::vector<std::string> names;
  for (auto const& command : commands) names.push_back(command.name);
  return names;
}

Command const* find_command(std::string const& name, std::span<Command const> commands) {
  auto const found = std::ranges::find(commands, name, &Command::name);
  if (found != commands.end()) return &*found;
  std::string const hint = did_you_mean(name, names_of(commands));
  throw Error(text("unknown command \"", name, "\".", hint.empty() ? text(" There are ", join(names_of(commands)), ".") : hint));
}

/// The options that may stand beside this command; all commands' when it is not known yet.
std::vector<OwnOption> options_for(Command const* command, std::span<Command const> commands) {
  std::vector<OwnOption> out = common_options();
  out.insert(out.end(), wishes().begin(), wishes().end());
  for (auto const& one : commands)
    if (command == nullptr || command == &one)
      for (auto const& option : one.options)
        if (std::ranges::find(out, option.name, &OwnOption::name) == out.end()) out.push_back(option);
  return out;
}

/// The words after the program's name as options and arguments, in any order.
po::variables_map parse_words(std::vector<std::string> const& words, std::vector<OwnOption> const& known, std::string const& help) {
  po::options_description all;
  for (auto const& option : known) {
    if (option.value.empty()) {
      all.add_options()(option.name.c_str(), po::bool_switch());
    } else if (option.name == "set") {
      all.add_options()("set", po::value<std::vector<std::string>>()->composing());
    } else {
      all.add_options()(option.name.c_str(), po::value<std::string>());
    }
  }
  all.add_options()("arguments", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("arguments", -1);
  auto const style = po::command_line_style::unix_style ^ po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(words).options(all).positional(positional).style(style).run(), values);
    return values;
  } catch (po::unknown_option const& error) {
    std::string const name = error.get_option_name();
    std::vector<std::string> names;
    for (auto const& option : known) names.push_back(option.name);
    std::string const meant = nearest(name.substr(name.find_first_not_of('-')), names);
    throw Error(
        text("unknown option ", name, ".", meant.empty() ? "" : text(" Did you mean --", meant, "?"), " ", help, " lists the options."));
  } catch (po::multiple_occurrences const& error) {
    throw Error(text("the option ", error.get_option_name(), " is given more than once."));
  } catch (po::error_with_option_name const& error) {
    auto const* const syntax = dynamic_cast<po::invalid_command_line_syntax const*>(&error);
    bool const extra = syntax != nullptr && syntax->kind() == po::invalid_syntax::extra_parameter;
    throw Error(
        text("the option ", error.get_option_name(), extra ? " takes no value. " : " needs a value. ", help, " lists the options."));
  } catch (po::error const& error) {
    throw Error(text("the command line cannot be read: ", error.what(), ". ", help, " explains it."));
  }
}

int read_count(std::string const& option, std::string const& words) {
  constexpr int most = 10'000'000;  // ranks or threads of any machine
  int count = 0;
  auto const [end, failure] = std::from_chars(words.data(), words.data() + words.size(), count);
  if (failure != std::errc() || end != words.data() + words.size() || count < 1 || count > most)
    throw Error(text("--", option, " is ", words.empty() ? "empty" : words, ", but a whole number from 1 is needed."));
  return count;
}

void check_arguments(CommandLine const& line) {
  Command const& command = *line.command;
  if (command.argument.starts_with("[") || line.arguments.size() == 1) return;
  std::string const usage = text("infinitile ", command.name, " ", command.argument);
  if (line.arguments.empty())
    throw Error(
        text(command.argument, " is missing: ", usage, command.takes_job() ? ". infinitile --defaults prints a complete job." : "."));
  throw Error(text("there is one argument too many, \"", line.arguments[1], "\": ", usage, "."));
}

CommandLine::Wish wish_of(po::variables_map const& values) {
  using enum CommandLine::Wish;
  if (values["help"].as<bool>()) return help;
  if (values["version"].as<bool>()) return version;
  if (values["info"].as<bool>()) return info;
  if (values["defaults"].as<bool>()) return defaults;
  return run;
}

}  // namespace

std::optional<std::string> CommandLine::value(std::string const& option) const {
  auto const found = own.find(option);
  return found == own.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int> CommandLine::count(std::string const& option) const {
  auto const words = value(option);
  return words ? std::optional(read_count(option, *words)) : std::nullopt;
}

CommandLine parse_command_line(std::vector<std::string> const& words, std::span<Command const> commands) {
  CommandLine line;
  // Twice: the first time finds the command, whatever options stand before it, the second knows its options.
  auto const first = parse_words(words, options_for(nullptr, commands), "infinitile --help");
  line.wish = wish_of(first);
  if (first.contains("arguments")) line.arguments = first["arguments"].as<std::vector<std::string>>();
  if (line.arguments.empty()) {
    if (line.wish == CommandLine::Wish::run)
      throw Error(text("a command is missing: ", join(names_of(commands), ", ", " or "), ". infinitile --help explains them."));
    return line;
  }
  line.command = find_command(line.arguments.front(), commands);
  line.arguments.erase(line.arguments.begin());
  if (line.wish != CommandLine::Wish::run) return line;
  auto const values = parse_words(words, options_for(line.command, commands), text("infinitile ", line.command->name, " --help"));
  check_arguments(line);
  if (values.contains("set")) line.job.overrides = values["set"].as<std::vector<std::string>>();
  if (values.contains("output")) line.job.output = values["output"].as<std::string>();
  if (values.contains("threads")) line.threads = read_count("threads", values["threads"].as<std::string>());
  if (values.contains("log-level")) line.level = parse_log_level(values["log-level"].as<std::string>());
  if (values["quiet"].as<bool>()) line.level = LogLevel::quiet;
  for (auto const& option : line.command->options) {
    if (!option.value.empty() && values.contains(option.name)) line.own[option.name] = values[option.name].as<std::string>();
    if (option.value.empty() && values[option.name].as<bool>()) line.own[option.name] = "";
  }
  return line;
}

std::string help_text(std::span<Command const> commands, Command const* command) {
  if (command != nullptr) {
    std::string out = text("usage: infinitile ", command->name, " ", command->argument, " [options]\n\n", command->help);
    if (!command->options.empty()) out += "\nOptions of this command\n" + help_of(command->options);
    return out + "\nOptions of every command\n" + help_of(common_options());
  }
  std::string out =
      "Infinitile computes the kernels of neural networks tile by tile on many ranks, and the predictions they make.\n\n"
      "usage: infinitile COMMAND [arguments] [options]\n"
      "       mpirun -n RANKS infinitile COMMAND [arguments] [options]\n\nCommands\n";
  for (auto const& one : commands) out += fmt::format("  {:<24}{}\n", one.name + " " + one.argument, one.summary);
  out += "\nOptions\n" + help_of(common_options()) + help_of(wishes());
  return out +
         "\nExit codes: 0 done; 2 bad input; 3 a numerical answer instead of a result; 75 stopped, the same command goes on from there;\n"
         "1 anything else, a defect. Results go to stdout, everything else to stderr.\n";
}

}  // namespace infinitile
