#include "drivers/commands.hpp"
#include "job/kernel_run.hpp"

namespace infinitile {

// infinitile kernel JOB.yaml: fill the kernel blocks a job describes, tile by tile. Run again to go on where it stopped.
void fill_kernel_blocks(Job const& job, Context const& context) {
  KernelRun run(job, context, Purpose::kernel);
  run.fill();
  run.write_result({}, {});
}

}  // namespace infinitile
