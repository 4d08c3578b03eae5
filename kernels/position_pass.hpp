#pragma once

#include <vector>

#include "kernels/position_mix.hpp"
#include "kernels/position_place.hpp"

namespace infinitile {

/// One row input against L columns, layer by layer. Holds the registers; used again for other rows and columns.
template <int L>
class PositionPass {
public:
  enum class Of { pairs, variances };
  using Value = position_step::Value<double>;

  /// `with_ntk`: the tangent kernel too. `first`: the first step that it will run; if it is not 0, its source has one position.
  PositionPass(PositionProgram const& program, PositionTable const& table, Of of, bool with_ntk, std::size_t first = 0)
      : program_(program), place_{table}, of_(of), with_ntk_(with_ntk), registers_(static_cast<std::size_t>(program.registers)) {
    std::vector<long> most(registers_.size(), 1);
    long most_room = 0;
    for (std::size_t n = first; n < program.steps.size(); ++n) {
      PositionStep const& s = program.steps[n];
      long const in = before(s).count(), out = after(s).count();
      long& here = most[static_cast<std::size_t>(s.target)];
      here = std::max(here, out);
      if (s.source >= 0) most[static_cast<std::size_t>(s.source)] = std::max(most[static_cast<std::size_t>(s.source)], in);
      if (leaves_covariance(s) && s.kind == PositionStep::Kind::mix)
        most_room = std::max(most_room, static_cast<long>(s.in_positions) * s.out_positions);
      if (s.kind == PositionStep::Kind::attend) most_room = std::max(most_room, 2 * out);
      if (s.kind == PositionStep::Kind::aggregate) most_room = std::max(most_room, in);
    }
    for (std::size_t r = 0; r < most.size(); ++r) {
      registers_[r].h.resize(static_cast<std::size_t>(most[r] * L));
      if (with_ntk) registers_[r].ntk.resize(static_cast<std::size_t>(most[r] * L));
    }
    room_.resize(static_cast<std::size_t>(most_room * L));
  }

  /// Which pairs: input `row` with inputs `col`, ..., col + L - 1.
  void place(long row, long col) {
    place_.row = row;
    place_.col = col;
  }

  /// One step, up to settle().
  void run(PositionStep const& s) {
    using Kind = PositionStep::Kind;
    Value const target = value(s.target), source = s.source >= 0 ? value(s.source) : Value{};
    if (s.kind == Kind::mix) {
      mix(s, target);
    } else if (s.kind == Kind::widen) {
      position_step::widen<L>(after(s), sides(s.after), source, target);
    } else if (s.kind == Kind::attend) {
      position_step::attend<L>(program_.attentions[static_cast<std::size_t>(s.index)], s.in_positions, weights(s), sides(s.before), source,
                               target, room_.data());
    } else if (s.kind == Kind::aggregate) {
      position_step::aggregate<L>(graphs(s), form(s), sides(s.before), source, target, room_.data());
    } else {
      position_step::run_pointwise<L>(s, place_, after(s), target, source);
    }
  }

  /// All steps from `n` on, whose roots are known.
  void run_from(std::size_t n) {
    for (; n < program_.steps.size(); ++n) {
      run(program_.steps[n]);
      settle(program_.steps[n]);
    }
  }

  /// Steps that compute k' leave it in the place of h'; this makes it h', when the roots behind the step are known.
  void settle(PositionStep const& s) {
    if (leaves_covariance(s)) position_step::to_distances<L>(form(s).out, s.out_positions, sides(s.after), value(s.target).h);
  }

  bool leaves_covariance(PositionStep const& s) const {
    return s.kind == PositionStep::Kind::attend || s.kind == PositionStep::Kind::aggregate
           || (s.kind == PositionStep::Kind::mix && !program_.maps[static_cast<std::size_t>(s.index)].is_selection());
  }

  /// The entries of what a step reads and of what it writes.
  position_step::PairsOfPositions before(PositionStep const& s) const { return {form(s).in, s.in_positions}; }
  position_step::PairsOfPositions after(PositionStep const& s) const { return {form(s).out, s.out_positions}; }

  PositionStep::Form form(PositionStep const& s) const { return of_ == Of::pairs ? s.pairs : s.variances; }
  Value value(int reg) {
    Register& r = registers_[static_cast<std::size_t>(reg)];
    return {r.h.data(), with_ntk_ ? r.ntk.data() : nullptr};
  }
  position_step::Sides<double> sides(int slot) const { return place_.sides<double>(slot); }

private:
  struct Register {
    std::vector<double> h, ntk;
  };

  void mix(PositionStep const& s, Value target) {
    PositionMap const& map = program_.maps[static_cast<std::size_t>(s.index)];
    if (map.is_selection()) {
      position_step::select<L>(map, form(s), sides(s.before), value(s.source), target);
    } else {
      position_step::mix_covariance<L>(map, form(s), sides(s.before), value(s.source), target, room_.data());
    }
  }

  position_step::AttentionWeights weights(PositionStep const& s) const {
    InputLines<double> const& g = place_.table.attention[static_cast<std::size_t>(s.index)];
    if (g.lines() == 0) return {nullptr, nullptr, place_.there(s)};
    return {g.at(0, place_.row), g.at(0, place_.col), place_.there(s)};
  }

  position_step::GraphsOfPair<L> graphs(PositionStep const& s) const {
    position_step::GraphsOfPair<L> pair{place_.table.graphs[static_cast<std::size_t>(s.index)], place_.row, {}};
    for (long l = 0; l < L; ++l) pair.col[l] = std::min(place_.col + l, place_.table.rows - 1);  // behind the last: copies of it
    return pair;
  }

  PositionProgram const& program_;
  PairPlace place_;
  Of of_;
  bool with_ntk_;
  std::vector<Register> registers_;
  std::vector<double> room_;
};

}  // namespace infinitile
