#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finite/program.hpp"
#include "onnx/model.hpp"

namespace infinitile {

/// How a network is taken out of a file.
struct OnnxChoice {
  std::vector<std::vector<long>> input_shapes;  ///< of one sample, one per input; empty: as the file says
  std::vector<std::string> skip;                ///< initializers that are no parameters
  std::optional<int> output;                    ///< which, of several
};

/// An initializer that is a parameter.
struct OnnxParameter {
  std::string name;
  std::vector<long> shape;
  std::vector<int> order;  ///< axis a of the file is axis order[a] in the program

  /// Numbers as the file has them, as the program wants them.
  std::vector<double> stored(std::vector<double> const& numbers) const;
  /// The other way.
  std::vector<double> as_in_file(std::vector<double> const& numbers) const;
  /// Its path in a file of parameters: the name without the steps that HDF5 drops, empty ones and ".".
  std::string path() const;

private:
  std::vector<std::size_t> places() const;  ///< of each number of the file, where the program has it
};

/// An input of the network: what one sample of it is.
struct OnnxInput {
  std::string name;
  std::vector<long> shape;
  NumberKind kind = NumberKind::floating;
  /// Where it is looked up in tables, the smallest of them.
  std::optional<long> entries{};
};

/// A node that computes with inputs, as a reader sees it.
struct OnnxLayer {
  int number = 0;
  std::string op, name;
  std::vector<long> shape;        ///< of its first result for one sample
  std::vector<int> parameters{};  ///< that it reads itself
};

/// A network from an ONNX file: the program of one sample, and what its parameters are.
struct OnnxNetwork {
  std::string file, producer;
  long opset = 0;
  FiniteProgram program;  ///< paths of parameters are names of initializers
  ParameterValues values;
  std::vector<OnnxParameter> parameters;  ///< in the order of the program's
  std::vector<OnnxInput> inputs;
  std::vector<OnnxLayer> layers;
  int folded = 0;                  ///< nodes that were constants
  std::vector<std::string> fixed;  ///< float initializers that are no parameters, with the reason
  /// Parameters that may be constants of whoever wrote the file: single numbers, and buffers of PyTorch.
  std::vector<std::string> doubtful;
};

/// Throws Error of one line that names file and node: an operator that is not supported, shapes that do not fit, samples that would mix.
OnnxNetwork import_onnx(OnnxModel const& model, OnnxChoice const& choice);

}  // namespace infinitile
