// infinitile inspect FILE: what is in a job, a network or a result.
#include "job/inspect.hpp"

#include <cstdio>

#include "drivers/commands.hpp"
#include "store/describe.hpp"

namespace infinitile {

void inspect_file(Context const& context) {
  together(context.comm, [&] {
    if (!context.comm.is_first()) return;
    std::filesystem::path const file = file_to_inspect(context.line.arguments.front());
    std::string const words = is_result(file) ? describe_result(file) : describe_yaml(file, context.line.job, context.line.value("shape"));
    std::fputs(words.c_str(), stdout);
  });
}

}  // namespace infinitile
