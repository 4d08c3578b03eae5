#include "base/stop.hpp"

#include <csignal>
#include <initializer_list>

namespace infinitile {

namespace {
volatile std::sig_atomic_t caught = 0;
void note_signal(int signal) {
  caught = signal;
}
}  // namespace

void watch_for_stop_signals() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;  // a write beyond `ulimit -f` is then an error like a full disk, not the end
  sigaction(SIGXFSZ, &action, nullptr);
}

int stop_signal() {
  return caught;
}

}  // namespace infinitile
