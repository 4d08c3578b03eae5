#include "job/inspect_finite.hpp"

#include <map>

#include <fmt/format.h>

#include "base/index.hpp"
#include "base/text.hpp"
#include "finite/ntk_ways.hpp"

namespace infinitile {

namespace {

bool has_derivatives(FiniteReading const& reading) {
  return reading.get == EmpiricalKernel<double>::Get::nngp_and_ntk;
}

}  // namespace

std::vector<std::string> ways_in_words(Network const& network, FiniteReading const& reading, int side) {
  std::vector<std::string> out(at(network.size()));
  if (!has_derivatives(reading)) return out;
  BlockSize const block{reading.layout().split(), side, side, BlockSize::Sides::two};
  std::vector<TermWay> const ways = find_ways(reading.program, block, reading.method);
  std::map<std::string, TermWay> by_path;
  for (std::size_t p = 0; p < ways.size(); ++p) by_path[reading.program.parameters[p].path] = ways[p];
  for (int n = 0; n < network.size(); ++n) {
    if (!network.is_needed(n)) continue;
    std::vector<std::string> words, names;
    for (ParameterSpec const& spec : parameters_of(network, network.node(n))) {
      names.emplace_back(name_of(by_path.at(spec.path)));
      words.push_back(text(spec.path.substr(spec.path.rfind('/') + 1), " ", names.back()));
    }
    bool const alike = std::ranges::adjacent_find(names, std::not_equal_to<>()) == names.end();
    if (!names.empty()) out[at(n)] = alike ? names.front() : join(words, ", ", ", ");
  }
  return out;
}

std::string cost_in_words(FiniteReading const& reading, int side, Precision precision, std::string_view init) {
  FiniteCost const cost = cost_of(reading, side);
  KeptAxes const axes = reading.kept();
  std::vector<std::string> kept;
  for (KeptAxis const& axis : axes.axes()) kept.push_back(text(axis.size));
  return fmt::format("finite network: {} parameters{}; {} flops per pair of inputs in tiles of {} x {}, {} in hand{}\n",
                     reading.parameter_count(), init.empty() ? "" : text(", init ", init), format_count(cost.pair_flops), side, side,
                     format_bytes(bytes_of(precision) * cost.numbers),
                     kept.empty() ? "" : text("; each pair has ", join(kept, " x ", " x "), " numbers"));
}

}  // namespace infinitile
