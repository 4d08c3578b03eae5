#pragma once

#include "kernels/position_step.hpp"
#include "kernels/position_table.hpp"

namespace infinitile {

/// Which pairs are in hand, input `row` with inputs `col`, `col` + 1, ... of one block, and what the table knows of them: what both paths read.
struct PairPlace {
  PositionTable const& table;
  long row = 0, col = 0;

  template <class R>
  position_step::Sides<R> sides(int slot) const {
    InputLines<R> const& roots = table.roots_in<R>(slot);
    return {roots.at(0, row), roots.at(0, col)};
  }
  /// Which positions are there; rows are null where all are.
  position_step::Sides<double> there(PositionStep const& s) const {
    if (s.mask < 0) return {};
    InputLines<double> const& mask = table.there[static_cast<std::size_t>(s.mask)];
    return {mask.at(0, row), mask.at(0, col)};
  }
  position_step::Features features(PositionStep const& s) const {
    InputLines<double> const& known = table.features[static_cast<std::size_t>(s.index)];
    if (known.lines() == 0) return {};
    return {known.at(0, row), known.at(0, col), s.out_positions};
  }
  position_step::InputColumns input(PositionStep const& s) const {
    auto const n = static_cast<std::size_t>(s.index);
    return {table.inputs[n].at(0, row), table.inputs[n].at(0, col), table.channels[n]};
  }
};

namespace position_step {

/// The steps that act on each entry by itself; nothing for the others. `source` is read by add and multiply alone.
template <int L, class R, class Entries>
void run_pointwise(PositionStep const& s, PairPlace const& at, Entries const& entries, Value<R> target, Value<R> source) {
  using Kind = PositionStep::Kind;
  switch (s.kind) {
    case Kind::load:
      load<L>(entries, at.input(s), target);
      break;
    case Kind::dense:
      dense<L>(s, entries, at.sides<R>(s.before), at.sides<R>(s.after), target);
      break;
    case Kind::activate:
      activate<L>(entries, at.table.activations[static_cast<std::size_t>(s.index)], at.features(s), at.sides<double>(s.before),
                  at.sides<double>(s.after), target);
      break;
    case Kind::conceal:
      conceal<L>(entries, at.there(s), at.sides<R>(s.after), target);
      break;
    case Kind::share:
    case Kind::normalize:
      normalize<L>(entries, at.sides<R>(s.before), at.sides<R>(s.other), at.sides<R>(s.after), target);
      break;
    case Kind::drop:
      drop<L>(entries, at.sides<R>(s.before), at.sides<R>(s.after), target);
      break;
    case Kind::add:
      add<L>(s, entries, target, source);
      break;
    case Kind::multiply:
      multiply<L>(entries, at.sides<R>(s.before), at.sides<R>(s.other), target, source);
      break;
    case Kind::copy: {
      long const numbers = entries.cells() * L;
      std::copy(source.h, source.h + numbers, target.h);
      if (target.ntk != nullptr) std::copy(source.ntk, source.ntk + numbers, target.ntk);
      break;
    }
    case Kind::mix:
    case Kind::widen:
    case Kind::attend:
    case Kind::aggregate:
      break;
  }
}

}  // namespace position_step
}  // namespace infinitile
