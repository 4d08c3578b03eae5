#include <set>

#include <yaml-cpp/yaml.h>

#include "job/job.hpp"
#include "job/keys.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("the printed defaults are a job that the reader takes", "[job]") {
  Job const job = parse_job(default_job(), "/jobs/digits.yaml");
  CHECK(job.name == "digits");
  CHECK(job.output == std::filesystem::current_path() / "digits.run");
  CHECK(job.data.train.file == "/jobs/data/digits.h5");
  CHECK(job.data.test->x == std::vector<std::string>{"test/x"});
  CHECK(job.data.shapes == std::vector<std::vector<long>>{{8, 8, 1}});
  CHECK(job.network.size() == 6);
}

TEST_CASE("the printed defaults are complete and change nothing", "[job]") {
  std::string const shown = default_job();
  YAML::Node const root = YAML::Load(shown);
  std::string needed =
      "data: {train: {file: data/digits.h5, x: train/x, y: train/y}, test: {file: data/digits.h5, x: test/x, y: test/y}, shape: [8, 8, "
      "1]}\n";
  Job const shortest = parse_job(needed + "network: [dense]\n", "/jobs/digits.yaml");
  Job const longest = parse_job(shown, "/jobs/digits.yaml");
  for (char const* const section : {"data", "kernel", "posterior"}) {
    YAML::Emitter left, right;
    left << shortest.complete[section];
    right << longest.complete[section];
    CHECK(std::string(left.c_str()) == right.c_str());
  }
  for (Key const& key : job_keys()) {
    YAML::Node node = root;
    for (std::size_t first = 0; first != std::string::npos + 1 && node; first = key.path.find('.', first) + 1) {
      auto const last = key.path.find('.', first);
      node.reset(node[key.path.substr(first, last == std::string::npos ? last : last - first)]);
      if (last == std::string::npos) break;
    }
    INFO(key.path);
    CHECK(node.IsDefined());
  }
}

TEST_CASE("each row of the table stands once and below a section", "[job]") {
  std::set<std::string> seen;
  for (Key const& key : job_keys()) {
    INFO(key.path);
    CHECK(seen.insert(key.path).second);
    auto const cut = key.path.rfind('.');
    if (cut != std::string::npos) CHECK(find_key(key.path.substr(0, cut))->needs == Needs::section);
  }
  CHECK(keys_below("data") == std::vector<std::string>{"train", "test", "padding", "shape", "scale"});
  CHECK(keys_below("")
        == std::vector<std::string>{"name", "output", "data", "network", "kernel", "parameters", "shape", "posterior", "dynamics"});
  CHECK(find_key("kernel.tiles") == nullptr);
}
