// All of Catch2 that is no header, and nothing else.
#define CATCH_CONFIG_RUNNER
#include "support/catch_session.hpp"

#include "support/catch.hpp"

int run_catch_session(int words, char const* const* argv) {
  return Catch::Session().run(words, argv);
}
