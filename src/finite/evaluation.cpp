#include "finite/evaluation.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/index.hpp"

namespace infinitile {

namespace {

bool needs_operands(Primitive const& p) {
  return std::visit([](auto const& each) { return each.needs_operands; }, p);
}
bool needs_result(Primitive const& p) {
  return std::visit([](auto const& each) { return each.needs_result; }, p);
}

/// The values that derivatives read.
std::vector<bool> find_needed(FiniteProgram const& program) {
  std::vector<bool> needed(program.values.size(), false);
  needed[at(program.output)] = true;
  for (Instruction const& i : program.instructions) {
    if (needs_operands(i.primitive))
      for (int const operand : i.operands) needed[at(operand)] = true;
    if (needs_result(i.primitive)) needed[at(i.result)] = true;
  }
  return needed;
}

template <class T>
Numbers<T> zeros(int copies, int rows, long size) {
  Numbers<T> out(copies, rows, size);
  std::fill_n(out.batch().data, out.batch().count(), T(0));
  return out;
}

}  // namespace

std::vector<int> count_uses(FiniteProgram const& program) {
  std::vector<int> uses(program.values.size(), 0);
  for (Instruction const& i : program.instructions)
    for (int const operand : i.operands) ++uses[at(operand)];
  ++uses[at(program.output)];
  return uses;
}

template <class T>
Numbers<T> shared_numbers(std::span<double const> numbers) {
  Numbers<T> const out(1, 1, std::ssize(numbers));
  std::ranges::transform(numbers, out.batch().data, [](double v) { return static_cast<T>(v); });
  return out;
}

template <class T>
ParameterArrays<T>::ParameterArrays(ParameterValues const& values) {
  for (auto const& each : values) {
    numbers_.push_back(shared_numbers<T>(each));
    batches_.push_back(numbers_.back().batch());
  }
}

template <class T>
void ParameterUse<T>::pull(Batch<T> target, Into into) const {
  std::visit([&](auto const& p) { primitive::pull(p, values, operand, cotangent, target, into); }, instruction->primitive);
}

template <class T>
Evaluation<T>::Evaluation(FiniteProgram const& program, std::span<Batch<T const> const> parameters, std::span<Batch<T const> const> inputs,
                          Keep keep)
    : program_(program), memory_(program.values.size()), values_(program.values.size()) {
  INFINITILE_EXPECT(parameters.size() == program.parameters.size() && inputs.size() == program.inputs.size());
  for (std::size_t p = 0; p < parameters.size(); ++p) values_[at(program.parameter_values[p])] = parameters[p];
  for (auto const& [value, numbers] : program.constants) {
    memory_[at(value)] = shared_numbers<T>(numbers);
    values_[at(value)] = memory_[at(value)].batch();
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFINITILE_EXPECT(inputs[i].copies == 1 && inputs[i].rows == inputs[0].rows && inputs[i].size == program.value(program.inputs[i]).size);
    values_[at(program.inputs[i])] = inputs[i];
    rows_ = inputs[i].rows;
  }
  std::vector<int> uses = count_uses(program);
  std::vector<bool> const needed = keep == Keep::for_derivatives ? find_needed(program) : std::vector<bool>(program.values.size(), false);
  for (Instruction const& i : program.instructions) {
    std::vector<Batch<T const>> operands;
    for (int const operand : i.operands) operands.push_back(values_[at(operand)]);
    Batch<T> const result = new_result(i);
    std::visit([&](auto const& p) { primitive::forward(p, std::span<Batch<T const> const>(operands), result); }, i.primitive);
    for (int const operand : i.operands)
      if (--uses[at(operand)] == 0 && !needed[at(operand)] && !memory_[at(operand)].empty()) {
        memory_[at(operand)] = {};
        values_[at(operand)] = {};
      }
  }
}

template <class T>
Batch<T> Evaluation<T>::new_result(Instruction const& instruction) {
  FiniteValue const& value = program_.value(instruction.result);
  Numbers<T>& memory = memory_[at(instruction.result)];
  memory = Numbers<T>(1, value.is_shared ? 1 : rows_, value.size);
  values_[at(instruction.result)] = memory.batch();
  return memory.batch();
}

template <class T>
PrimitiveValues<T> Evaluation<T>::values_at(Instruction const& instruction, std::vector<Batch<T const>>& operands) const {
  operands.clear();
  for (int const operand : instruction.operands) operands.push_back(values_[at(operand)]);
  return {operands, values_[at(instruction.result)]};
}

template <class T>
Numbers<T> Evaluation<T>::push(std::span<Batch<T const> const> parameters, std::span<Batch<T const> const> inputs) const {
  INFINITILE_EXPECT(parameters.size() == program_.parameters.size() && inputs.size() == program_.inputs.size());
  std::vector<Batch<T const>> tangents(program_.values.size());
  std::vector<Numbers<T>> memory(program_.values.size());
  int copies = 1;
  auto const take = [&](std::span<Batch<T const> const> given, std::vector<int> const& values) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      tangents[at(values[i])] = given[i];
      if (given[i].data != nullptr) copies = given[i].copies;
    }
  };
  take(parameters, program_.parameter_values);
  take(inputs, program_.inputs);
  std::vector<int> uses = count_uses(program_);
  std::vector<Batch<T const>> operands;
  for (Instruction const& i : program_.instructions) {
    PrimitiveValues<T> const values = values_at(i, operands);
    FiniteValue const& result = program_.value(i.result);
    for (int operand = 0; operand < static_cast<int>(i.operands.size()); ++operand) {
      Batch<T const> const tangent = tangents[at(i.operands[at(operand)])];
      if (tangent.data == nullptr) continue;
      Numbers<T>& target = memory[at(i.result)];
      Into const into = target.empty() ? Into::replace : Into::add;
      if (target.empty()) target = Numbers<T>(copies, result.is_shared ? 1 : rows_, result.size);
      std::visit([&](auto const& p) { primitive::push(p, values, operand, tangent, target.batch(), into); }, i.primitive);
    }
    tangents[at(i.result)] = memory[at(i.result)].batch();
    for (int const operand : i.operands)
      if (--uses[at(operand)] == 0) memory[at(operand)] = {};
  }
  Batch<T const> const out = tangents[at(program_.output)];
  Numbers<T> copy = zeros<T>(copies, rows_, program_.value(program_.output).size);
  if (out.data == nullptr) return copy;
  if (!memory[at(program_.output)].empty() && out.rows == rows_) return memory[at(program_.output)];
  for (int c = 0; c < copies; ++c)  // the output is an input, or a function of parameters alone
    for (int row = 0; row < rows_; ++row) std::copy_n(out.at(c, row), out.size, copy.batch().at(c, row));
  return copy;
}

