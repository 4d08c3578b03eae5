#pragma once

#include <vector>

#include "infinite/position_maps.hpp"
#include "infinite/position_needs.hpp"
#include "infinite/registers.hpp"
#include "kernels/position_program.hpp"
#include "net/network.hpp"

namespace infinitile {

/// A position program being written: its registers and slots, and the steps so far.
class PositionSteps {
protected:
  explicit PositionSteps(Network const& network)
      : network_(network), maps_(find_maps(network)), needs_(find_needs(network, maps_)), registers_(network) {
    for (int i = 0; i < network.inputs(); ++i) {
      std::span<long const> const sizes = network.node(i).sizes();
      program_.input_sizes.emplace_back(sizes.begin(), sizes.end());
    }
  }

  Node const& input_of(int n) const { return network_.node(network_.node(n).inputs.front()); }
  static int positions_of(Node const& node) { return static_cast<int>(node.positions()); }

  int new_slot(Node const& node) {
    program_.slots.push_back(positions_of(node));
    return static_cast<int>(program_.slots.size()) - 1;
  }

  Spread pairs(int n) const { return needs_.pairs[at(n)]; }
  Spread variances(int n) const { return needs_.variances[at(n)].value_or(Spread::diagonal); }

  /// A step whose result belongs to node n.
  PositionStep step_for(int n, PositionStep::Kind kind) const {
    PositionStep step;
    step.kind = kind;
    step.node = n;
    step.in_positions = step.out_positions = positions_of(network_.node(n));
    step.pairs = {pairs(n), pairs(n)};
    step.variances = {variances(n), variances(n)};
    step.late = !needs_.variances[at(n)].has_value();
    return step;
  }

  /// The value of node `from` in a register that may be changed, with what `n` needs of it: its own where nobody reads it any more.
  Place take(int from, int n) {
    Place const place = registers_.of(from);
    bool const fits = pairs(from) == pairs(n) && (!needs_.variances[at(n)] || variances(from) == variances(n));
    if (fits && registers_.take_over(from)) return place;
    PositionStep step = step_for(n, fits ? PositionStep::Kind::copy : PositionStep::Kind::mix);
    if (!fits) {  // the diagonal of all pairs
      step.index = static_cast<int>(program_.maps.size());
      program_.maps.push_back(identity_map(network_.node(from).positions()));
    }
    step.in_positions = step.out_positions = positions_of(network_.node(from));
    step.pairs.in = pairs(from);
    step.variances.in = variances(from);
    step.late = !needs_.variances[at(from)].has_value();
    step.source = place.reg;
    step.before = step.after = place.slot;
    step.target = registers_.open();
    program_.steps.push_back(step);
    if (!fits) registers_.release(from);
    return {step.target, place.slot};
  }

  /// A step in place; `fill` writes what is special about it.
  template <class Fill>
  Place in_place(int n, Place place, PositionStep::Kind kind, Fill fill) {
    PositionStep step = step_for(n, kind);
    step.target = place.reg;
    step.before = place.slot;
    step.after = new_slot(network_.node(n));
    fill(step);
    program_.steps.push_back(step);
    return {place.reg, step.after};
  }

  template <class Fill>
  Place on_input(int n, PositionStep::Kind kind, Fill fill) {
    return in_place(n, take(network_.node(n).inputs.front(), n), kind, fill);
  }

  /// From one register to another, by a map. A general map leaves the covariance in its source, so others need a copy of their own.
  Place mix(int from, int n, PositionMap map, Spread pairs_out, Spread variances_out) {
    Place place = registers_.of(from);
    bool const own_copy = !map.is_selection() && registers_.readers(from) > 1;
    if (own_copy) place = take(from, from);
    PositionStep step = step_for(n, PositionStep::Kind::mix);
    step.index = static_cast<int>(program_.maps.size());
    step.in_positions = map.in_positions;
    step.out_positions = map.out_positions;
    step.pairs = {pairs(from), pairs_out};
    step.variances = {variances(from), variances_out};
    step.source = place.reg;
    step.target = registers_.open();
    step.before = place.slot;
    program_.slots.push_back(map.out_positions);
    step.after = static_cast<int>(program_.slots.size()) - 1;
    program_.maps.push_back(std::move(map));
    program_.steps.push_back(step);
    if (own_copy) {
      registers_.close(place.reg);
    } else {
      registers_.release(from);
    }
    return {step.target, step.after};
  }

  Place mix_by_own_map(int n) { return mix(network_.node(n).inputs.front(), n, *maps_[at(n)], pairs(n), variances(n)); }

  Network const& network_;
  std::vector<std::optional<PositionMap>> maps_;
  PositionNeeds needs_;
  PositionProgram program_;
  Registers registers_;
};

}  // namespace infinitile
