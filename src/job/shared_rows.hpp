#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "finite/evaluation.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// The rows of a data set under a finite network, in float64, shared out among the ranks in pieces whose size follows from the network alone.
/// Outputs are [rows][outputs] on every rank, and have the same bits for any number of ranks. Program and data have to live as long as this
/// does; all functions that compute are collective.
class SharedRows {
public:
  static constexpr int most_rows = 64;  ///< of a piece
  struct Piece {
    std::vector<Batch<double const>> inputs;
    long first = 0;
    int count = 0;
  };

  SharedRows(FiniteProgram const& program, Dataset const& data, Communicator const& comm);

  FiniteProgram const& program() const { return program_; }
  Communicator const& comm() const { return comm_; }
  long numbers() const { return rows_ * outputs_; }  ///< of all outputs together
  int outputs() const { return static_cast<int>(outputs_); }

  /// Those of this rank, in the order of their rows.
  std::vector<Piece> const& pieces() const { return pieces_; }

  /// `count` values of each output, from what compute(piece) gives: as many batches of [1][rows of the piece][outputs].
  using Compute = std::function<std::vector<Numbers<double>>(Piece const&)>;
  std::vector<std::vector<double>> gather(int count, Compute const& compute) const;

private:
  FiniteProgram const& program_;
  Communicator const& comm_;
  long rows_, outputs_;
  std::vector<Piece> pieces_;
};

/// Batches of one row over values that live elsewhere.
std::vector<Batch<double const>> batches_of(ParameterValues const& values);
std::vector<Batch<double const>> batches_of(std::vector<Numbers<double>> const& values);

/// Sums of gradients over pieces, the same bits whoever computes which piece (comm/exact_sum). It knows the size of the last ones, which
/// bounds the next: where that is exceeded, the pieces are computed again.
class GradientSum {
public:
  /// Gradient of one piece: [1][1][size] for each parameter.
  using Gradient = std::function<std::vector<Numbers<double>>(SharedRows::Piece const&)>;

  /// `bound`: of the last ones, 0 where nothing is known.
  explicit GradientSum(double bound = 0) : bound_(bound) {}
  double bound() const { return bound_; }

  /// The sum over the pieces of all ranks, or nothing where one of them is beyond 1e60 or not a number, on every rank. Collective.
  std::optional<ParameterValues> over(SharedRows const& rows, Gradient const& gradient);

private:
  double bound_;
};

}  // namespace infinitile
