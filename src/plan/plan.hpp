#pragma once

#include <optional>
#include <string>

#include "plan/distribution.hpp"
#include "plan/tile_grid.hpp"

namespace infinitile {

/// What decides the cost of a job. Sizes in entries, not bytes.
struct JobSize {
  TileGrid grid;
  long features = 0;           ///< numbers in one input, over all inputs of the network
  int outputs = 0;             ///< columns of y; 0 without targets
  int kernels = 2;             ///< 1 nngp, 2 nngp and ntk; twice as many with standard errors
  double kept = 1;             ///< numbers of a pair in each kernel
  double blocks = 1;           ///< rows of the posterior's matrices for each input: outputs of full blocks
  int entry_bytes = 8;         ///< of a stored entry: 8 or 4
  bool mirrored = true;        ///< kernel.store: full
  bool test_test = false;      ///< full test_test block
  double row_numbers = 0;      ///< numbers kept per row: roots and features of every layer
  double product_flops = 0;    ///< per pair: matrix products, of inputs at infinite width, of all layers of finite networks
  double pass_numbers = 0;     ///< per pair of inputs of finite networks: numbers that go through memory beside the products
  double pair_flops = 0;       ///< per pair: all layers, NNGP and NTK
  double own_flops = 0;        ///< per test input: matrix products of its kernels with itself, where these are computed apart
  double own_numbers = 0;      ///< the same of pass_numbers
  double tile_calls = 0;       ///< per tile: calls of primitives, which cost time however small they are
  double own_calls = 0;        ///< per test input, as own_flops
  double strip_bytes = 0;      ///< what a thread needs beside the tiles themselves: registers of the pairs in hand
  double network_bytes = 0;    ///< what a rank needs for a finite network: parameters, samples of a tile, cotangents
  int factorizations = 0;      ///< posterior: distinct matrices to factor, 0 without a posterior
  bool ntk_posterior = false;  ///< holds the test rows of both kernels, and needs a backward sweep
  bool full_covariance = false;
  /// Means over random networks, one after the other; product_flops are those of all.
  struct Sampling {
    long networks = 0;
    double parameters = 0;     ///< numbers that every rank draws for a network
    double row_flops = 0;      ///< products, per row of all networks
    double row_numbers = 0;    ///< in hand, per row of a group of tiles, in entries
    double entry_bytes = 0;    ///< of running means, per entry: in hand for a group of tiles, and on disk for all
    double group_numbers = 0;  ///< what a group may have in hand at most, in numbers of float64
    double draw_flops = 0;     ///< of making orthogonal matrices of the numbers of a network
    double row_passes = 0;     ///< numbers through memory, per row of all networks
    double side_calls = 0;     ///< of primitives, per row of tiles of all networks; tile_calls are those of all networks, too
  };
  std::optional<Sampling> sampling{};
};

/// Rates of one core, in units per second, and what every run takes besides. The defaults were measured as docs/performance.md says;
/// `infinitile bench --json` writes those of another machine.
struct Rates {
  double gemm = 55e9;  ///< float64 flops
  double gemm_single = 110e9;
  double pair = 20e9;    ///< pointwise flops of the fused pass
  double draw = 30e6;    ///< Gaussian numbers
  double memory = 5e9;   ///< bytes that go through layers of finite networks, beside their products
  double calls = 1e5;    ///< of primitives of finite networks: launches, and what stands around them; the same for any number of cores
  double disk = 0.9e9;   ///< bytes, of one rank
  double data = 0.25e9;  ///< bytes of inputs: read, checked, hashed and sent to all ranks
  double network = 2e9;  ///< bytes, of one rank
  double start = 0.2;    ///< seconds: program and MPI begin and end, result.h5 is written
};

/// Where the job would run.
struct Machine {
  int ranks = 1;
  int threads = 1;    ///< per rank
  double memory = 0;  ///< bytes that one rank may use; 0: not known
  Rates rates;
};

/// What a job costs. Pure arithmetic: the same on any machine, for any number of ranks, before anything runs. All of it for the rank with
/// the most.
struct Plan {
  Distribution distribution{1};
  long tiles = 0;          ///< all of them
  long tiles_of_rank = 0;  ///< the most that one rank owns
  double gram_flops = 0;   ///< all ranks
  double pair_flops = 0;
  double solve_flops = 0;
  double data_bytes = 0;     ///< per rank: inputs, kept whole by every rank
  double row_bytes = 0;      ///< per rank: what every row knows of every layer
  double tile_bytes = 0;     ///< per rank: its own tiles of one kernel, for a posterior
  double buffer_bytes = 0;   ///< per rank: tiles being computed, panels and messages of the factorization
  double program_bytes = 0;  ///< per rank: the program, MPI, BLAS and HDF5 themselves, as measured
  double memory_bytes = 0;   ///< per rank: the sum
  double message_bytes = 0;  ///< sent by one rank
  double disk_bytes = 0;     ///< all ranks
  double means_bytes = 0;    ///< of it running means
  double start_seconds = 0;  ///< of program and MPI, and of what is read and written once
  double kernel_seconds = 0;
  double disk_seconds = 0;
  double solve_seconds = 0;
  double seconds() const { return start_seconds + kernel_seconds + disk_seconds + solve_seconds; }
};

Plan make_plan(JobSize const& size, Machine const& machine);

/// Throws Error when a rank would need more memory than there is; the message says how much, and what to do.
void require_memory(Plan const& plan, Machine const& machine);

/// The table that `infinitile plan` prints.
std::string describe(Plan const& plan, JobSize const& size, Machine const& machine);

}  // namespace infinitile
