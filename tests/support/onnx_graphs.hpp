#pragma once

// ONNX graphs of few nodes, written in a test and run.
#include <map>

#include "finite/evaluation.hpp"
#include "onnx/import.hpp"
#include "support/catch.hpp"

namespace infinitile::onnx_graphs {

using Attributes = std::map<std::string, OnnxAttribute>;
using Arrays = std::map<std::string, OnnxArray>;
using Vector = std::vector<double>;
using Shape = std::vector<long>;

inline OnnxArray integers(std::vector<double> const& numbers) {
  return {NumberKind::integer, {std::ssize(numbers)}, numbers};
}

inline OnnxModel graph(std::vector<OnnxNode> nodes, Arrays const& initializers, std::vector<std::optional<long>> const& input,
                       long opset = 18) {
  OnnxModel model;
  model.file = "test.onnx";
  model.opset = opset;
  for (OnnxNode& node : nodes) {
    node.number = static_cast<int>(std::ssize(model.nodes));
    model.nodes.push_back(std::move(node));
  }
  for (auto const& [name, array] : initializers) model.initializers.emplace_back(name, array);
  model.inputs = {{"x", NumberKind::floating, input}};
  model.outputs = {{"y", NumberKind::floating, {}}};
  return model;
}

/// y of each sample; x holds the samples one after the other.
struct Result {
  Shape shape;
  Vector numbers;
};
inline Result run(OnnxModel const& model, Vector const& x) {
  OnnxNetwork const network = import_onnx(model, {});
  long size = 1;
  for (long const each : network.inputs[0].shape) size *= each;
  Batch<double const> const input(x.data(), 1, static_cast<int>(std::ssize(x) / size), size);
  ParameterArrays<double> const parameters(network.values);
  Evaluation<double> const at(network.program, parameters.batches(), {&input, 1}, Evaluation<double>::Keep::nothing);
  return {network.program.output_shape, {at.output().data, at.output().data + at.output().count()}};
}

inline OnnxNode node(std::string op, std::vector<std::string> inputs = {"x"}, Attributes attributes = {}, std::string output = "y") {
  return {0, std::move(op), "", std::move(inputs), {std::move(output)}, std::move(attributes)};
}

/// One node, on samples of a shape.
inline Result run(OnnxNode const& one, Arrays const& initializers, Shape const& shape, Vector const& x, long opset = 18) {
  std::vector<std::optional<long>> input{std::nullopt};
  input.insert(input.end(), shape.begin(), shape.end());
  return run(graph({one}, initializers, input, opset), x);
}

inline void near(Vector const& found, Vector const& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-13).margin(1e-14));
  }
}

inline Vector const samples{-2.5, -0.75, 0, 0.3, 1.25, 4};

}  // namespace infinitile::onnx_graphs