template <class T>
Backward<T>::Backward(Evaluation<T> const& at_values, Batch<T const> cotangent, Samples samples, Wanted wanted)
    : of_(at_values),
      program_(at_values.program()),
      samples_(samples),
      seed_(cotangent),
      cotangents_(program_.values.size()),
      instruction_(static_cast<int>(program_.instructions.size()) - 1) {
  INFINITILE_EXPECT(cotangent.rows == of_.rows() && cotangent.size == program_.value(program_.output).size);
  find_active(wanted);
}

template <class T>
void Backward<T>::find_active(Wanted wanted) {
  active_.assign(program_.values.size(), false);
  for (int const value : wanted == Wanted::parameters ? program_.parameter_values : program_.inputs) active_[at(value)] = true;
  for (Instruction const& i : program_.instructions)
    active_[at(i.result)] = std::ranges::any_of(i.operands, [&](int operand) { return active_[at(operand)]; });
}

template <class T>
std::optional<ParameterUse<T>> Backward<T>::next() {
  for (; instruction_ >= 0; --instruction_, operand_ = 0) {
    Instruction const& i = program_.instructions[at(instruction_)];
    if (!active_[at(i.result)]) continue;
    if (auto const use = hand_on(i)) return use;
    cotangents_[at(i.result)] = {};
  }
  return std::nullopt;
}

