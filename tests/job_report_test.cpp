#include <nlohmann/json.hpp>

#include "job/report.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("phases nest and add up", "[report]") {
  PhaseTimer timer;
  for (int i = 0; i < 2; ++i) {
    PhaseTimer::Scope const outer(timer, "kernel");
    { PhaseTimer::Scope const inner(timer, "rows"); }
    PhaseTimer::Scope const inner(timer, "tiles");
  }
  { PhaseTimer::Scope const other(timer, "solve"); }
  REQUIRE(timer.phases().size() == 2);
  Phase const& kernel = timer.phases()[0];
  CHECK(kernel.name == "kernel");
  CHECK(kernel.times == 2);
  REQUIRE(kernel.parts.size() == 2);
  CHECK(kernel.parts[0].name == "rows");
  CHECK(kernel.parts[1].times == 2);
  CHECK(kernel.seconds >= kernel.parts[0].seconds + kernel.parts[1].seconds);
  CHECK(timer.phases()[1].name == "solve");
}

TEST_CASE("a phase that an exception leaves is closed", "[report]") {
  PhaseTimer timer;
  try {
    PhaseTimer::Scope const outer(timer, "a");
    PhaseTimer::Scope const inner(timer, "b");
    throw 1;
  } catch (int) {
  }
  PhaseTimer::Scope const next(timer, "c");
  CHECK(timer.phases().size() == 2);
}

TEST_CASE("the report tells scripts what a run did", "[report]") {
  Report report;
  report.command = "posterior";
  report.job =
      "name: a\nkernel: {get: [nngp], tile: 64}\nposterior: {diag_reg: 1e-4, diag_reg_absolute_scale: false}\nlabel: \"7\"\nnothing:\n";
  report.ranks = 6;
  report.threads = 2;
  report.grid = {2, 3};
  report.precision = "float64";
  report.tiles = {10, 4, 6, 4096};
  report.peak_memory = {1e6, 2e6};
  report.posterior["nngp"] = {0.5, -10, 3, 1e-15, 0.99, {}, {}, {}};
  report.numbers = {{"gemm", 55e9}};
  {
    auto const outer = report.phase("kernel");
    auto const inner = report.phase("tiles");
  }
  auto const json = nlohmann::json::parse(report.to_json());
  for (char const* const part : {"version", "git_id", "build"}) CHECK(!json["infinitile"][part].get<std::string>().empty());
  CHECK(json["command"] == "posterior");
  CHECK(json["start"].get<std::string>().size() == 20);
  CHECK(json["seconds"].get<double>() >= 0);
  CHECK(json["exit"] == 0);
  CHECK(json["error"].is_null());
  CHECK(json["ranks"] == 6);
  CHECK(json["threads"] == 2);
  CHECK(json["grid"] == std::vector<int>{2, 3});
  CHECK(json["devices"].empty());
  CHECK(json["precision"] == "float64");
  CHECK(json["phases"]["kernel"]["times"] == 1);
  CHECK(json["phases"]["kernel"]["parts"]["tiles"]["seconds"].is_number());
  CHECK(json["tiles"] == nlohmann::json{{"total", 10}, {"computed", 4}, {"reused", 6}, {"bytes_written", 4096.0}});
  CHECK(json["peak_memory"] == std::vector<double>{1e6, 2e6});
  CHECK(json["posterior"]["nngp"]["accuracy"] == 0.99);
  CHECK(json["posterior"]["nngp"]["residual"] == 1e-15);
  CHECK(!json["posterior"]["nngp"].contains("nll"));
  CHECK(json["numbers"]["gemm"] == 55e9);
  CHECK(json["job"]["kernel"]["get"] == std::vector<std::string>{"nngp"});
  CHECK(json["job"]["kernel"]["tile"] == 64);
  CHECK(json["job"]["posterior"]["diag_reg"] == 1e-4);
  CHECK(json["job"]["posterior"]["diag_reg_absolute_scale"] == false);
  CHECK(json["job"]["label"] == "7");
  CHECK(json["job"]["nothing"].is_null());
  report.error = Failure{Exit::numerical, "not positive definite"};
  auto const failed = nlohmann::json::parse(report.to_json());
  CHECK(failed["exit"] == 3);
  CHECK(failed["error"] == "not positive definite");
}

TEST_CASE("tiles of all ranks are added up and the memory of each is kept", "[report]") {
  auto const comm = Communicator::world();
  Report report;
  report.tiles = {100, comm.rank() + 1, 2, 10.0};
  report.collect(comm);
  long const n = comm.size();
  CHECK(report.tiles.total == 100);
  CHECK(report.tiles.computed == n * (n + 1) / 2);
  CHECK(report.tiles.reused == 2 * n);
  CHECK(report.tiles.bytes_written == 10.0 * static_cast<double>(n));
  REQUIRE(report.peak_memory.size() == static_cast<std::size_t>(n));
  for (double const bytes : report.peak_memory) CHECK(bytes > 1e6);
}
