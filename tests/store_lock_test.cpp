#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/output_lock.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

TEST_CASE("a second run on an output is told who has it, and gets it when the first has ended", "[lock]") {
  Scratch const scratch;
  {
    OutputLock const lock(scratch.path());
    std::string const words = message_of<Error>([&] { OutputLock const second(scratch.path()); });
    CHECK(words.starts_with(text("another run works in ", scratch.path().string(), ": process ", getpid(), " on ")));
    CHECK(words.ends_with(". Wait until it ends, or choose another --output."));
    CHECK(words.find('\n') == std::string::npos);
  }
  CHECK_NOTHROW(OutputLock(scratch.path()));
}

TEST_CASE("the lock of a killed process is gone", "[lock]") {
  Scratch const scratch;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  pid_t const child = fork();
  if (child == 0) {
    OutputLock const lock(scratch.path());
    [[maybe_unused]] ssize_t const told = write(ready[1], "x", 1);
    pause();
    _exit(0);
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  CHECK_THROWS_AS(OutputLock(scratch.path()), Error);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK_NOTHROW(OutputLock(scratch.path()));
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("a lock can be handed on", "[lock]") {
  Scratch const scratch;
  OutputLock first(scratch.path());
  OutputLock const second(std::move(first));
  CHECK_THROWS_AS(OutputLock(scratch.path()), Error);
}
