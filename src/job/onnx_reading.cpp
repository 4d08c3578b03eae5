#include "job/onnx_reading.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/index.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "job/saves.hpp"
#include "job/settings.hpp"

namespace infinitile {

namespace {

/// Rank 0's bytes, on all ranks.
OnnxBytes share(OnnxBytes bytes, Communicator const& comm) {
  bytes.model = comm.broadcast(std::move(bytes.model), 0);
  std::vector<std::string> names;
  for (auto const& [name, unused] : bytes.others) names.push_back(name);
  long count = std::ssize(names);
  comm.broadcast(std::span(&count, 1), 0);
  names.resize(at(count));
  for (std::string& name : names) {
    name = comm.broadcast(std::move(name), 0);
    bytes.others[name] = comm.broadcast(std::move(bytes.others[name]), 0);
  }
  return bytes;
}

std::uint64_t hash_of(OnnxBytes const& bytes) {
  std::uint64_t hash = checksum(bytes.model);
  for (auto const& [name, words] : bytes.others) hash = checksum(words, hash);
  return hash;
}

/// The data have to be what the graph takes.
void expect_fit(OnnxNetwork const& network, Dataset const& dataset) {
  for (std::size_t i = 0; i < network.inputs.size(); ++i) {
    OnnxInput const& input = network.inputs[i];
    InputArray const& array = dataset.inputs[i];
    if (input.kind == NumberKind::floating && !input.entries) continue;
    for (std::size_t n = 0; n < array.values.size(); ++n) {
      double const value = array.values[n];
      auto const refuse = [&](std::string const& needed) {
        throw Error(text(array.source.name(), " has ", value, " at row ", static_cast<long>(n) / array.features(), ", number ",
                         static_cast<long>(n) % array.features(), " (counted from 0); input ", input.name, " of ", network.file, " takes ",
                         needed));
      };
      if (value != std::floor(value)) refuse("integers. Store integers, and leave data.scale out.");
      if (input.entries && (value < 0 || value >= static_cast<double>(*input.entries)))
        refuse(text("indices of a table with ", *input.entries, " entries, from 0 to ", *input.entries - 1, "."));
    }
  }
}

/// Parameters of a file in place of those of the network, by the names of initializers.
ParameterValues replaced(Job const& job, std::vector<OnnxParameter> const& parameters, Communicator const& comm) {
  ParameterValues values = parameters_from_file(job, specs_in_file(parameters), comm);
  for (std::size_t p = 0; p < values.size(); ++p) values[p] = parameters[p].stored(values[p]);
  return values;
}

}  // namespace

std::string doubts_about(OnnxNetwork const& network) {
  if (network.doubtful.empty()) return "";
  std::vector<std::string> names;
  for (std::string const& name : network.doubtful) names.push_back(flow_text(YAML::Node(name)));
  return text("parameters that may be constants, being single numbers or buffers: parameters: {skip: [", join(names, ", ", ", "),
              "]} takes them out of the NTK, skip: [] leaves them in");
}

OpenedOnnx open_onnx(Job const& job, std::vector<std::vector<long>> const& shapes, Communicator const& comm) {
  OnnxBytes const bytes = share(together(comm, [&] { return comm.is_first() ? load_onnx(job.onnx) : OnnxBytes{}; }), comm);
  OnnxChoice const choice{shapes, job.parameters.skip.value_or(std::vector<std::string>{}), job.kernel.output};
  OpenedOnnx opened{import_onnx(read_onnx(bytes, job.onnx.filename().string()), choice), hash_of(bytes), {}};
  for (auto const& [name, unused] : bytes.others) opened.others.push_back(job.onnx.parent_path() / name);
  return opened;
}

FiniteReading read_onnx_job(Job const& job, Data const& data, Communicator const& comm) {
  std::vector<std::vector<long>> shapes;
  for (InputArray const& input : data.train.inputs) shapes.push_back(input.shape);
  auto [network, hash, others] = open_onnx(job, shapes, comm);
  expect_fit(network, data.train);
  if (data.test) expect_fit(network, *data.test);
  FiniteReading reading = read_program(job, std::move(network.program));
  if (network.parameters.empty() && job.parameters.skip && !job.parameters.skip->empty() && wants(job.kernel.get, "ntk"))
    throw Error(text(job.file.string(), ": parameters.skip leaves no parameter of ", network.file,
                     ", and the ntk of none is 0. Leave some of them in, or set kernel.get to [nngp]."));
  if (std::string const doubts = doubts_about(network); !doubts.empty() && !job.parameters.skip && wants(job.kernel.get, "ntk"))
    log_warning(text(network.file, ": ", doubts));
  reading.network_hash = hash;
  reading.initializers = std::move(network.parameters);
  check_onnx_saves(job, reading.initializers, others);
  reading.parameters = std::move(network.values);
  if (job.parameters.file.empty()) return reading;
  reading.parameters = replaced(job, reading.initializers, comm);
  reading.parameters_hash = hash_of(reading.parameters);
  return reading;
}

}  // namespace infinitile