/// Is the cotangent of this operand that of the result, which nobody else adds to before the result's is forgotten? So it is in front of a bias.
template <class T>
bool Backward<T>::hands_on_whole(Instruction const& i, int operand) const {
  auto const* const sum = std::get_if<primitive::Add>(&i.primitive);
  if (sum == nullptr || i.result == program_.output || program_.value(i.operands[at(operand)]).is_shared) return false;
  int const other = i.operands[at(1 - operand)];
  bool const alone = program_.value(other).parameter >= 0 || !active_[at(other)];
  return alone && sum->read[operand].plain() && (operand == 0 ? sum->left : sum->right) == 1;
}

/// Goes through the operands that are left of an instruction until one is a parameter.
template <class T>
std::optional<ParameterUse<T>> Backward<T>::hand_on(Instruction const& i) {
  Batch<T const> const g = i.result == program_.output ? seed_ : Batch<T const>(cotangents_[at(i.result)].batch());
  if (g.data == nullptr) return std::nullopt;
  PrimitiveValues<T> const values = of_.values_at(i, operands_);
  while (operand_ < static_cast<int>(i.operands.size())) {
    int const operand = operand_++, number = i.operands[at(operand)];
    FiniteValue const& value = program_.value(number);
    if (!active_[at(number)]) continue;
    if (value.parameter >= 0)
      return ParameterUse<T>{value.parameter, &i, operand,
                             values,          g,  i.result == program_.output ? Numbers<T>() : cotangents_[at(i.result)]};
    Numbers<T>& target = cotangents_[at(number)];
    if (target.empty() && hands_on_whole(i, operand)) {
      target = cotangents_[at(i.result)];
      continue;
    }
    Into const into = target.empty() ? Into::replace : Into::add;
    if (target.empty()) target = Numbers<T>(g.copies, value.is_shared && samples_ == Samples::together ? 1 : of_.rows(), value.size);
    std::visit([&](auto const& p) { primitive::pull(p, values, operand, g, target.batch(), into); }, i.primitive);
  }
  return std::nullopt;
}

template <class T>
std::vector<Numbers<T>> Evaluation<T>::pull_parameters(Batch<T const> cotangent, Samples samples) const {
  std::vector<Numbers<T>> out(program_.parameters.size());
  int const rows = samples == Samples::together ? 1 : rows_;
  Backward<T> back(*this, cotangent, samples);
  while (auto const use = back.next()) {
    Numbers<T>& target = out[at(use->parameter)];
    Into const into = target.empty() ? Into::replace : Into::add;
    if (target.empty()) target = Numbers<T>(cotangent.copies, rows, program_.parameters[at(use->parameter)].size());
    use->pull(target.batch(), into);
  }
  for (std::size_t p = 0; p < out.size(); ++p)
    if (out[p].empty()) out[p] = zeros<T>(cotangent.copies, rows, program_.parameters[p].size());
  return out;
}

template <class T>
std::vector<Numbers<T>> Evaluation<T>::pull_inputs(Batch<T const> cotangent) const {
  Backward<T> back(*this, cotangent, Samples::together, Backward<T>::Wanted::inputs);
  back.next();  // to the end: no parameter is wanted
  std::vector<Numbers<T>> out;
  for (int const input : program_.inputs) {
    Numbers<T> each = back.cotangent_of(input);
    if (each.empty()) each = zeros<T>(cotangent.copies, rows_, program_.value(input).size);
    if (input == program_.output) std::copy_n(cotangent.data, cotangent.count(), each.batch().data);
    out.push_back(each);
  }
  return out;
}

template Numbers<double> shared_numbers(std::span<double const>);
template Numbers<float> shared_numbers(std::span<double const>);
template class ParameterArrays<double>;
template class ParameterArrays<float>;
template struct ParameterUse<double>;
template struct ParameterUse<float>;
template class Evaluation<double>;
template class Evaluation<float>;
template class Backward<double>;
template class Backward<float>;

}  // namespace infinitile
