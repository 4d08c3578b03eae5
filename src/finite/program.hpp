#pragma once

#include <variant>
#include <vector>

#include "finite/parameters.hpp"
#include "kernels/primitive_convolve.hpp"
#include "kernels/primitive_elementwise.hpp"
#include "kernels/primitive_lookup.hpp"
#include "kernels/primitive_normalize.hpp"
#include "kernels/primitive_pointwise.hpp"
#include "kernels/primitive_positions.hpp"
#include "kernels/primitive_product.hpp"

namespace infinitile {

/// All that a finite network can do to numbers. A new one is a struct in kernels/primitive_*.hpp and a row here; then
/// tests/finite_primitives_test wants a case of it.
using Primitive = std::variant<primitive::MatrixProduct, primitive::Convolve, primitive::Add, primitive::Multiply, primitive::Activate,
                               primitive::Read, primitive::Mix, primitive::Join, primitive::Normalize, primitive::Softmax,
                               primitive::Pointwise, primitive::Select, primitive::Largest, primitive::Lookup>;

struct Instruction {
  Primitive primitive;
  std::vector<int> operands;  ///< numbers of values
  int result = 0;
};

/// One value: an input, a parameter, a constant, or the result of one instruction.
struct FiniteValue {
  long size = 0;           ///< numbers of one sample
  bool is_shared = false;  ///< a parameter, a constant, or a function of those alone: the same for all samples
  int parameter = -1;      ///< the number of the parameter that it is
};

/// A finite network as straight-line code: each instruction makes one value out of earlier ones. Whoever writes it, from the network
/// language or from a foreign format, goes through ProgramBuilder.
struct FiniteProgram {
  /// Numbers that are neither given nor trained.
  struct Constant {
    int value = 0;
    std::vector<double> numbers;
  };

  std::vector<FiniteValue> values;
  std::vector<int> inputs;  ///< their values
  std::vector<ParameterSpec> parameters;
  std::vector<int> parameter_values;  ///< of each parameter, its value
  std::vector<Constant> constants;
  std::vector<Instruction> instructions;
  int output = 0;
  std::vector<long> output_shape;  ///< of one sample

  FiniteValue const& value(int v) const { return values[static_cast<std::size_t>(v)]; }
};

}  // namespace infinitile
