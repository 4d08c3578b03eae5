#pragma once

#include <optional>
#include <span>
#include <vector>

#include "finite/program.hpp"

namespace infinitile {

/// How often each value is read; the output once more.
std::vector<int> count_uses(FiniteProgram const& program);

/// Numbers that all samples share, in the precision of a computation.
template <class T>
Numbers<T> shared_numbers(std::span<double const> numbers);

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
  Instruction const* instruction = nullptr;
  int operand = 0;  ///< which operand of the instruction the parameter is
  PrimitiveValues<T> values;
  Batch<T const> cotangent;  ///< of the instruction's result
  Numbers<T> held{};         ///< its memory, unless it is that of the output: who has this has it after the next use as well

  /// target (+)= the cotangent of the parameter through this use alone: one row sums over the samples, more rows keep them apart.
  void pull(Batch<T> target, Into into) const;
};

/// Whether a cotangent of what all samples share is one sum over them, or one for each of them.
enum class Samples { together, apart };

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

  /// Cotangents of all parameters, [copies][1 or rows][size] each, and of all inputs, [copies][rows][size] each, from one of the output.
  std::vector<Numbers<T>> pull_parameters(Batch<T const> cotangent, Samples samples) const;
  std::vector<Numbers<T>> pull_inputs(Batch<T const> cotangent) const;

  FiniteProgram const& program() const { return program_; }
  /// Operands and result of an instruction; `operands` is where the former are put.
  PrimitiveValues<T> values_at(Instruction const& instruction, std::vector<Batch<T const>>& operands) const;

private:
  Batch<T> new_result(Instruction const& instruction);

  FiniteProgram const& program_;
  int rows_ = 1;
  std::vector<Numbers<T>> memory_;
  std::vector<Batch<T const>> values_;  ///< empty where nothing is kept
};

/// Carries cotangents of the output back through an evaluation, as far as it is asked to: next() is the next use of a parameter, the last of
/// the network first, and nothing at the end. Only cotangents that are still on their way are held. What next() gave is good until the
/// following call.
template <class T>
class Backward {
public:
  enum class Wanted { parameters, inputs };
  Backward(Evaluation<T> const& at_values, Batch<T const> cotangent, Samples samples, Wanted wanted = Wanted::parameters);

  std::optional<ParameterUse<T>> next();
  /// What has come to a value so far.
  Numbers<T> cotangent_of(int value) const { return cotangents_[static_cast<std::size_t>(value)]; }

private:
  void find_active(Wanted wanted);
  std::optional<ParameterUse<T>> hand_on(Instruction const& instruction);
  bool hands_on_whole(Instruction const& instruction, int operand) const;

  Evaluation<T> const& of_;
  FiniteProgram const& program_;
  Samples samples_;
  Batch<T const> seed_;
  std::vector<Numbers<T>> cotangents_;
  std::vector<bool> active_;       ///< values that depend on what is wanted
  int instruction_, operand_ = 0;  ///< the next to be handed on
  std::vector<Batch<T const>> operands_;
};

}  // namespace infinitile
