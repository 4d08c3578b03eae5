#include <fstream>

#include "job/memory.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;
namespace fs = std::filesystem;

namespace {

void write(fs::path const& path, std::string const& words) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << words;
}

}  // namespace

TEST_CASE("the smallest limit above the process counts, without pages of files", "[memory]") {
  Scratch const scratch;
  MemoryFiles const files{scratch / "proc", scratch / "groups"};
  CHECK(std::isinf(available_memory(files)));
  write(files.proc / "meminfo", "MemTotal: 32000 kB\nMemAvailable: 16000 kB\n");
  CHECK(available_memory(files) == 16000 * 1024.0);

  SECTION("version 2: Slurm limits the job, not the step in it") {
    write(files.proc / "self/cgroup", "0::/slurm/job_7/step_0\n");
    write(files.groups / "slurm/job_7/step_0/memory.max", "max\n");
    write(files.groups / "slurm/job_7/memory.max", "9000000\n");
    write(files.groups / "slurm/job_7/memory.current", "8000000\n");
    CHECK(available_memory(files) == 1000000);
    write(files.groups / "slurm/job_7/memory.stat", "anon 3000000\nactive_file 1000000\ninactive_file 4000000\n");
    CHECK(available_memory(files) == 6000000);
  }
  SECTION("version 1") {
    write(files.proc / "self/cgroup", "5:cpu,cpuacct:/a\n4:hugetlb,memory:/slurm/job_7\n");
    write(files.groups / "memory/slurm/memory.limit_in_bytes", "5000000\n");
    write(files.groups / "memory/slurm/memory.usage_in_bytes", "1000000\n");
    CHECK(available_memory(files) == 4000000);
  }
  SECTION("a container sees its own group as the root") {
    write(files.proc / "self/cgroup", "0::/../..\n");
    write(files.groups / "memory.max", "2000000\n");
    CHECK(available_memory(files) == 2000000);
  }
}
