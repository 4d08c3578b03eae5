// Which layer each step of a program belongs to, by what only that layer can have written.
#include "infinite/step_places.hpp"

#include <map>

#include "infinite/compile_pairs.hpp"
#include "infinite/program.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

Network network_of(std::string const& words, std::vector<std::vector<long>> const& shapes = {{6}}) {
  return read_network(parse_yaml(words, "net.yaml"), ReadContext{"net.yaml", "", shapes, activation_signatures()});
}

Step::Kind kind_of(Op const& op) {
  using Kind = Step::Kind;
  return std::visit(
      Overloaded{[](Input const&) { return Kind::load; }, [](Dense const&) { return Kind::dense; },
                 [](Activation const&) { return Kind::activate; }, [](LayerNorm const&) { return Kind::normalize; },
                 [](Dropout const&) { return Kind::drop; }, [](Sum const&) { return Kind::add; }, [](Concat const&) { return Kind::add; },
                 [](Product const&) { return Kind::multiply; }, [](auto const&) { return Kind::copy; }},
      op);
}

}  // namespace

/// Each dense layer has a w_std of its own, and a merging layer has a step for each branch but one.
TEST_CASE("every step of a pair program is told by its layer", "[step_places]") {
  std::string const words = GENERATE(
      "[dense: {w_std: 2}, relu, dense: {w_std: 3}]", "[flatten, {dropout: {rate: 0.5, mode: test}}, dense, layer_norm, identity, erf]",
      "[dense, sum: [[], [relu, dense: {w_std: 2}, product: [[relu], [], [erf]], dense: {w_std: 3}], [sum: [[dense: {w_std: 4}], []]]], "
      "relu]",
      "[sum: [[sum: [[sum: [[dense: {w_std: 2}], [dense: {w_std: 3}]]], [product: [[dense: {w_std: 4}], []], dense: {w_std: 5}]]], "
      "[dense: {w_std: 6}]], concat: {branches: [[dense: {w_std: 7}], [], [{dropout: {rate: 0.5}}]]}, dense: {w_std: 8}]",
      "[dense, sum: [[], [], [product: [[], []], dense: {w_std: 2}]]]",
      "[dense, parallel: [[], [relu]], parallel: [[product: [[], [dense: {w_std: 2}]], dense: {w_std: 3}], [dense: {w_std: 4}]], "
      "sum: [[], [sum: [[], [dense: {w_std: 5}]]]]]");
  CAPTURE(words);
  Network const network = network_of(words);
  PairProgram const program = compile_pair_program(network);
  std::vector<int> nodes;
  for (Step const& step : program.steps) nodes.push_back(step.node);
  REQUIRE(nodes.size() == program.steps.size());
  std::map<int, std::size_t> steps;
  for (std::size_t s = 0; s < nodes.size(); ++s) {
    Step const& step = program.steps[s];
    CAPTURE(s);
    CHECK((nodes[s] < 0) == (step.kind == Step::Kind::copy));
    if (nodes[s] < 0) continue;
    Node const& node = network.node(nodes[s]);
    ++steps[nodes[s]];
    CHECK(step.kind == kind_of(node.op));
    if (auto const* dense = std::get_if<Dense>(&node.op)) CHECK(step.weight == dense->w_std * dense->w_std);
  }
  for (auto const& [n, count] : steps) {
    CAPTURE(n);
    CHECK(count == std::max<std::size_t>(network.node(n).inputs.size(), 2) - 1);
  }
}

TEST_CASE("steps of both kinds of programs have the words of their layers", "[step_places]") {
  PairProgram const pairs = std::get<PairProgram>(compile_infinite(network_of("- dense\n- sum:\n  - []\n  - [relu, dense]\n")));
  CHECK(pairs.where
        == std::vector<std::string>{"net.yaml: input", "net.yaml:1: layer 0 (dense)", "net.yaml", "net.yaml:4: layer 1/1/0 (relu)",
                                    "net.yaml:4: layer 1/1/1 (dense)", "net.yaml:2: layer 1 (sum)"});
  PositionProgram const positions =
      std::get<PositionProgram>(compile_infinite(network_of("- conv: {filter_shape: [2]}\n- erf\n- flatten\n", {{3, 2}})));
  CHECK(positions.where
        == std::vector<std::string>{"net.yaml: input", "net.yaml:1: layer 0 (conv)", "net.yaml:1: layer 0 (conv)",
                                    "net.yaml:2: layer 1 (erf)", "net.yaml:3: layer 2 (flatten)"});
}
