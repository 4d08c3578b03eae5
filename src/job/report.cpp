#include "job/report.hpp"

#include <algorithm>
#include <sys/resource.h>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "version.hpp"

namespace infinitile {

namespace {

using Json = nlohmann::ordered_json;

Json from_yaml(YAML::Node const& node) {
  if (node.IsMap()) {
    Json out = Json::object();
    for (auto const& entry : node) out[entry.first.Scalar()] = from_yaml(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    Json out = Json::array();
    for (auto const& item : node) out.push_back(from_yaml(item));
    return out;
  }
  if (!node.IsDefined() || node.IsNull()) return nullptr;
  long whole = 0;
  double number = 0;
  bool flag = false;
  if (node.Tag() == "!") return node.Scalar();  // in quotation marks
  if (YAML::convert<long>::decode(node, whole)) return whole;
  if (YAML::convert<double>::decode(node, number)) return number;
  if (YAML::convert<bool>::decode(node, flag)) return flag;
  return node.Scalar();
}

Json from_phases(std::vector<Phase> const& phases) {
  Json out = Json::object();
  for (Phase const& phase : phases) {
    out[phase.name] = {{"seconds", phase.seconds}, {"times", phase.times}};
    if (!phase.parts.empty()) out[phase.name]["parts"] = from_phases(phase.parts);
  }
  return out;
}

Json from_posterior(Report::Posterior const& p) {
  Json out{{"ridge", p.ridge},
           {"log_marginal_likelihood", p.log_marginal_likelihood},
           {"log_determinant", p.log_determinant},
           {"residual", p.residual}};
  if (p.accuracy) out["accuracy"] = *p.accuracy;
  if (p.nll) out["nll"] = *p.nll;
  if (p.ece) out["ece"] = *p.ece;
  if (p.rmse) out["rmse"] = *p.rmse;
  return out;
}

}  // namespace

PhaseTimer::Scope::Scope(PhaseTimer& timer, std::string const& name) : timer_(timer) {
  auto& parts = timer.current().parts;
  auto const found = std::ranges::find(parts, name, &Phase::name);
  timer.open_.push_back(static_cast<std::size_t>(found - parts.begin()));
  if (found == parts.end()) parts.push_back({name, 0, 0, {}});
}

PhaseTimer::Scope::~Scope() {
  Phase& phase = timer_.current();
  phase.seconds += clock_.seconds();
  ++phase.times;
  timer_.open_.pop_back();
}

Phase& PhaseTimer::current() {
  Phase* phase = &root_;
  for (std::size_t const place : open_) phase = &phase->parts[place];
  return *phase;
}

void Report::collect(Communicator const& comm) {
  tiles.computed = comm.all_reduce(tiles.computed, Reduction::sum);
  tiles.reused = comm.all_reduce(tiles.reused, Reduction::sum);
  tiles.bytes_written = comm.all_reduce(tiles.bytes_written, Reduction::sum);
  double const mine = infinitile::peak_memory();
  peak_memory = comm.all_gather(std::span<double const>(&mine, 1));
}

std::string Report::to_json() const {
  Json out;
  out["infinitile"] = {{"version", version}, {"git_id", git_id}, {"build", build_description}};
  out["command"] = command;
  out["start"] = start;
  out["seconds"] = clock.seconds();
  out["exit"] = error ? static_cast<int>(error->code) : 0;
  out["error"] = error ? Json(error->message) : Json(nullptr);
  out["ranks"] = ranks;
  out["threads"] = threads;
  out["grid"] = grid;
  out["devices"] = devices;
  out["precision"] = precision;
  out["phases"] = from_phases(timer.phases());
  out["tiles"] = {{"total", tiles.total}, {"computed", tiles.computed}, {"reused", tiles.reused}, {"bytes_written", tiles.bytes_written}};
  out["peak_memory"] = peak_memory;
  out["posterior"] = Json::object();
  for (auto const& [kind, summary] : posterior) out["posterior"][kind] = from_posterior(summary);
  out["numbers"] = Json::object();
  for (auto const& [name, number] : numbers) out["numbers"][name] = number;
  out["job"] = from_yaml(YAML::Load(job));
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

}  // namespace infinitile
