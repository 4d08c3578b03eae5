#include "job/inspect_onnx.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/ntk_ways.hpp"
#include "job/onnx_reading.hpp"

namespace infinitile {

namespace {

using Row = std::array<std::string, 6>;

std::string sizes(std::vector<long> const& shape) {
  return shape.empty() ? "1" : fmt::format("{}", fmt::join(shape, " x "));
}

/// Columns as wide as their widest entry, two blanks between them; numbers end at one place.
std::string table_of(std::vector<Row> const& rows) {
  std::array<std::size_t, 6> width{};
  for (Row const& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string out;
  for (Row const& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += c == 4 ? fmt::format("{:>{}}  ", row[c], width[c]) : fmt::format("{:<{}}  ", row[c], width[c]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

}  // namespace

std::string describe_onnx(OnnxNetwork const& network, KernelAxes const& axes, NtkMethod method, int side) {
  FiniteProgram const& program = network.program;
  BlockSize const block{KernelLayout(program.output_shape, axes).split(), side, side, BlockSize::Sides::two};
  std::vector<TermWay> const ways = find_ways(program, block, method);
  std::vector<Row> rows{{"node", "operator", "shape", "parameter", "numbers", "method"}};
  for (OnnxInput const& input : network.inputs)
    rows.push_back(
        {"input", one_line(input.name) + (input.kind == NumberKind::floating ? "" : " (integers)"), sizes(input.shape), "", "", ""});
  std::vector<bool> listed(network.parameters.size(), false);
  for (OnnxLayer const& layer : network.layers) {
    rows.push_back({text(layer.number), layer.op, sizes(layer.shape), "", "", ""});
    bool first = true;
    for (int const p : layer.parameters) {
      if (!first) rows.push_back({});
      first = false;
      bool const again = listed[at(p)];
      listed[at(p)] = true;
      rows.back()[3] = one_line(network.parameters[at(p)].name);
      rows.back()[4] = again ? "again" : text(program.parameters[at(p)].size());
      rows.back()[5] = again ? "" : std::string(name_of(ways[at(p)]));
    }
  }
  long count = 0;
  for (ParameterSpec const& spec : program.parameters) count += spec.size();
  std::string out = table_of(rows) + "\n";
  std::size_t const parameters = network.parameters.size();
  out += fmt::format("{} parameter{} with {} number{}: all float initializers{}\n", parameters, parameters == 1 ? "" : "s", count,
                     count == 1 ? "" : "s", network.fixed.empty() ? "" : " but those below");
  if (std::string const doubts = doubts_about(network); !doubts.empty()) out += doubts + "\n";
  for (std::string const& name : network.fixed) out += text("constant: ", one_line(name), "\n");
  out += fmt::format("{} nodes computed shapes and constants\n", network.folded);
  out += fmt::format("opset {}{}{}\n", network.opset, network.producer.empty() ? "" : ", written by ", one_line(network.producer));
  return out;
}

}  // namespace infinitile
