#include "base/log.hpp"

#include <cstdio>
#include <memory>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

struct Sink {
  LogLevel level = LogLevel::info;
  std::vector<std::string> kept;  ///< lines from before the file was known
  bool holds = false;
  std::vector<std::string> held;  ///< lines that wait to be shown
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{nullptr, &std::fclose};
};

Sink& sink() {
  static Sink it;
  return it;
}

void write(LogLevel level, std::string_view mark, std::string_view words) {
  std::string const line = one_line(words);
  Sink& s = sink();
  if (s.level == LogLevel::none) return;
  if (s.level >= level || level == LogLevel::error) {
    std::string const shown = fmt::format("{}{}\n", mark, line);
    if (s.holds && level != LogLevel::error) {
      s.held.push_back(shown);
    } else {
      std::fputs(shown.c_str(), stderr);
      std::fflush(stderr);
    }
  }
  std::string const stamped = fmt::format("{} {}{}\n", utc_now(), mark, line);
  if (s.file) {
    std::fputs(stamped.c_str(), s.file.get());
    std::fflush(s.file.get());
  } else if (s.kept.size() < 1000) {
    s.kept.push_back(stamped);
  }
}

bool on_a_terminal() {
  static bool const terminal = isatty(STDERR_FILENO) != 0;
  return terminal;
}

}  // namespace

LogLevel parse_log_level(std::string_view word) {
  std::vector<std::string> const names{"none", "quiet", "error", "warning", "info", "debug"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (word == names[i]) return static_cast<LogLevel>(i);
  throw Error(text("--log-level ", word, " is not known; it is one of ", join(names, ", ", " or "), "."));
}

void set_log_level(LogLevel level) {
  sink().level = level;
}
LogLevel log_level() {
  return sink().level;
}

void hold_log() {
  sink().holds = true;
}

void show_held_log() {
  Sink& s = sink();
  s.holds = false;
  for (std::string const& line : std::exchange(s.held, {})) std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void log_to_file(std::string const& path) {
  Sink& s = sink();
  show_held_log();
  s.file.reset(path.empty() ? nullptr : std::fopen(path.c_str(), "a"));
  if (!s.file) return;
  for (auto const& line : s.kept) std::fputs(line.c_str(), s.file.get());
  s.kept.clear();
}

void log_error(std::string_view line) {
  write(LogLevel::error, "infinitile: ", line);
}
void log_warning(std::string_view line) {
  write(LogLevel::warning, "infinitile: warning: ", line);
}
void log_info(std::string_view line) {
  write(LogLevel::info, "", line);
}
void log_debug(std::string_view line) {
  write(LogLevel::debug, "", line);
}

Progress::Progress(std::string what, double total) : what_(std::move(what)), total_(total) {}

Progress::~Progress() {
  if (last_shown_ < 0 || sink().level < LogLevel::info) return;
  if (on_a_terminal()) std::fputs("\n", stderr);
}

std::string Progress::line(double done) const {
  double const fresh = done - first_done_;
  std::string out = fmt::format("{} {:3.0f} %", what_, total_ > 0 ? 100 * done / total_ : 100.0);
  if (done < total_ && fresh > 0) out += ", " + format_seconds(clock_.seconds() * (total_ - done) / fresh) + " left";
  if (done >= total_) out += ", " + format_seconds(clock_.seconds());
  return out;
}

void Progress::show(double done) {
  if (first_done_ < 0) first_done_ = done;
  double const now = clock_.seconds();
  bool const end = done >= total_ && last_done_ < total_;
  double const pause = on_a_terminal() ? 0.2 : 10;
  last_done_ = done;
  if (sink().level < LogLevel::info || (!end && (now < 1 || now - last_shown_ < pause))) return;
  if (end && last_shown_ < 0 && now < 1) return;  // too short to be told about
  last_shown_ = now;
  if (on_a_terminal()) {
    std::fprintf(stderr, "\r\033[K%s", line(done).c_str());
  } else {
    std::fprintf(stderr, "%s\n", line(done).c_str());
  }
  std::fflush(stderr);
}

}  // namespace infinitile
