#include <algorithm>
#include <filesystem>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "job/keys.hpp"
#include "job/run_directory.hpp"
#include "job/text_file.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;
namespace fs = std::filesystem;

namespace {

Sources const sources{1, 2, 3};

/// A directory that all ranks see, and what a command works with.
struct Bench {
  Communicator comm = Communicator::world();
  Scratch own;
  fs::path base = comm.broadcast(own.path().string(), 0);
  CommandLine line;
  Report report;
  Context context{comm, 1, line, report};

  Job job(std::vector<std::string> const& overrides = {}) const {
    return parse_job(default_job(), "/jobs/a.yaml", {overrides, base / "run"});
  }
  std::string refusal(Job const& other, Sources const& now = sources) {
    return message_of<Error>([&] { RunDirectory(other, now, context); });
  }
  ~Bench() {
    log_to_file("");
    comm.barrier();
  }
};

/// Every file with its content.
std::vector<std::string> contents(fs::path const& directory) {
  std::vector<std::string> out;
  for (auto const& entry : fs::recursive_directory_iterator(directory))
    out.push_back(entry.path().string() + (entry.is_regular_file() ? read_text_file(entry.path()) : ""));
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEST_CASE("a run has a directory with its job and its log", "[run_directory]") {
  Bench bench;
  Job const job = bench.job();
  {
    RunDirectory const directory(job, sources, bench.context);
    CHECK(directory.path() == bench.base / "run");
    CHECK(directory.tiles() == bench.base / "run/tiles");
    CHECK(directory.fingerprint() == fingerprint(job, sources));
    CHECK(bench.report.directory == directory.path());
  }
  log_info("a line");
  bench.comm.barrier();
  CHECK(changed_keys(read_text_file(bench.base / "run/job.yaml"), echo_job(job, sources)).empty());
  CHECK(fs::exists(bench.base / "run/log.txt"));
  CHECK(!fs::exists(bench.base / "run/job.yaml.part"));
}

TEST_CASE("the same job goes on, and keys that no tile depends on may change", "[run_directory]") {
  Bench bench;
  { RunDirectory const first(bench.job(), sources, bench.context); }
  { RunDirectory const again(bench.job(), sources, bench.context); }
  { RunDirectory const other(bench.job({"posterior.diag_reg=1", "name=b", "kernel.test_test=none"}), sources, bench.context); }
  bench.comm.barrier();
  CHECK(parse_job(read_text_file(bench.base / "run/job.yaml"), "job.yaml").posterior.diag_reg == 1);
}

TEST_CASE("another job in the same directory is refused with the keys that differ, and nothing is touched", "[run_directory]") {
  Bench bench;
  { RunDirectory const first(bench.job(), sources, bench.context); }
  log_to_file("");
  bench.comm.barrier();
  auto const before = contents(bench.base);
  bench.report = {};
  std::string const directory = (bench.base / "run").string();
  CHECK(bench.refusal(bench.job({"kernel.tile=64", "kernel.precision=float32"}))
        == directory + " holds the tiles of another job: kernel.precision was float64, now float32; kernel.tile was auto, now 64."
                       " Choose another --output, or remove the directory.");
  CHECK(bench.refusal(bench.job({"network.2=erf"}), {9, 2, 3})
        == directory + " holds the tiles of another job: network.2 was relu, now erf. Choose another --output, or remove the directory.");
  CHECK(bench.refusal(bench.job(), {1, 9, 3})
        == directory + " holds the tiles of another job: the content of data.train was 0000000000000002, now 0000000000000009."
                       " Choose another --output, or remove the directory.");
  CHECK(bench.report.directory.empty());
  CHECK(contents(bench.base) == before);
}

TEST_CASE("a second run on one directory is refused on all ranks", "[run_directory]") {
  Bench bench;
  RunDirectory const first(bench.job(), sources, bench.context);
  std::string const line = bench.refusal(bench.job());
  CHECK(line.starts_with("another run works in " + (bench.base / "run").string()));
}

TEST_CASE("a directory that cannot be made is refused with its path", "[run_directory]") {
  Bench bench;
  if (bench.comm.is_first()) write_text_file(bench.base / "file", "");
  Job job = bench.job();
  job.output = bench.base / "file/run";
  bench.comm.barrier();
  CHECK(bench.refusal(job).find((bench.base / "file/run").string()) != std::string::npos);
}
