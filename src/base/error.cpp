#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace infinitile::detail {

void expectation_failed(char const* condition, char const* file, int line) {
  std::fprintf(stderr, "infinitile: defect at %s:%d: expected %s. Please report it with the job file.\n", file, line, condition);
  std::fflush(stderr);
#ifdef INFINITILE_TRAP_NAN
  std::abort();  // for the debugger
#else
  std::_Exit(static_cast<int>(Exit::defect));
#endif
}

}  // namespace infinitile::detail
