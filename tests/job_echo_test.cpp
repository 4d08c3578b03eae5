#include <map>

#include "base/error.hpp"
#include "job/echo.hpp"
#include "job/keys.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

Job read(std::vector<std::string> const& overrides = {}) {
  return parse_job(default_job(), "/jobs/digits.yaml", {overrides, {}});
}

Sources const sources{1, 2, 3};

std::vector<Change> changes(std::vector<std::string> const& overrides, Sources const& now = sources) {
  return changed_keys(echo_job(read(), sources), echo_job(read(overrides), now));
}

/// The changes that make a job read a key of another kind of kernel.
std::vector<std::string> what_reads(Key const& key) {
  if (key.kinds.empty()) return {};
  std::vector<std::string> changes{"kernel.kind=" + key.kinds.front()};
  if (key.path == "parameters.file" || key.path == "parameters.group")
    for (char const* const change : {"parameters.file=a.h5", "parameters.group=a"}) changes.emplace_back(change);
  if (key.path == "parameters.skip") changes.emplace_back("network={onnx: net.onnx}");
  return changes;
}

}  // namespace

TEST_CASE("the echo is the job itself, from anywhere", "[job]") {
  Job const job = read({"kernel.tile=64", "posterior.diag_reg=0.5"});
  std::string const echo = echo_job(job, sources);
  Job const again = parse_job(echo, "/elsewhere/job.yaml");
  CHECK(again.name == job.name);
  CHECK(again.output == job.output);
  CHECK(again.data.train.file == "/jobs/data/digits.h5");
  CHECK(again.kernel.tile == 64);
  CHECK(again.posterior.diag_reg == 0.5);
  CHECK(fingerprint(again, sources) == fingerprint(job, sources));
  CHECK(changed_keys(echo, echo_job(again, sources)).empty());
}

TEST_CASE("the fingerprint follows what decides the tiles and nothing else", "[job]") {
  std::uint64_t const same = fingerprint(read(), sources);
  std::map<std::string, std::string> const others{{"name", "b"},
                                                  {"output", "b"},
                                                  {"data.train.file", "b.h5"},
                                                  {"data.train.x", "b"},
                                                  {"data.train.y", "b"},
                                                  {"data.train.mask", "b"},
                                                  {"data.train.pattern", "b"},
                                                  {"data.test.mask", "b"},
                                                  {"data.test.pattern", "b"},
                                                  {"data.padding", "-1.5"},
                                                  {"kernel.output", "1"},
                                                  {"data.test.file", "b.h5"},
                                                  {"data.test.x", "b"},
                                                  {"data.test.y", "b"},
                                                  {"data.shape", "[64]"},
                                                  {"data.scale", "unit_sphere"},
                                                  {"network", "[dense]"},
                                                  {"kernel.get", "[nngp]"},
                                                  {"kernel.precision", "float32"},
                                                  {"kernel.tile", "64"},
                                                  {"kernel.test_test", "none"},
                                                  {"kernel.store", "lower"},
                                                  {"kernel.kind", "empirical"},
                                                  {"kernel.method", "ntk_vector_products"},
                                                  {"kernel.trace_axes", "[-2, -1]"},
                                                  {"kernel.diagonal_axes", "[1]"},
                                                  {"kernel.samples", "200"},
                                                  {"parameters.seed", "1"},
                                                  {"parameters.init", "suo"},
                                                  {"parameters.file", "b.h5"},
                                                  {"parameters.group", "b"},
                                                  {"parameters.skip", "[scale]"},
                                                  {"parameters.save", "b.h5"},
                                                  {"shape.method", "tat"},
                                                  {"shape.c_slope_1_target", "2"},
                                                  {"shape.local_q_slope_target", "0.9"},
                                                  {"shape.c_val_0_target", "0.8"},
                                                  {"shape.c_curve_target", "0.2"},
                                                  {"shape.subnetworks", "{chain: 7}"},
                                                  {"dynamics.steps", "[1, 5]"},
                                                  {"dynamics.learning_rate", "0.5"},
                                                  {"dynamics.orders", "[3]"},
                                                  {"dynamics.save", "b.h5"},
                                                  {"posterior.get", "[nngp]"},
                                                  {"posterior.diag_reg", "1"},
                                                  {"posterior.diag_reg_absolute_scale", "true"}};
  for (Key const& key : job_keys()) {
    if (key.needs == Needs::section || key.path == "posterior.covariance") continue;
    INFO(key.path);
    REQUIRE(others.contains(key.path));
    std::vector<std::string> const base = what_reads(key);
    std::vector<std::string> change = base;
    change.push_back(key.path + "=" + others.at(key.path));
    for (char const* const both : {"mask", "pattern"})  // train and test have them or not
      if (key.path.ends_with(both))
        for (char const* const part : {"train", "test"}) change.push_back(std::string("data.") + part + "." + both + "=b");
    if (key.path == "dynamics.save") change.emplace_back("dynamics.steps=[1]");
    if (key.path == "kernel.get") change.emplace_back("posterior.get=[nngp]");
    CHECK((fingerprint(read(change), sources) != fingerprint(read(base), sources)) == (key.touches == Touches::tiles));
    CHECK(changed_keys(echo_job(read(base), sources), echo_job(read(change), sources)).empty() == (key.touches != Touches::tiles));
  }
  CHECK(fingerprint(read({"kernel.test_test=full", "posterior.covariance=full"}), sources) == same);
  for (Sources const& other : {Sources{9, 2, 3}, Sources{1, 9, 3}, Sources{1, 2, 9}, Sources{1, 2, 3, 9}, Sources{1, 2, 3, 0, 9}})
    CHECK(fingerprint(read(), other) != same);
}

