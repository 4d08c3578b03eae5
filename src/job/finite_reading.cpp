#include "job/finite_reading.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/compile.hpp"
#include "job/parameters_file.hpp"
#include "plan/tile_grid.hpp"

namespace infinitile {

namespace {

NtkMethod method_from(std::string const& word) {
  return word == "jacobian_contraction"     ? NtkMethod::jacobian_contraction
         : word == "ntk_vector_products"    ? NtkMethod::ntk_vector_products
         : word == "structured_derivatives" ? NtkMethod::structured_derivatives
                                            : NtkMethod::automatic;
}

Init init_from(std::string const& word) {
  return word == "suo" ? Init::suo : word == "fan_in" ? Init::fan_in : word == "lecun" ? Init::lecun : Init::gaussian;
}

/// kernel.trace_axes and kernel.diagonal_axes have to name axes of the output.
void check_axes(Job const& job, FiniteReading const& reading) {
  try {
    static_cast<void>(reading.layout());
  } catch (Error const& error) {
    throw Error(text(job.file.string(), ": kernel.", error.what()));
  }
}

/// Means over random networks are of one number for each pair of inputs.
void expect_one_number(Job const& job, FiniteReading const& reading) {
  KernelLayout const layout = reading.layout();
  if (layout.kept() == 1) return;
  std::vector<long> const& output = reading.program.output_shape;
  std::vector<int> all;
  for (int axis = -static_cast<int>(output.size()); axis < 0; ++axis) all.push_back(axis);
  throw Error(
      fmt::format("{}: kernel.trace_axes is [{}] and kernel.diagonal_axes is [{}]; of outputs of shape ({}) they leave ({}) numbers for "
                  "each pair of inputs, and means over random networks are of one. Set kernel.trace_axes to [{}] and leave "
                  "kernel.diagonal_axes out.",
                  job.file.string(), fmt::join(reading.axes.trace, ", "), fmt::join(reading.axes.diagonal, ", "), fmt::join(output, ", "),
                  fmt::join(layout.kept_shape(), ", "), fmt::join(all, ", ")));
}

}  // namespace

ParameterValues parameters_from_file(Job const& job, std::span<ParameterSpec const> specs, Communicator const& comm) {
  ParameterValues values = together(comm, [&] {
    return comm.is_first() ? read_parameters(job.parameters.file, job.parameters.group, specs) : ParameterValues(specs.size());
  });
  for (std::size_t p = 0; p < specs.size(); ++p) {
    values[p].resize(at(specs[p].size()));
    comm.broadcast(std::span(values[p]), 0);
  }
  return values;
}

KeptAxes FiniteReading::kept() const {
  int const channels = static_cast<int>(program.output_shape.size()) - 1;
  KernelLayout const layout = this->layout();
  std::vector<KeptAxis> out;
  for (KeptOutputAxis const& axis : layout.kept_axes())
    out.push_back({axis.axis == channels ? "output" : channels == 1 ? "position" : text("position_", axis.axis), axis.size, axis.twin});
  return KeptAxes(std::move(out));
}

long FiniteReading::parameter_count() const {
  long count = 0;
  for (ParameterSpec const& spec : program.parameters) count += spec.size();
  return count;
}

std::vector<InputRows> graph_inputs(Network const& network, std::vector<Graphs> const& graphs) {
  std::vector<int> const sets = find_graph_readers(network).of;
  std::vector<InputRows> out;
  for (int n = 0; n < network.size(); ++n) {
    if (sets[at(n)] < 0) continue;
    Graphs const& read = graphs[at(sets[at(n)])];
    InputRows rows;
    rows.values = dense_matrices(network, n, read);
    rows.width = static_cast<long>(rows.values.size()) / read.rows();
    out.push_back(std::move(rows));
  }
  return out;
}

std::uint64_t hash_of(ParameterValues const& values) {
  std::uint64_t hash = 0;
  for (auto const& each : values) hash = checksum(std::as_bytes(std::span(each)), hash);
  return hash;
}

FiniteReading read_program(Job const& job, FiniteProgram program) {
  FiniteReading reading;
  reading.program = std::move(program);
  reading.axes = {job.kernel.trace_axes, job.kernel.diagonal_axes};
  check_axes(job, reading);
  reading.method = method_from(job.kernel.method);
  using Get = EmpiricalKernel<double>::Get;
  reading.get = wants(job.kernel.get, "ntk") ? Get::nngp_and_ntk : Get::nngp;
  return reading;
}

FiniteReading read_finite(Job const& job, Network const& network, Communicator const& comm) {
  MaskInputs masks = has_masks(job) ? find_mask_inputs(network) : MaskInputs{};
  FiniteReading reading = read_program(job, compile_finite(network, masks.nodes, init_from(job.parameters.init)));
  reading.masks = std::move(masks);
  if (job.kernel.is_sampled()) {
    expect_one_number(job, reading);
    return reading;
  }
  auto const& specs = reading.program.parameters;
  if (job.parameters.file.empty()) {
    reading.parameters = draw_parameters(specs, {static_cast<std::uint64_t>(job.parameters.seed), 0});
    return reading;
  }
  reading.parameters = parameters_from_file(job, specs, comm);
  reading.parameters_hash = hash_of(reading.parameters);
  return reading;
}

FiniteCost cost_of(FiniteReading const& reading, int side) {
  KernelLayout const layout = reading.layout();
  BlockSize const block{layout.split(), side, side, BlockSize::Sides::two};
  bool const derivatives = reading.get == EmpiricalKernel<double>::Get::nngp_and_ntk;
  auto const cost_of = [&](BlockSize const& size) {
    Cost const cost = derivatives ? block_cost(reading.program, size, reading.method) : size.samples() * forward_cost(reading.program);
    return 1 / size.pairs() * cost + Cost{size.count(), 0};  // and the outputs' product
  };
  SampleSize const sample = sample_size(reading.program);
  FiniteCost out;
  out.pair = cost_of(block);
  out.pair_flops = 2 * out.pair.total();
  out.forward = block.samples() / block.pairs() * forward_cost(reading.program);
  BlockSize const own{layout.split(), 1, 1, BlockSize::Sides::same};
  out.own = cost_of(own);
  out.forward_calls = forward_calls(reading.program);
  auto const calls_of = [&](BlockSize const& size) {
    double const sides = size.sides == BlockSize::Sides::two ? 2 : 1;
    return derivatives ? block_calls(reading.program, size, reading.method) : sides * out.forward_calls;
  };
  out.calls = calls_of(block);
  out.own_calls = calls_of(own);
  // Parameters twice: as they were read, and in the precision of the tiles.
  out.numbers = 2 * static_cast<double>(reading.parameter_count()) + block.samples() * sample.all;
  // Sums of a tile's kernels, and the tile made of them.
  out.numbers += (derivatives ? 3 : 2) * block.pairs() * static_cast<double>(layout.kept());
  // On the way back the cotangents of a result and of its operand are there, of all outputs in pairs; Jacobians come in slices of an eighth.
  double const each = block.samples() * sample.largest;
  if (derivatives)
    out.numbers +=
        2.25 * std::clamp(static_cast<double>(cotangents_at_once), each * block.outputs.full, each * std::max(block.count(), 1.0));
  return out;
}

int automatic_side(FiniteReading const& reading, long train) {
  constexpr double most_numbers = 1L << 26;  // of the samples of both sides
  constexpr double most_entries = 1L << 22;  // of a tile
  int const side = automatic_side(train, cost_of(reading, automatic_side(train, 0)).pair_flops);
  int const bound = static_cast<int>(std::min({static_cast<double>(side), most_numbers / (2 * sample_size(reading.program).all),
                                               std::sqrt(most_entries / static_cast<double>(reading.layout().kept()))}));
  return bound >= 16 ? bound / 16 * 16 : std::max(bound, 1);
}

double numbers_of_a_row(FiniteReading const& reading) {
  if (reading.get == EmpiricalKernel<double>::Get::nngp) return static_cast<double>(reading.program.value(reading.program.output).size);
  return sample_size(reading.program).all;
}

}  // namespace infinitile
