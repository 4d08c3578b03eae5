#include "job/finite_reading.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

/// A finite network takes a graph as one more input; jobs do not hand it over yet.
void refuse_graphs(Network const& network) {
  for (int n = 0; n < network.size(); ++n)
    if (network.is_needed(n) && std::holds_alternative<Aggregate>(network.node(n).op))
      throw Error(text(network.where(network.node(n)), ": kernel.kind: empirical does not read aggregate. Take the layer out, or set ",
                       "kernel.kind to infinite."));
}

/// A result has one number for each pair of inputs.
void expect_one_number(Job const& job, std::vector<long> const& output, KernelAxes const& axes) {
  KernelLayout const layout = [&] {
    try {
      return KernelLayout(output, axes);
    } catch (Error const& error) {
      throw Error(text(job.file.string(), ": kernel.", error.what()));
    }
  }();
  if (layout.kept() == 1) return;
  std::vector<int> all;
  for (int axis = -static_cast<int>(output.size()); axis < 0; ++axis) all.push_back(axis);
  throw Error(
      fmt::format("{}: kernel.trace_axes is [{}] and kernel.diagonal_axes is [{}]; of outputs of shape ({}) they leave ({}) numbers for "
                  "each pair of inputs, but one is needed. Set kernel.trace_axes to [{}] and leave kernel.diagonal_axes out.",
                  job.file.string(), fmt::join(axes.trace, ", "), fmt::join(axes.diagonal, ", "), fmt::join(output, ", "),
                  fmt::join(layout.kept_shape(), ", "), fmt::join(all, ", ")));
}

}  // namespace

long FiniteReading::parameter_count() const {
  long count = 0;
  for (ParameterSpec const& spec : program.parameters) count += spec.size();
  return count;
}

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

std::uint64_t hash_of(ParameterValues const& values) {
  std::uint64_t hash = 0;
  for (auto const& each : values) hash = checksum(std::as_bytes(std::span(each)), hash);
  return hash;
}

FiniteReading read_program(Job const& job, FiniteProgram program) {
  FiniteReading reading;
  reading.program = std::move(program);
  reading.axes = {job.kernel.trace_axes, job.kernel.diagonal_axes};
  expect_one_number(job, reading.program.output_shape, reading.axes);
  reading.method = method_from(job.kernel.method);
  using Get = EmpiricalKernel<double>::Get;
  reading.get = wants(job.kernel.get, "ntk") ? Get::nngp_and_ntk : Get::nngp;
  return reading;
}

FiniteReading read_finite(Job const& job, Network const& network, Communicator const& comm) {
  refuse_graphs(network);
  FiniteReading reading = read_program(job, compile_finite(network));
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
  BlockSize const block{reading.split(), side, side, BlockSize::Sides::two};
  bool const derivatives = reading.get == EmpiricalKernel<double>::Get::nngp_and_ntk;
  double const cost = derivatives ? block_cost(reading.program, block, reading.method) : block.samples() * forward_cost(reading.program);
  SampleSize const sample = sample_size(reading.program);
  FiniteCost out;
  out.pair_flops = 2 * (cost / block.pairs() + block.count());  // and the outputs' product
  out.numbers = static_cast<double>(reading.parameter_count()) + block.samples() * sample.all;
  // On the way back the cotangents of a result and of its operand are there; Jacobians come in slices of an eighth.
  if (derivatives)
    out.numbers += 2.25 * std::min(static_cast<double>(cotangents_at_once), block.samples() * block.count() * sample.largest);
  return out;
}

int automatic_side(FiniteReading const& reading, long train) {
  constexpr double most_numbers = 1L << 26;  // of the samples of both sides
  int const side = automatic_side(train, cost_of(reading, automatic_side(train, 0)).pair_flops);
  int const bound = static_cast<int>(std::min<double>(side, most_numbers / (2 * sample_size(reading.program).all)));
  return bound >= 16 ? bound / 16 * 16 : std::max(bound, 1);
}

}  // namespace infinitile
