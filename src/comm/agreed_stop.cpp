#include "comm/agreed_stop.hpp"

#include <csignal>

#include "base/error.hpp"
#include "base/stop.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

void stop_for(int signal) {
  std::string const name = signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGUSR1";
  if (signal != 0) throw Stopped(text("stopped by ", name, "; all finished tiles are kept. The same command goes on from there."));
}

}  // namespace

void stop_if_asked(Communicator const& comm) {
  stop_for(comm.all_reduce(stop_signal(), Reduction::max));
}

void stop_if_signalled() {
  stop_for(stop_signal());
}

}  // namespace infinitile
