#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace infinitile {

/// none is for the ranks that must not print; quiet still shows the one line of an error.
enum class LogLevel { none, quiet, error, warning, info, debug };

/// "info" and so on; throws Error for another word.
LogLevel parse_log_level(std::string_view word);

/// Where lines for people go: stderr of rank 0, and the file log.txt of the run once it is known. Results are not logged but printed on
/// stdout. The other ranks set the level to none. One thread per rank writes.
void set_log_level(LogLevel level);
LogLevel log_level();
/// Lines from now on, and those kept from before, go to this file too. An empty path closes it.
void log_to_file(std::string const& path);

/// Lines wait from here until show_held_log(), errors apart, so that bad input is told in one line alone. log_to_file() shows them too: once
/// a run has its directory its input is right.
void hold_log();
void show_held_log();

void log_error(std::string_view line);  ///< the one line of an error; shown also with --quiet
void log_warning(std::string_view line);
void log_info(std::string_view line);
void log_debug(std::string_view line);

/// A progress line with the time that is left: rewritten in place on a terminal, a plain line every few seconds (and at the end) otherwise.
class Progress {
public:
  Progress(std::string what, double total);
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;
  ~Progress();
  /// `done` of the total so far.
  void show(double done);

private:
  std::string line(double done) const;

  std::string what_;
  double total_;
  double first_done_ = -1;  ///< what an earlier run had done already tells nothing about speed
  double last_shown_ = -1;
  double last_done_ = 0;
  Stopwatch clock_;
};

}  // namespace infinitile
