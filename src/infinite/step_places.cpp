#include "infinite/step_places.hpp"

#include "base/error.hpp"
#include "base/index.hpp"

namespace infinitile {

namespace {

/// Does a node with one input do nothing to a pair of inputs?
bool is_idle(Op const& op) {
  Dropout const* const dropout = std::get_if<Dropout>(&op);
  return (dropout != nullptr && dropout->mode == Mode::test)
         || std::visit([]<class Operation>(Operation const&) { return is_one_of<Operation, Flatten, Identity, Sum, Product, Concat>; }, op);
}

/// Per node: the merging nodes that it ends a branch of, in the order in which they take it in.
std::vector<std::vector<int>> find_merges(Network const& network) {
  std::vector<std::vector<int>> out(at(network.size()));
  for (int m = network.size() - 1; m >= 0; --m)
    if (network.is_needed(m) && network.node(m).inputs.size() > 1)
      for (int const branch : network.node(m).inputs) out[at(branch)].push_back(m);
  return out;
}

/// The nodes that compile_pair_program writes steps for, one after the other: a merging node has a step for each branch but its first.
std::vector<int> nodes_in_order(Network const& network) {
  std::vector<std::vector<int>> const merges = find_merges(network);
  std::vector<bool> begun(merges.size(), false);
  std::vector<int> out;
  for (int n = 0; n < network.size(); ++n) {
    if (!network.is_needed(n)) continue;
    if (network.node(n).inputs.size() < 2 && !is_idle(network.node(n).op)) out.push_back(n);
    for (int const m : merges[at(n)]) {
      if (begun[at(m)]) out.push_back(m);
      begun[at(m)] = true;
    }
  }
  return out;
}

}  // namespace

std::vector<int> nodes_of_steps(Network const& network, PairProgram const& program) {
  std::vector<int> const nodes = nodes_in_order(network);
  std::vector<int> out;
  std::size_t next = 0;
  for (Step const& step : program.steps) out.push_back(step.kind == Step::Kind::copy ? -1 : nodes.at(next++));
  INFINITILE_EXPECT(next == nodes.size());
  return out;
}

std::vector<int> nodes_of_steps(Network const&, PositionProgram const& program) {
  std::vector<int> out;
  for (PositionStep const& step : program.steps) out.push_back(step.node);
  return out;
}

}  // namespace infinitile
