#pragma once

#include <cstdint>

#include "comm/communicator.hpp"
#include "finite/empirical_kernel.hpp"
#include "infinite/graph_patterns.hpp"
#include "infinite/infinite_kernel.hpp"
#include "job/job.hpp"
#include "job/mask_inputs.hpp"
#include "onnx/import.hpp"
#include "plan/kept_axes.hpp"

namespace infinitile {

/// The finite network of a job of kind empirical or monte_carlo, and what is wanted of it.
struct FiniteReading {
  FiniteProgram program;
  ParameterValues parameters;         ///< of kind empirical
  std::uint64_t network_hash = 0;     ///< of an ONNX file; 0 for a network of our language, which has its own
  std::uint64_t parameters_hash = 0;  ///< of the values of a file; 0 where they are drawn
  KernelAxes axes;
  NtkMethod method = NtkMethod::automatic;
  EmpiricalKernel<double>::Get get{};
  MaskInputs masks;                         ///< of a job with masks
  std::vector<InputRows> sides;             ///< inputs of the program behind those of the network: masks, then graphs (graph_inputs())
  std::vector<OnnxParameter> initializers;  ///< of an ONNX file, those that the parameters are, one for each

  KernelLayout layout() const { return {program.output_shape, axes}; }
  /// The numbers of a pair, as tiles have them: axes named output (channels) and position, or position_0, position_1 and so on.
  KeptAxes kept() const;
  long parameter_count() const;
};

/// What the job wants of a program. Throws Error: axes that leave more than one number for each pair of inputs.
FiniteReading read_program(Job const& job, FiniteProgram program);

/// The values of the job's parameter file, which rank 0 reads and sends to all. Collective.
ParameterValues parameters_from_file(Job const& job, std::span<ParameterSpec const> specs, Communicator const& comm);
std::uint64_t hash_of(ParameterValues const& values);

/// The parameters are drawn, or rank 0 reads them and sends them to all; those of random networks are drawn later. Collective. Throws Error:
/// a layer that finite networks do not have, parameters that do not fit, axes that the output does not have.
FiniteReading read_finite(Job const& job, Network const& network, Communicator const& comm);

/// What aggregate layers read, as inputs of the program behind those of the network: a matrix for each row.
std::vector<InputRows> graph_inputs(Network const& network, std::vector<Graphs> const& graphs);

/// Numbers of cotangents that are on their way at once (EmpiricalKernel): constant, since bits depend on it.
inline constexpr long cotangents_at_once = 1L << 24;

/// What tiles of a side cost.
struct FiniteCost {
  double pair_flops = 0;     ///< per pair: of products, and what goes through memory counted as such
  Cost pair;                 ///< the same apart
  Cost forward;              ///< of it, running both sides forward
  Cost own;                  ///< of one input with itself, computed apart
  double calls = 0;          ///< of primitives, for a tile of two sides
  double forward_calls = 0;  ///< of these, those of running one side forward
  double own_calls = 0;      ///< for one input with itself
  double numbers = 0;        ///< beside the tile: parameters, both sides of it in the network, cotangents and Jacobians in hand
};
FiniteCost cost_of(FiniteReading const& reading, int side);

/// The side of tiles for so many train rows: as at infinite width, and no larger than a bound of memory for the samples of a tile allows.
int automatic_side(FiniteReading const& reading, long train);

/// Numbers that a group of tiles may have in hand at once: their means and squares, and the values of their rows that a network's kernels
/// need. 1 GiB of float64. Bits do not depend on it.
inline constexpr double numbers_of_a_group = 1L << 27;

/// What a row of a group has in hand, in numbers: its outputs, or what derivatives need.
double numbers_of_a_row(FiniteReading const& reading);

}  // namespace infinitile
