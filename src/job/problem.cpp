#include "job/problem.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "infinite/graph_patterns.hpp"
#include "job/data.hpp"
#include "job/dynamics.hpp"
#include "job/memory.hpp"
#include "job/network.hpp"
#include "job/onnx_reading.hpp"
#include "job/settings.hpp"
#include "job/share_data.hpp"
#include "kernels/activation.hpp"
#include "kernels/kernel_tile.hpp"

namespace infinitile {

namespace {

/// File, zero, hash, zero, and so on: names of files need not be text that JSON takes.
std::string pack(FileHashes const& hashes) {
  std::string packed;
  for (auto const& [file, hash] : hashes) packed.append(file).append(1, '\0').append(hash).append(1, '\0');
  return packed;
}

FileHashes unpack(std::string const& packed) {
  FileHashes hashes;
  std::istringstream words(packed);
  for (std::string file, hash; std::getline(words, file, '\0') && std::getline(words, hash, '\0');) hashes[file] = hash;
  return hashes;
}

/// A hash of the inputs as they enter the network: the same numbers from another file make the same tiles.
std::uint64_t hash_of(Dataset const& d) {
  std::uint64_t hash = static_cast<std::uint64_t>(d.rows);
  for (auto const& input : d.inputs) {
    hash = checksum(std::as_bytes(std::span(input.values)), hash);
    if (!input.masked.empty()) hash = checksum(std::as_bytes(std::span(input.masked)), hash);
  }
  if (d.pattern) hash = checksum(std::as_bytes(std::span(d.pattern->values)), checksum(std::as_bytes(std::span(d.pattern->shape)), hash));
  return hash;
}

Sources sources_of(Communicator const& comm, Problem const& problem) {
  Data const& data = problem.data;
  std::array<std::uint64_t, 2> hashes{};
  if (comm.is_first()) hashes = {hash_of(data.train), data.test ? hash_of(*data.test) : 0};
  comm.broadcast(std::span<std::uint64_t>(hashes), 0);
  auto const* const finite = std::get_if<FiniteReading>(&problem.reading);
  std::uint64_t const network = problem.network ? problem.network->hash() : finite->network_hash;
  if (finite == nullptr) return {network, hashes[0], hashes[1], 0, tile_arithmetic};
  return {network, hashes[0], hashes[1], finite->parameters_hash, finite_arithmetic};
}

/// The rules of sums and products hold for independent branches; the reference library takes them to be, and so do we, but not silently.
void warn_of_shared_branches(Network const& network) {
  for (int n = 0; n < network.size(); ++n)
    if (auto const shared = network.is_needed(n) ? shared_by_branches(network, n) : std::nullopt)
      log_warning(
          text(network.where(network.node(n)), ": two branches share the output of layer ", network.node(*shared).path,
               " without weights of their own in between; the kernel takes them as independent. Put a dense layer into one of them."));
}

/// The reading that kernel.kind asks for.
std::variant<InfiniteReading, FiniteReading> read_network_as(Job const& job, std::optional<Network> const& graph, Data const& data,
                                                             Communicator const& comm) {
  if (!graph) return read_onnx_job(job, data, comm);
  Network const& network = *graph;
  if (job.kernel.is_finite()) {
    FiniteReading reading = read_finite(job, network, comm);
    reading.sides = reading.masks.rows(data);
    std::ranges::move(graph_inputs(network, graphs_of(network, data)), std::back_inserter(reading.sides));
    if (!reading.sides.empty() && !job.dynamics.steps.empty())
      throw Error(text(job.file.string(), ": dynamics.steps is given, and training does not read ",
                       has_masks(job) ? "masks, which the inputs have" : "graphs, which the network has (aggregate)",
                       ". Leave dynamics out."));
    return reading;
  }
  expect_infinite_width(job, network);
  warn_of_shared_branches(network);
  std::vector<Graphs> graphs = graphs_of(network, data);
  InfiniteProgram program = compile_infinite(network, masks_of(job), graphs);
  return InfiniteReading{std::move(program), std::move(graphs)};
}

int side_of(Job const& job, std::variant<InfiniteReading, FiniteReading> const& reading, long train) {
  if (auto const* const finite = std::get_if<FiniteReading>(&reading)) return job.kernel.tile.value_or(automatic_side(*finite, train));
  return job.kernel.side(train, cost_of(std::get<InfiniteReading>(reading).program).pair_flops);
}

}  // namespace

Precision precision_of(Job const& job) {
  return job.kernel.precision == "float32" ? Precision::float32 : Precision::float64;
}

Masks masks_of(Job const& job) {
  return has_masks(job) ? Masks::given : Masks::none;
}

std::vector<Graphs> graphs_of(Network const& network, Data const& data) {
  std::vector<GraphPattern> patterns;
  auto const add = [&](std::string const& key, Dataset const& d) {
    if (d.pattern) patterns.push_back({key, d.pattern->source.name(), d.pattern->shape, d.pattern->integral, d.pattern->values});
  };
  add("data.train.pattern", data.train);
  if (data.test) add("data.test.pattern", *data.test);
  std::vector<int> const readers = find_graph_readers(network).nodes;
  if (patterns.empty() && !readers.empty())
    throw Error(text(network.where(network.node(readers.front())),
                     ": aggregate needs the graph of each input, and data.train.pattern is not given. Name its dataset there."));
  bool const reads = std::ranges::any_of(network.nodes(), [](Node const& node) { return std::holds_alternative<Aggregate>(node.op); });
  if (!patterns.empty() && !reads)
    throw Error(
        text(patterns.front().key, " names ", patterns.front().name,
             ", and the network has no aggregate layer, which alone reads graphs. Take the key out, or put an aggregate layer in."));
  return read_graphs(network, patterns);
}

long Problem::features() const {
  long sum = 0;
  for (auto const& input : data.train.inputs) sum += input.features();
  return sum;
}

KeptAxes Problem::kept() const {
  auto const* const finite = std::get_if<FiniteReading>(&reading);
  return finite != nullptr ? finite->kept() : KeptAxes();
}

std::optional<std::string> why_no_posterior(Job const& job, Problem const& problem) {
  long const targets = problem.data.train.outputs;
  if (targets == 0)
    return text(job.file.string(), ": data.train has no targets, and a posterior needs them. Name their dataset in data.train.y.");
  KeptAxes const kept = problem.kept();
  if (!kept.is_matrix())
    return text(job.file.string(), ": kernel.diagonal_axes is ", flow_text(YAML::Node(job.kernel.diagonal_axes)),
                ", and a posterior needs all outputs with each other, or their mean. Set kernel.diagonal_axes to [].");
  int const outputs = kept.outputs();
  if (outputs > 1 && outputs != targets)
    return text(job.file.string(), ": kernel.trace_axes is ", flow_text(YAML::Node(job.kernel.trace_axes)), " and leaves ", outputs,
                " outputs of each input, but data.train.y has ", targets, targets == 1 ? " column" : " columns",
                ". As many are needed; a kernel of all outputs, with kernel.trace_axes [-1], takes any.");
  return std::nullopt;
}

Problem open_problem(Job const& job, Communicator const& comm) {
  // The last rank of the first one's node, which sees the same files, hashes them while the first one reads.
  int const hasher = comm.last_rank_on_first_node();
  FileHashes hashes;
  Data data = together(comm, [&] {
    DataSpec const spec = data_spec(job);
    Data own = comm.is_first() ? load_data(spec) : Data{};
    if (comm.rank() == hasher) hashes = hash_files(spec);
    return own;
  });
  data = share_data(comm, std::move(data));
  std::string const packed = comm.broadcast(pack(hashes), hasher);
  if (comm.is_first()) give_hashes(data, unpack(packed));
  std::optional<Network> network;
  if (job.onnx.empty()) network = build_network(job, input_shapes(data.train), activation_signatures());
  auto reading = read_network_as(job, network, data, comm);
  long const train = data.train.rows, test = data.test ? data.test->rows : 0;
  TileGrid const grid(train, test, side_of(job, reading, train));
  Problem problem{std::move(data), std::move(network), std::move(reading), grid, {}};
  problem.sources = sources_of(comm, problem);
  for (Dataset* const d : {&problem.data.train, problem.has_test() ? &*problem.data.test : nullptr})
    if (d != nullptr && d->pattern) d->pattern->values = {};  // the graphs have what is in them
  return problem;
}

namespace {

/// Rows go through each network once, not once for each tile. Parameters are drawn in float64.
void add_sampling(JobSize& size, Job const& job, FiniteReading const& reading, FiniteCost const& cost) {
  JobSize::Sampling sampling;
  sampling.networks = job.kernel.samples;
  sampling.parameters = static_cast<double>(reading.parameter_count());
  for (ParameterSpec const& spec : reading.program.parameters) sampling.draw_flops += draw_flops(spec);
  Cost const row = job.kernel.samples * forward_cost(reading.program);
  sampling.row_flops = 2 * row.multiplications;
  sampling.row_passes = row.numbers;
  sampling.side_calls = job.kernel.samples * cost.forward_calls;
  sampling.row_numbers = numbers_of_a_row(reading);
  sampling.entry_bytes = 2.0 * sizeof(double) * size.kernels;
  sampling.group_numbers = numbers_of_a_group;
  size.product_flops = job.kernel.samples * 2 * (cost.pair.multiplications - cost.forward.multiplications);
  size.pass_numbers = job.kernel.samples * (cost.pair.numbers - cost.forward.numbers);
  size.tile_calls = job.kernel.samples * (cost.calls - 2 * cost.forward_calls);
  // The diagonal of the test inputs comes from their diagonal tiles, which are computed for it where the block is not wanted.
  double const diagonal = size.test_test ? 0 : static_cast<double>(std::min<long>(size.grid.side(), size.grid.test()));
  size.own_flops = size.product_flops * diagonal;
  size.own_numbers = size.pass_numbers * diagonal;
  size.own_calls = diagonal > 0 ? size.tile_calls / diagonal : 0;
  size.network_bytes += sizeof(double) * sampling.parameters;
  size.kernels *= 2;  // and their errors
  size.sampling = sampling;
}

}  // namespace

JobSize size_of(Job const& job, Problem const& problem, Purpose purpose) {
  JobSize size{.grid = problem.grid};
  size.features = problem.features();
  size.outputs = static_cast<int>(problem.data.train.outputs);
  size.kernels = static_cast<int>(job.kernel.get.size());
  size.entry_bytes = job.kernel.precision == "float64" ? 8 : 4;
  size.mirrored = job.kernel.store == "full";
  size.test_test = job.kernel.test_test == "full" && problem.has_test();
  if (auto const* const finite = std::get_if<FiniteReading>(&problem.reading)) {
    FiniteCost const cost = cost_of(*finite, problem.grid.side());
    size.product_flops = 2 * cost.pair.multiplications;
    size.pass_numbers = cost.pair.numbers;
    size.tile_calls = cost.calls;
    bool const diagonal_alone =
        job.kernel.test_test == "diagonal" || (purpose == Purpose::posterior && job.posterior.covariance == "diagonal");
    if (problem.has_test() && diagonal_alone) {
      size.own_flops = 2 * cost.own.multiplications;
      size.own_numbers = cost.own.numbers;
      size.own_calls = cost.own_calls;
    }
    size.kept = static_cast<double>(problem.kept().count());
    double const diagonal = problem.has_test() ? static_cast<double>(problem.grid.test()) * size.kept * size.kernels : 0;
    for (InputRows const& side : finite->sides) size.features += side.width;
    size.network_bytes = size.entry_bytes * cost.numbers + 8 * diagonal;
    if (purpose == Purpose::posterior && !job.dynamics.steps.empty())
      size.network_bytes += 8 * training_numbers(*finite, job.dynamics, problem.grid.train() + problem.grid.test());
    if (job.kernel.is_sampled()) add_sampling(size, job, *finite, cost);
  } else {
    InfiniteCost const cost = cost_of(std::get<InfiniteReading>(problem.reading).program);
    size.product_flops = 2 * static_cast<double>(size.features);
    size.row_numbers = cost.row_numbers;
    size.pair_flops = cost.pair_flops;
    size.strip_bytes = 8 * 8 * cost.pair_numbers;
  }
  if (purpose == Purpose::posterior) {
    size.factorizations =
        (wants(job.posterior.get, "nngp") ? 1 : 0) + (wants(job.posterior.get, "ntk") || wants(job.posterior.get, "ntkgp") ? 1 : 0);
    size.ntk_posterior = wants(job.posterior.get, "ntk");
    size.full_covariance = job.posterior.covariance == "full";
    size.blocks = std::sqrt(size.kept);
  }
  return size;
}

double memory_for_one_rank(Communicator const& comm) {
  double const available = available_memory();
  int const ranks = comm.ranks_on_this_node();
  return std::isfinite(available) ? available / ranks : 0;
}

}  // namespace infinitile
