#pragma once

#include <functional>
#include <span>
#include <vector>

#include "finite/program.hpp"

namespace infinitile {

/// Parameters in the precision of a computation.
template <class T>
class ParameterArrays {
public:
  explicit ParameterArrays(ParameterValues const& values);
  std::span<Batch<T const> const> batches() const { return batches_; }

private:
  std::vector<Numbers<T>> numbers_;
  std::vector<Batch<T const>> batches_;
};

/// A place where a parameter enters the network, met on the way back.
template <class T>
struct ParameterUse {
  int parameter = 0;
  Instruction const& instruction;
  int operand = 0;  ///< which operand of the instruction the parameter is
  PrimitiveValues<T> values;
  Batch<T const> cotangent;  ///< of the instruction's result

  /// target (+)= the cotangent of the parameter through this use alone: one row sums over the samples, more rows keep them apart.
  void pull(Batch<T> target, Into into) const;
};

/// A finite network at some inputs, with what its derivatives need. Program, parameters and inputs have to live as long as this does.
/// Memory: with Keep::for_derivatives the operands of products, convolutions, activations and normalizations, for all samples; without,
/// values are dropped after their last use.
template <class T>
class Evaluation {
public:
  enum class Keep { nothing, for_derivatives };
  /// `inputs`: one copy each, all of as many rows.
  Evaluation(FiniteProgram const& program, std::span<Batch<T const> const> parameters, std::span<Batch<T const> const> inputs, Keep keep);

  int rows() const { return rows_; }
  Batch<T const> output() const { return values_[static_cast<std::size_t>(program_.output)]; }

  /// The tangent of the output along tangents of parameters (one row) and inputs, all of as many copies; empty batches are zeros.
  Numbers<T> push(std::span<Batch<T const> const> parameters, std::span<Batch<T const> const> inputs) const;

  /// Whether a cotangent of parameters, and of values made of them alone, is one sum over the samples or one for each of them.
  enum class Samples { together, apart };
  using Sink = std::function<void(ParameterUse<T> const&)>;
  /// Carries cotangents of the output back; `sink` gets every use of every parameter, the last first. Only the cotangents that are still on
  /// their way are held.
  void pull(Batch<T const> cotangent, Samples samples, Sink const& sink) const;

  /// The same, for all parameters at once: [copies][1 or rows][size] each.
  std::vector<Numbers<T>> pull_parameters(Batch<T const> cotangent, Samples samples) const;
  /// And for the inputs: [copies][rows][size] each.
  std::vector<Numbers<T>> pull_inputs(Batch<T const> cotangent) const;

private:
  class Backward;
  Batch<T> new_result(Instruction const& instruction);
  PrimitiveValues<T> values_at(Instruction const& instruction, std::vector<Batch<T const>>& operands) const;

  FiniteProgram const& program_;
  int rows_ = 1;
  std::vector<Numbers<T>> memory_;
  std::vector<Batch<T const>> values_;  ///< empty where nothing is kept
};

}  // namespace infinitile
