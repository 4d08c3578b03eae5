#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "job/job.hpp"

namespace infinitile {

struct Context;

/// An option that one command has beside the common ones: --ranks N, or --tiny.
struct OwnOption {
  std::string name;
  std::string value;  ///< what stands for the value in help texts; empty: a switch
  std::string help;
};

/// A command of the program. One that takes a job file gets it read and checked; the others find their arguments in the context.
struct Command {
  using OnJob = void (*)(Job const&, Context const&);
  using OnArguments = void (*)(Context const&);
  std::string name;
  std::string argument;  ///< JOB.yaml, FILE, or [NAME...] for any number
  std::string summary;   ///< one line
  std::string help;      ///< what `infinitile NAME --help` says below the usage line
  std::vector<OwnOption> options;
  std::variant<OnJob, OnArguments> run;

  bool takes_job() const { return std::holds_alternative<OnJob>(run); }
};

/// What was typed.
struct CommandLine {
  enum class Wish { run, help, version, info, defaults };
  Wish wish = Wish::run;
  Command const* command = nullptr;  ///< null without one, which only a wish allows
  std::vector<std::string> arguments;
  JobOptions job;
  std::optional<int> threads;
  LogLevel level = LogLevel::info;
  std::map<std::string, std::string> own;  ///< options of the command: name and value

  bool has(std::string const& option) const { return own.contains(option); }
  /// The value of an option of the command, where it was given.
  std::optional<std::string> value(std::string const& option) const;
  /// The same as a whole number from 1.
  std::optional<int> count(std::string const& option) const;
};

/// Reads what comes after the program's name. Throws Error for anything that is not known, missing or too much.
CommandLine parse_command_line(std::vector<std::string> const& words, std::span<Command const> commands);

/// What --help prints, of the program or of one command.
std::string help_text(std::span<Command const> commands, Command const* command = nullptr);

}  // namespace infinitile
