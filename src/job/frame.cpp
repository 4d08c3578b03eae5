#include "job/frame.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#ifdef INFINITILE_TRAP_NAN
#include <cfenv>
#endif

#include <Kokkos_Core.hpp>

#include "base/error.hpp"
#include "base/stop.hpp"
#include "base/text.hpp"
#include "job/info.hpp"
#include "job/keys.hpp"
#include "job/text_file.hpp"
#include "job/threads.hpp"
#include "kernels/linear_algebra.hpp"
#include "plan/distribution.hpp"

namespace infinitile {

namespace {

/// Kokkos from here to the end of the scope, with this many threads.
class KokkosThreads {
public:
  explicit KokkosThreads(int threads) {
#if KOKKOS_VERSION >= 30700
    Kokkos::initialize(Kokkos::InitializationSettings().set_num_threads(threads).set_disable_warnings(true));
#else
    Kokkos::InitArguments arguments;
    arguments.num_threads = threads;
    arguments.disable_warnings = true;
    Kokkos::initialize(arguments);
#endif
  }
  KokkosThreads(KokkosThreads const&) = delete;
  KokkosThreads& operator=(KokkosThreads const&) = delete;
  ~KokkosThreads() {
    Kokkos::finalize();
  }
};

bool is_first_process() {
  return rank_by_launcher().value_or("0") == "0";
}

std::string answer(CommandLine const& line, std::span<Command const> commands) {
  switch (line.wish) {
    case CommandLine::Wish::help:
      return help_text(commands, line.command);
    case CommandLine::Wish::version:
      return version_text() + "\n";
    case CommandLine::Wish::info:
      return info_text();
    case CommandLine::Wish::defaults:
      return default_job();
    case CommandLine::Wish::run:
      break;
  }
  return "";
}

/// Threads for this rank, with a word to the user where they and the cores do not fit.
int decide_threads(Communicator const& comm, CommandLine const& line) {
  ThreadChoice const choice = choose_threads(find_thread_facts(comm, line.threads));
  if (!choice.warning.empty()) log_warning(choice.warning);
  if (!choice.hint.empty()) log_debug(choice.hint);
  return choice.threads;
}

/// So many that the thread library may fail are a slip of the pen.
void refuse_absurd_threads(int threads) {
  int const most = std::max(64, 4 * own_cores());
  if (threads > most)
    throw Error(
        text(threads, " threads per rank on ", own_cores(), " cores: at most ", most, " are taken. Lower --threads or OMP_NUM_THREADS."));
}

void do_command(Context const& context) {
  refuse_absurd_threads(context.threads);
#ifdef INFINITILE_TRAP_NAN
  feenableexcept(FE_INVALID);  // threads inherit it
#endif
  KokkosThreads const kokkos(context.threads);
  initialize_linear_algebra();
  Command const& command = *context.line.command;
  if (auto const* const on_arguments = std::get_if<Command::OnArguments>(&command.run)) {
    (*on_arguments)(context);
  } else {
    Job const job = read_job(context.line.arguments.front(), context.line.job);
    std::get<Command::OnJob>(command.run)(job, context);
  }
}

/// What went wrong on this rank, if anything did.
std::optional<Failure> attempt(Context const& context) {
  try {
    do_command(context);
    return std::nullopt;
  } catch (std::exception const& error) {
    return failure_of(error);
  }
}

void write_report(Report const& report) {
  if (report.directory.empty()) return;
  try {
    write_text_file(report.directory / "report.json", report.to_json());
  } catch (std::exception const& error) {
    log_warning(error.what());
  }
}

int run_command(CommandLine const& line) {
  Environment const environment;
  Communicator const comm = Communicator::world();
  set_log_level(comm.is_first() ? line.level : LogLevel::none);
  hold_log();
  watch_for_stop_signals();
  Report report;
  report.command = line.command->name;
  report.ranks = comm.size();
  Distribution const distribution(comm.size());
  report.grid = {distribution.rows(), distribution.cols()};
  report.threads = decide_threads(comm, line);
  constexpr double patience = 10;  // seconds that a failed rank waits for the others to hear of it
  report.error = comm.agree(attempt({comm, report.threads, line, report}), patience);
  report.collect(comm);
  if (comm.is_first()) write_report(report);
  if (!report.error || report.error->code != Exit::bad_input) show_held_log();
  if (!report.error) return static_cast<int>(Exit::done);
  log_error(report.error->message);
  return static_cast<int>(report.error->code);
}

/// All ranks read the same wrong command line. A launcher ends them all as soon as one exits, so they wait until the first has spoken.
int refuse_command_line(Failure const& failure) {
  std::optional<Environment> environment;
  if (rank_by_launcher()) environment.emplace();
  if (is_first_process()) log_error(failure.message);
  return static_cast<int>(failure.code);
}

}  // namespace

int run(int argc, char** argv, std::span<Command const> commands) {
  try {
    std::optional<CommandLine> parsed;
    try {
      parsed = parse_command_line({argv + 1, argv + argc}, commands);
    } catch (Error const& error) {
      return refuse_command_line(failure_of(error));
    }
    CommandLine const& line = *parsed;
    if (line.wish != CommandLine::Wish::run && is_first_process()) std::fputs(answer(line, commands).c_str(), stdout);
    if (line.wish == CommandLine::Wish::run) bound_waiting(argv);
    int const code = line.wish == CommandLine::Wish::run ? run_command(line) : static_cast<int>(Exit::done);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    log_error(text("cannot write to the standard output: ", std::strerror(errno), "."));
    return static_cast<int>(Exit::stopped);
  } catch (std::exception const& error) {  // MPI itself
    Failure const failure = failure_of(error);
    if (is_first_process()) log_error(failure.message);
    return static_cast<int>(failure.code);
  }
}

}  // namespace infinitile
