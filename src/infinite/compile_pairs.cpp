#include "infinite/compile_pairs.hpp"

#include <map>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "infinite/compile_positions.hpp"
#include "infinite/layer_rules.hpp"
#include "infinite/registers.hpp"

namespace infinitile {

namespace {

/// Walks the graph once, in order, and writes the steps.
class Compiler {
public:
  explicit Compiler(Network const& network)
      : network_(network), registers_(network), branches_(at(network.size())), merged_(branches_.size(), 0) {
    program_.inputs = network.inputs();
    program_.root_rows = 0;
    find_branches();
  }

  PairProgram compile() && {
    for (int n = 0; n < network_.size(); ++n)
      if (network_.is_needed(n)) place(n);
    Place const result = registers_.of(network_.output());
    program_.registers = registers_.count();
    program_.output_roots = result.slot;
    if (result.reg != 0) swap_registers(0, result.reg);
    return std::move(program_);
  }

private:
  /// A branch of a merging node.
  struct Branch {
    int node = 0;
    int number = 0;
  };

  /// Of which merging nodes, if the output needs them, each node is a branch.
  void find_branches() {
    for (int n = network_.size() - 1; n >= 0; --n) {
      auto const& inputs = network_.node(n).inputs;
      if (!network_.is_needed(n) || inputs.size() < 2) continue;
      for (int b = 0; b < static_cast<int>(inputs.size()); ++b) branches_[at(inputs[at(b)])].push_back({n, b});
    }
  }

  void place(int n) {
    Node const& node = network_.node(n);
    now_ = n;
    if (node.inputs.size() < 2) registers_.of(n) = std::visit([&](auto const& op) { return apply(op, node); }, node.op);
    // Sums, products and concatenations take a branch in as soon as it is there.
    for (Branch const branch : branches_[at(n)]) merge(branch.node, branch.number);
  }

  void merge(int m, int branch) {
    Node const& node = network_.node(m);
    now_ = m;
    int const from = node.inputs[at(branch)];
    double const weight = branch_weight(node, branch);
    if (merged_[at(m)]++ == 0) {
      registers_.of(m) = take(from);
      first_weight_[m] = weight;
      return;
    }
    Place& target = registers_.of(m);
    Place const source = registers_.of(from);
    Step step;
    step.kind = std::holds_alternative<Product>(node.op) ? Step::Kind::multiply : Step::Kind::add;
    step.target = target.reg;
    step.source = source.reg;
    step.before = target.slot;
    step.other = source.slot;
    step.after = program_.root_rows++;
    step.weight = std::exchange(first_weight_[m], 1.0);
    step.shift = weight;
    write(step);
    target.slot = step.after;
    registers_.release(from);
  }

  /// The share of one branch in k' = sum of share k: all of it in a sum, its part of the width in a concatenation.
  double branch_weight(Node const& node, int branch) const {
    if (!std::holds_alternative<Concat>(node.op)) return 1;
    return static_cast<double>(network_.node(node.inputs[at(branch)]).channels()) / static_cast<double>(node.channels());
  }

  // --- registers -------------------------------------------------------------------------------------------------------

  int new_register() {
    int const reg = registers_.open();
    if (reg >= PairProgram::most_registers)
      throw Error(text(network_.source(), ": the network keeps more than ", PairProgram::most_registers,
                       " branches open at once; nest branching layers less deeply."));
    return reg;
  }

  /// The value of a node, in a register that may be changed: its own where nobody reads it any more, a copy otherwise.
  Place take(int n) {
    Place const place = registers_.of(n);
    if (registers_.take_over(n)) return place;
    Step copy;
    copy.kind = Step::Kind::copy;
    copy.target = new_register();
    copy.source = place.reg;
    copy.before = copy.after = place.slot;
    program_.steps.push_back(copy);
    return {copy.target, place.slot};
  }

  void swap_registers(int a, int b) {
    for (Step& step : program_.steps)
      for (int* reg : {&step.target, &step.source})
        if (*reg == a || *reg == b) *reg = *reg == a ? b : a;
  }

  /// A step of the node at hand.
  void write(Step step) {
    step.node = now_;
    program_.steps.push_back(step);
  }

  /// A step in place on the only input of a node; `fill` writes what is special about it.
  template <class Fill>
  Place step_on(Node const& node, Step::Kind kind, Fill fill) {
    Place const place = take(node.inputs.front());
    Step step;
    step.kind = kind;
    step.target = place.reg;
    step.before = place.slot;
    step.after = program_.root_rows++;
    fill(step);
    write(step);
    return {place.reg, step.after};
  }

  // --- one overload per operation: an operation without one does not compile ---------------------------------------------

  Place apply(Input const& input, Node const&) {
    Step step;
    step.kind = Step::Kind::load;
    step.index = input.index;
    step.target = new_register();
    step.after = program_.root_rows++;
    write(step);
    return {step.target, step.after};
  }

  Place apply(Dense const& dense, Node const& node) {
    Node const& input = network_.node(node.inputs.front());
    return step_on(node, Step::Kind::dense, [&](Step& step) { fill_weights(step, dense, static_cast<double>(input.channels())); });
  }

  Place apply(Activation const& activation, Node const& node) {
    return step_on(node, Step::Kind::activate, [&](Step& step) {
      step.index = static_cast<int>(program_.activations.size());
      program_.activations.push_back(activation_of(network_, node, activation));
    });
  }

  Place apply(LayerNorm const& norm, Node const& node) {
    return step_on(node, Step::Kind::normalize, [&](Step& step) {
      step.index = static_cast<int>(program_.layer_norm_eps.size());
      program_.layer_norm_eps.push_back(norm.eps);
      step.other = program_.root_rows++;  // the factors 1 / √(q + eps)
    });
  }

  Place apply(Dropout const& dropout, Node const& node) {
    if (dropout.mode == Mode::test) return take(node.inputs.front());
    return step_on(node, Step::Kind::drop, [&](Step& step) { step.weight = dropout.rate; });
  }

  /// The correlations of the inputs are taken over all their numbers, so flattening an input is already done.
  Place apply(Flatten const&, Node const& node) { return take(node.inputs.front()); }
  Place apply(Identity const&, Node const& node) { return take(node.inputs.front()); }

  // With one branch there is nothing to merge.
  Place apply(Sum const&, Node const& node) { return take(node.inputs.front()); }
  Place apply(Product const&, Node const& node) { return take(node.inputs.front()); }
  Place apply(Concat const&, Node const& node) { return take(node.inputs.front()); }

  /// Networks with one of these are position programs.
  template <ActsOnPositions Op>
  Place apply(Op const&, Node const&) {
    INFINITILE_EXPECT(!"a layer that acts on positions in a pair program");
    return {};
  }

  Network const& network_;
  PairProgram program_;
  int now_ = 0;  ///< the node whose steps are being written
  Registers registers_;
  std::vector<std::vector<Branch>> branches_;
  std::vector<int> merged_;             ///< branches that a merging node has taken in
  std::map<int, double> first_weight_;  ///< of the branch that a merging node started with
};

}  // namespace

PairProgram compile_pair_program(Network const& network) {
  INFINITILE_EXPECT(!acts_on_positions(network));
  return Compiler(network).compile();
}

}  // namespace infinitile