TEST_CASE("the fingerprint does not depend on how a job is written", "[job]") {
  std::string const one = "data: {train: {file: a.h5}}\nnetwork: [dense]\nkernel: {get: nngp, tile: 8}\n";
  std::string const other =
      "kernel:\n  tile: 8\n  get: [nngp]\n  precision: float64\nnetwork:\n- dense\ndata:\n  train:\n    file: a.h5\n    x: x\n";
  CHECK(fingerprint(parse_job(one, "a.yaml"), sources) == fingerprint(parse_job(other, "b/c.yaml"), sources));
}

/// Runs from before there was a choice go on.
TEST_CASE("the init that all runs had is not part of a fingerprint", "[job]") {
  Job const job = read({"kernel.kind=empirical", "parameters.init=gaussian"});
  CHECK_FALSE(job.complete["parameters"]["init"].IsDefined());
  CHECK(read({"kernel.kind=empirical", "parameters.init=suo"}).complete["parameters"]["init"].Scalar() == "suo");
}

TEST_CASE("a scale with parameters is echoed with all of them, and counts as it is meant", "[job]") {
  auto const print = [](std::string const& scale) { return fingerprint(read({"data.scale=" + scale}), sources); };
  CHECK(print("per_location") == print("{per_location: {homog_scale: 1, homog_mode: one}}"));
  CHECK(print("{per_location: }") == print("per_location"));
  CHECK(print("{per_location: {homog_mode: off}}") != print("per_location"));
  CHECK(print("{per_location: {homog_scale: 2}}") != print("per_location"));
  Job const job = read({"data.scale={per_location: {homog_scale: 0.1}}"});
  Job const again = parse_job(echo_job(job, sources), "/elsewhere/job.yaml");
  CHECK(again.data.scale == "per_location");
  CHECK(again.data.per_location.scale == 0.1);
  CHECK(fingerprint(again, sources) == fingerprint(job, sources));
  CHECK(changes({"data.scale={per_location: {homog_mode: avg_q}}"}).size() == 3);  // none, and two parameters
}

TEST_CASE("changed keys are told with what they were and are", "[job]") {
  CHECK(changes({"kernel.tile=64", "kernel.get=[ntk]", "posterior.get=ntkgp", "name=b"})
        == std::vector<Change>{{"kernel.get", "[nngp, ntk]", "[ntk]"}, {"kernel.tile", "auto", "64"}});
}

TEST_CASE("means go on to more samples, not to fewer", "[job]") {
  auto const change_from = [](std::string const& before, std::string const& now) {
    auto const echo = [](std::string const& samples) {
      return echo_job(read({"kernel.kind=monte_carlo", "kernel.samples=" + samples}), sources);
    };
    return changed_keys(echo(before), echo(now));
  };
  CHECK(change_from("90", "100").empty());
  CHECK(change_from("100", "100").empty());
  CHECK(change_from("100", "90") == std::vector<Change>{{"kernel.samples", "100", "90"}});
}

TEST_CASE("a source that changed is told by its keys, or as content when they are the same", "[job]") {
  CHECK(changes({"network.1.dense.w_std=2"}, {9, 2, 3}) == std::vector<Change>{{"network.1.dense.w_std", "1.4142135623730951", "2"}});
  CHECK(changes({"network.2=erf"}, {9, 2, 3}) == std::vector<Change>{{"network.2", "relu", "erf"}});
  CHECK(changes({}, {9, 2, 3}) == std::vector<Change>{{"the content of network", "0000000000000001", "0000000000000009"}});
  CHECK(changes({}, {1, 9, 3}) == std::vector<Change>{{"the content of data.train", "0000000000000002", "0000000000000009"}});
  CHECK(changes({}, {1, 2, 3, 9}) == std::vector<Change>{{"the content of parameters", "not given", "0000000000000009"}});
  CHECK(changes({"data.train.file=/b.h5"}, {1, 9, 3}) == std::vector<Change>{{"data.train.file", "/jobs/data/digits.h5", "/b.h5"}});
  CHECK(changes({"data.test=null"}, {1, 2, 0})
        == std::vector<Change>{{"data.test.file", "/jobs/data/digits.h5", "not given"}, {"data.test.x", "test/x", "not given"}});
}
