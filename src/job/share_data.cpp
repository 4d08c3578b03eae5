#include "job/share_data.hpp"

#include <nlohmann/json.hpp>

namespace infinitile {

namespace {

using nlohmann::json;

json to_json(ArraySource const& s) {
  return {{"file", s.file}, {"path", s.path}};
}
ArraySource source_from(json const& j) {
  return {j["file"], j["path"], ""};
}

/// All of a data set but its numbers and hashes.
json outline(Dataset const& d) {
  json inputs = json::array();
  for (auto const& input : d.inputs) {
    inputs.push_back({{"source", to_json(input.source)}, {"shape", input.shape}, {"masked", input.masked.size()}});
    if (input.mask_source) inputs.back()["mask"] = to_json(*input.mask_source);
  }
  json out{{"rows", d.rows}, {"inputs", inputs}, {"outputs", d.outputs}, {"classes", d.classes}};
  if (d.pattern)
    out["pattern"] = {{"source", to_json(d.pattern->source)},
                      {"shape", d.pattern->shape},
                      {"integral", d.pattern->integral},
                      {"size", d.pattern->values.size()}};
  if (d.target_source) out["target"] = to_json(*d.target_source);
  return out;
}

Dataset from_outline(json const& j) {
  Dataset d;
  d.rows = j["rows"];
  d.outputs = j["outputs"];
  d.classes = j["classes"];
  if (j.contains("target")) d.target_source = source_from(j["target"]);
  for (auto const& input : j["inputs"]) {
    auto& own = d.inputs.emplace_back();
    own.source = source_from(input["source"]);
    own.shape = input["shape"].get<std::vector<long>>();
    own.values.resize(static_cast<std::size_t>(d.rows * own.features()));
    own.masked.resize(input["masked"]);
    if (input.contains("mask")) own.mask_source = source_from(input["mask"]);
  }
  if (j.contains("pattern")) {
    json const& pattern = j["pattern"];
    d.pattern = GraphArray{source_from(pattern["source"]), pattern["shape"].get<std::vector<long>>(), pattern["integral"].get<bool>(), {}};
    d.pattern->values.resize(pattern["size"]);
  }
  d.y.resize(static_cast<std::size_t>(d.rows * d.outputs));
  if (d.classes > 0) d.labels.resize(static_cast<std::size_t>(d.rows));
  return d;
}

void broadcast_numbers(Communicator const& comm, Dataset& d) {
  for (auto& input : d.inputs) {
    comm.broadcast(std::span(input.values), 0);
    comm.broadcast(std::as_writable_bytes(std::span(input.masked)), 0);
  }
  if (d.pattern) comm.broadcast(std::span(d.pattern->values), 0);
  comm.broadcast(std::span(d.y), 0);
  comm.broadcast(std::span(d.labels), 0);
}

}  // namespace

Data share_data(Communicator const& comm, Data data) {
  if (comm.size() == 1) return data;
  std::string words;
  if (comm.is_first())
    words = json{{"train", outline(data.train)}, {"test", data.test ? outline(*data.test) : json()}}.dump(-1, ' ', false,
                                                                                                          json::error_handler_t::replace);
  json const j = json::parse(comm.broadcast(words, 0));
  if (!comm.is_first()) {
    data.train = from_outline(j["train"]);
    if (!j["test"].is_null()) data.test = from_outline(j["test"]);
  }
  broadcast_numbers(comm, data.train);
  if (data.test) broadcast_numbers(comm, *data.test);
  return data;
}

}  // namespace infinitile
