#include "drivers/bench.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "drivers/commands.hpp"

namespace infinitile {

namespace {

std::vector<Benchmark> chosen(std::vector<std::string> const& names) {
  if (names.empty()) return benchmarks();
  std::vector<std::string> known;
  for (auto const& b : benchmarks()) known.push_back(b.name);
  std::vector<Benchmark> out;
  for (auto const& name : names) {
    auto const at = std::find(known.begin(), known.end(), name);
    if (at == known.end())
      throw Error(text("there is no benchmark \"", name, "\".", did_you_mean(name, known), " `infinitile bench --list` names them."));
    out.push_back(benchmarks()[static_cast<std::size_t>(at - known.begin())]);
  }
  return out;
}

void print(Benchmark const& benchmark, std::vector<Measurement> const& results) {
  fmt::print("{}: {}\n", benchmark.name, benchmark.summary);
  for (auto const& m : results) {
    fmt::print("  {:<44} {:>10} {}", m.name, format_count(m.value), m.unit);
    if (m.bound > 0) fmt::print("   {:.2f} of {}", m.value / m.bound, m.bound_name);
    fmt::print("\n");
  }
  std::fflush(stdout);
}

nlohmann::json to_json(std::vector<Measurement> const& results) {
  nlohmann::json out = nlohmann::json::array();
  for (auto const& m : results) {
    nlohmann::json row{{"name", m.name}, {"value", m.value}, {"unit", m.unit}};
    if (m.bound > 0) row.update({{"bound", m.bound}, {"bound_name", m.bound_name}});
    out.push_back(row);
  }
  return out;
}

}  // namespace

// infinitile bench [NAME...]: measured rates against what the hardware allows.
void measure_rates(Context const& context) {
  bool const first = context.comm.is_first();
  if (context.line.has("list")) {
    if (first)
      for (auto const& b : benchmarks()) fmt::print("{:<18} {}\n", b.name, b.summary);
    return;
  }
  std::vector<Benchmark> const wanted = chosen(context.line.arguments);
  show_held_log();
  BenchSize const size = context.line.has("tiny") ? BenchSize::tiny : BenchSize::full;
  nlohmann::json all{{"ranks", context.comm.size()}, {"threads", context.threads}};
  if (first)
    fmt::print("{} rank{}, {} thread{} each\n", context.comm.size(), context.comm.size() == 1 ? "" : "s", context.threads,
               context.threads == 1 ? "" : "s");
  for (Benchmark const& benchmark : wanted) {
    auto const results = benchmark.measure(context, size);
    if (!first) continue;
    print(benchmark, results);
    all["benchmarks"][benchmark.name] = to_json(results);
  }
  if (auto const path = context.line.value("json"); path && first) {
    std::ofstream file(*path);
    if (!(file << all.dump(2) << "\n")) throw Error(text("cannot write ", *path, ". Check the directory and the permissions."));
  }
}

}  // namespace infinitile
