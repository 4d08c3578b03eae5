#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "onnx/graph_tensor.hpp"
#include "onnx/model.hpp"

namespace infinitile {

/// A value of the graph: numbers that are known, or a value of the program.
using GraphValue = std::variant<OnnxArray, GraphTensor>;

/// One node while it is written into a program: its operands, its attributes, and how its errors begin.
class NodeContext {
public:
  /// `operands`: null where one is left out.
  NodeContext(ProgramBuilder& builder, OnnxModel const& model, OnnxNode const& node, std::vector<GraphValue const*> operands)
      : builder_(builder), model_(model), node_(node), operands_(std::move(operands)) {}

  ProgramBuilder& builder() const { return builder_; }
  OnnxModel const& model() const { return model_; }
  OnnxNode const& node() const { return node_; }
  long opset() const { return model_.opset; }

  int count() const { return static_cast<int>(operands_.size()); }
  bool has(int i) const { return i < count() && operands_[static_cast<std::size_t>(i)] != nullptr; }
  GraphValue const& value(int i) const;
  bool is_known(int i) const { return has(i) && std::holds_alternative<OnnxArray>(value(i)); }
  /// The numbers of an operand that has to be known, such as "axes".
  OnnxArray const& known(int i, std::string_view role) const;
  /// Its first number, where one is needed, such as "the axis".
  double known_number(int i, std::string_view role) const;
  long known_integer(int i, std::string_view role) const;
  /// An operand as a value of the program; known numbers become a constant.
  GraphTensor tensor(int i) const;
  std::vector<long> shape(int i) const;

  // Attributes; the default where one is left out.
  bool has_attribute(std::string const& name) const { return node_.attributes.contains(name); }
  double number(std::string const& name, double standard) const;
  long integer(std::string const& name, long standard) const;
  std::vector<long> integers(std::string const& name, std::vector<long> standard = {}) const;
  std::string word(std::string const& name, std::string standard) const;
  /// A list that is an operand in newer operator sets and an attribute in older ones; nothing where it is left out.
  std::optional<std::vector<long>> integers(int operand, std::string const& name) const;

  /// From 0, where negative numbers count from the end.
  int axis(long number, int rank) const;
  /// The same for an entry of an axis of that size.
  long entry(long number, long axis, long size) const;
  /// Refuses results that no sample has.
  void expect_size(double numbers) const;
  /// `deed`: what the node does along the axis, such as "sums over".
  void expect_apart(GraphTensor const& x, int axis, std::string_view deed) const;
  [[noreturn]] void fail(std::string const& what) const;
  [[noreturn]] void fail_mixing(std::string const& how) const;

private:
  template <class T>
  T const* attribute(std::string const& name) const;

  ProgramBuilder& builder_;
  OnnxModel const& model_;
  OnnxNode const& node_;
  std::vector<GraphValue const*> operands_;
};

std::vector<long> shape_of(GraphValue const& value);
/// "(3, 8, 8)".
std::string shape_words(std::vector<long> const& shape);

}  // namespace infinitile
