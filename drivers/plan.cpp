#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "drivers/commands.hpp"
#include "job/problem.hpp"

namespace infinitile {

namespace {

/// The rates that `infinitile bench --json FILE` measured.
Rates read_rates(std::string const& path) {
  std::ifstream file(path);
  if (!file) throw Error(text("--rates: cannot read ", path, ". Make it with `infinitile bench --json ", path, "`."));
  try {
    Rates rates;
    auto const all = nlohmann::json::parse(file);
    double const workers = all.at("ranks").get<double>() * all.at("threads").get<double>();
    for (auto const& m : all.at("benchmarks").at("fully_connected")) {
      if (m.at("name") == "float64 inner products alone") rates.gemm = m.at("value").get<double>() / workers;
      if (m.at("name") == "float32 inner products alone") rates.gemm_single = m.at("value").get<double>() / workers;
    }
    for (auto const& m : all.at("benchmarks").value("tile_files", nlohmann::json::array()))
      rates.disk = m.at("value").get<double>() / all.at("ranks").get<double>();
    return rates;
  } catch (nlohmann::json::exception const&) {
    throw Error(text("--rates: ", path, " is not a file of `infinitile bench --json`, or lacks the benchmark fully_connected."));
  }
}

}  // namespace

// infinitile plan JOB.yaml: what the job costs: the posterior, or the kernel alone where there can be none. Reads data and network,
// computes nothing.
void print_plan(Job const& job, Context const& context) {
  if (context.line.count("gpus")) throw Error("--gpus: this version computes on CPUs only. Leave the option out.");
  Problem const problem = open_problem(job, context.comm);
  JobSize const size = size_of(job, problem, why_no_posterior(job, problem) ? Purpose::kernel : Purpose::posterior);
  Machine machine{context.line.count("ranks").value_or(context.comm.size()), context.threads, 0, {}};
  if (!context.line.count("ranks")) machine.memory = memory_for_one_rank(context.comm);
  if (auto const memory = context.line.value("memory")) machine.memory = parse_bytes(*memory);
  if (auto const rates = context.line.value("rates")) machine.rates = read_rates(*rates);
  Plan const plan = make_plan(size, machine);
  if (context.comm.is_first()) fmt::print("{}", describe(plan, size, machine));
  require_memory(plan, machine);
}

}  // namespace infinitile
