#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/precision.hpp"
#include "comm/communicator.hpp"
#include "infinite/program.hpp"
#include "job/echo.hpp"
#include "job/finite_reading.hpp"
#include "job/job.hpp"
#include "net/network.hpp"
#include "plan/plan.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// The network of a job at infinite width.
struct InfiniteReading {
  InfiniteProgram program;
  std::vector<Graphs> graphs;  ///< as aggregate layers read them
};

/// A job with all it names: its data in memory, its network as a graph and as kernel.kind reads it, and how the matrix is cut.
struct Problem {
  Data data;
  std::optional<Network> network;  ///< none where it is of an ONNX file
  std::variant<InfiniteReading, FiniteReading> reading;
  TileGrid grid;
  Sources sources;

  bool has_test() const { return data.test.has_value(); }
  /// The numbers of each pair of inputs.
  KeptAxes kept() const;
  long features() const;
};

/// What the tiles of a job are stored in.
Precision precision_of(Job const& job);

/// Rank 0 reads and checks the data and sends them to all. Collective.
Problem open_problem(Job const& job, Communicator const& comm);

/// What the plan must know of a job, for the command that is to run.
enum class Purpose { kernel, posterior };
JobSize size_of(Job const& job, Problem const& problem, Purpose purpose);

/// Why no posterior can be made of the job's kernels: the line of an error. Nothing where one can.
std::optional<std::string> why_no_posterior(Job const& job, Problem const& problem);

/// What one rank may use of its node's memory: what is available now (also within a container's limit), divided by the ranks there. 0 where
/// that is not known.
double memory_for_one_rank(Communicator const& comm);

/// has_masks(), as the infinite reading asks.
Masks masks_of(Job const& job);

/// The graphs that the aggregate layers read, train rows before test rows. Throws Error where there are none for them.
std::vector<Graphs> graphs_of(Network const& network, Data const& data);

}  // namespace infinitile
