#include "onnx/constant_nodes.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "finite/evaluation.hpp"

namespace infinitile {

namespace {

/// Without a look at the batch's size.
std::vector<OnnxArray> run_on_constants(NodeContext const& node, std::vector<OnnxArray> const& operands, Operator apply) {
  std::vector<GraphValue> const values(operands.begin(), operands.end());
  std::vector<GraphValue const*> places;
  for (int i = 0; i < node.count(); ++i) places.push_back(node.has(i) ? &values[at(i)] : nullptr);
  std::vector<OnnxArray> out;
  for (std::size_t i = 0;; ++i) {
    ProgramBuilder builder;
    GraphValues const results = apply(NodeContext(builder, node.model(), node.node(), places));
    if (i >= results.size()) break;
    auto const* const known = std::get_if<OnnxArray>(&results[i]);
    if (known != nullptr) {
      out.push_back(*known);
      continue;
    }
    auto const& tensor = std::get<GraphTensor>(results[i]);
    Tensor const numbers = plain(builder, tensor);
    FiniteProgram const program = std::move(builder).finish(numbers);
    Evaluation<double> const result(program, {}, {}, Evaluation<double>::Keep::nothing);
    out.push_back({tensor.kind, numbers.shape, {result.output().data, result.output().data + result.output().size}});
  }
  return out;
}

}  // namespace

GraphValues compute_constants(NodeContext const& node, Operator apply) {
  std::vector<OnnxArray> values, places;
  bool counts = false;
  for (int i = 0; i < node.count(); ++i) {
    OnnxArray const array = node.has(i) ? std::get<OnnxArray>(node.value(i)) : OnnxArray{};
    bool const is_moved = i == 0 || node.node().op == "Concat";
    values.push_back({array.kind, array.shape, array.numbers});
    places.push_back(values.back());
    for (std::size_t n = 0; is_moved && n < array.numbers.size(); ++n) places.back().numbers[n] = array.counts_batch(n) ? 1 : 0;
    counts = counts || std::ranges::find(array.of_batch, true) != array.of_batch.end();
  }
  std::vector<OnnxArray> results = run_on_constants(node, values, apply);
  if (counts) {
    std::vector<OnnxArray> const found = run_on_constants(node, places, apply);
    for (std::size_t r = 0; r < results.size(); ++r)
      for (double const number : found[r].numbers) results[r].of_batch.push_back(number != 0);
  }
  return {results.begin(), results.end()};
}

}  // namespace infinitile
