#pragma once

#include <optional>
#include <vector>

#include "job/finite_reading.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// Full-batch gradient descent of a finite network, and of its linearization at the parameters where it begins, on the loss
/// L = |f − y|² / 2M over the train rows, M being their number of targets.
///
/// Method  θ −= η J(θ)ᵀ (f(θ) − y) / M, and ω −= η J(θ₀)ᵀ (f(θ₀) + J(θ₀) ω − y) / M: in exact arithmetic the latter's outputs after t steps
///         are f₀ + Θ Θ⁻¹ (1 − (1 − ηΘ/M)ᵗ) (y − f₀) with the whole tangent kernel Θ = J Jᵀ, but neither Θ nor its eigenvectors are formed.
/// Source  Lee et al. 2019, Wide neural networks of any depth evolve as linear models under gradient descent, section 2.
/// Cost    a step is about three forward passes of the train rows for the network and five for the linearization; 24 bytes per parameter are
///         summed over the ranks for each.
struct Dynamics {
  /// Of one set of rows, [rows][outputs] each.
  struct Outputs {
    std::vector<double> network, linearized;
    /// The network's expansions around its first parameters, at those it has now; one for each order.
    std::vector<std::vector<double>> expansions;
  };
  struct Record {
    int step = 0;
    Outputs train;
    std::optional<Outputs> test;
  };

  double learning_rate = 0;
  double largest_learning_rate = 0;  ///< 2M over the largest eigenvalue of Θ, by power iteration: beyond, the linearization diverges
  std::vector<Record> records;
  ParameterValues parameters;  ///< after the last step
};

class TrainingFile;

/// In float64, with the same bits on any number of ranks. Goes on from what the file holds, and leaves there what a signal stops, and every
/// five minutes. Collective. Throws NumericalAnswer, naming the step, where numbers leave their range, and Stopped after a signal.
Dynamics train(FiniteReading const& reading, Data const& data, Job::Dynamics const& wanted, TrainingFile const& file,
               Communicator const& comm);

/// What decides the numbers of a training, its steps apart: the tiles' fingerprint knows network, parameters and inputs.
std::uint64_t training_key(std::uint64_t fingerprint, Dataset const& train, Job::Dynamics const& wanted);

/// Numbers that training holds at once on a rank, at most: states and gradients, a piece of rows in the network, the outputs of all records.
double training_numbers(FiniteReading const& reading, Job::Dynamics const& wanted, long rows);

/// Σ (a − b)² over their number.
double mean_square(std::vector<double> const& a, std::vector<double> const& b);

}  // namespace infinitile
