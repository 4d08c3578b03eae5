#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What stands in an ONNX file, free of how it is stored.

namespace infinitile {

enum class NumberKind { floating, integer, truth };

/// An array whose numbers are known before any input is.
struct OnnxArray {
  NumberKind kind = NumberKind::floating;
  std::vector<long> shape{};
  std::vector<double> numbers{};  ///< row-major
  /// Entries that are multiples of the size of the batch, which is counted as 1; empty where none is.
  std::vector<bool> of_batch{};

  bool counts_batch(std::size_t i) const { return !of_batch.empty() && of_batch[i]; }
  /// The numbers as integers; those beyond ±2^62 (the format's "to the end") are cut to it.
  std::vector<long> integers() const;
};

struct OnnxAttribute {
  /// The last: of a kind that no operator here has, such as a graph.
  std::variant<double, long, std::string, std::vector<double>, std::vector<long>, OnnxArray, std::monostate> value;
};

struct OnnxNode {
  int number = 0;                            ///< place in the file, from 0
  std::string op;                            ///< "Conv"
  std::string name;                          ///< as the exporter gave it; may be empty
  std::vector<std::string> inputs, outputs;  ///< names of values; empty: left out
  std::map<std::string, OnnxAttribute> attributes;
};

/// An input or output of the graph.
struct OnnxPort {
  std::string name;
  NumberKind kind = NumberKind::floating;
  std::vector<std::optional<long>> shape;  ///< batch counted, nothing where an axis has any size
};

struct OnnxModel {
  std::string file;  ///< for messages
  long opset = 0;
  std::string producer;  ///< "pytorch 2.4.0"
  std::vector<OnnxNode> nodes;
  std::vector<std::pair<std::string, OnnxArray>> initializers;
  std::vector<OnnxPort> inputs, outputs;         ///< initializers are no inputs
  std::vector<std::string> parameters, buffers;  ///< initializers that PyTorch notes as such of the module

  /// "net.onnx: node 12 (Conv /features/Conv)", how messages about a node begin.
  std::string where(OnnxNode const& node) const;
};

/// The bytes of an ONNX file and of the files beside it that hold its larger tensors.
struct OnnxBytes {
  std::string model;
  std::map<std::string, std::string> others;  ///< by the name that the model gives them
};

/// Throws Error: no file, no ONNX, cut short, a file beside it that is missing.
OnnxBytes load_onnx(std::filesystem::path const& file);

/// `file` is for messages. Throws Error: damaged, no graph, an operator set or a type of numbers that is not read here.
OnnxModel read_onnx(OnnxBytes const& bytes, std::string const& file);

}  // namespace infinitile
