#include <fmt/format.h>

#include "drivers/commands.hpp"
#include "job/kernel_run.hpp"
#include "job/text_file.hpp"

namespace infinitile {

// infinitile kernel JOB.yaml: fill the kernel blocks a job describes, tile by tile. Run again to go on where it stopped.
void fill_kernel_blocks(Job const& job, Context const& context) {
  KernelRun run(job, context, Purpose::kernel);
  run.fill();
  run.write_result({}, {});
  if (context.comm.is_first()) fmt::print("results in {}\n", shown(job.output / "result.h5"));
}

}  // namespace infinitile
