#pragma once

#include <memory>
#include <vector>

#include "job/frame.hpp"
#include "job/problem.hpp"
#include "job/run_directory.hpp"
#include "job/tile_kernel.hpp"
#include "plan/distribution.hpp"
#include "solve/posterior.hpp"
#include "store/result_file.hpp"
#include "store/tile_store.hpp"

namespace infinitile {

/// The kernel blocks of one job, from nothing to finished tiles on disk. What every command that needs a kernel goes through, in this
/// order; all functions are collective.
class KernelRun {
public:
  /// Reads data and network, checks the plan against the memory there is, takes the output directory.
  KernelRun(Job const& job, Context const& context, Purpose purpose);

  /// Computes the tiles that are missing, each by its owner; those that an earlier run finished are checked and kept. Throws Stopped after
  /// a signal, with all finished tiles kept.
  void fill();

  /// result.h5: the blocks, where the data came from, how it was computed, and what the command adds.
  void write_result(std::vector<Array> arrays, std::vector<Note> notes);

  Problem const& problem() const { return problem_; }
  RunDirectory const& directory() const { return *directory_; }
  Distribution const& distribution() const { return distribution_; }
  /// The finished tiles, for a posterior; full blocks of outputs are rows of their own, input by input.
  KernelSource source();
  /// The outputs of an input that are such rows; 1 where their mean is taken.
  int outputs_in_rows() const { return layout_.kept.outputs(); }
  std::vector<Block> blocks() const;

private:
  void require_trainable(Purpose purpose) const;
  void save_parameters() const;
  /// All tiles of the job that this rank owns, in the order of work.
  std::vector<TileIndex> own_tiles() const;
  std::string describe(std::string_view kind, Block block) const;
  std::vector<h5::Attribute> attributes() const;
  /// Of a kernel, on every rank; a run that goes on reads what an earlier one kept. Collective.
  std::vector<double> test_diagonal(std::string_view kind);
  std::vector<Array> test_diagonals();
  void warn_of_little_space(double missing_share) const;
  template <class T>
  void compute(std::vector<TileIndex> const& missing);

  Job const& job_;
  Context const& context_;
  Problem problem_;
  Machine machine_;
  Plan plan_;
  Distribution distribution_;
  TileLayout layout_;
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<TileKernel> kernel_;
  std::unique_ptr<TileStore> store_;
};

}  // namespace infinitile
