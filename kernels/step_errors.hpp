#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/activation.hpp"

// What goes wrong with the numbers of a step, told of its layer. `where` is what messages call each step of a program (PairProgram::where);
// where it is empty the step has its number alone.

namespace infinitile {

inline std::string place_of_step(std::vector<std::string> const& where, std::size_t step) {
  return where.empty() ? text("step ", step, " of the network") : where[step];
}

/// Ends a run whose numbers overflow. `what` of a row: the kernel, the variance.
[[noreturn]] inline void refuse_overflow(std::vector<std::string> const& where, std::size_t step, std::string_view what, long row) {
  throw NumericalAnswer(text(place_of_step(where, step), ": ", what, " of row ", row,
                             " (train rows first, counted from 0) leaves the range of the numbers here. Scale the inputs (data.scale) or "
                             "the weights (w_std) down."));
}

/// prepare() for the activation of a step.
inline PreparedActivation prepare_step_activation(std::vector<std::string> const& where, std::size_t step, AnyActivation const& activation,
                                                  double q_min, double q_max) {
  try {
    return prepare(activation, q_min, q_max);
  } catch (Error const& error) {
    throw Error(text(place_of_step(where, step), ": ", error.what()), error.code());
  }
}

}  // namespace infinitile
