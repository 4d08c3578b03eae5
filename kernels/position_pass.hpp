#pragma once

#include <vector>

#include "kernels/position_mix.hpp"
#include "kernels/position_table.hpp"

namespace infinitile {

/// One row input against L columns, layer by layer. Holds the registers; used again for other rows and columns.
template <int L>
class PositionPass {
public:
  enum class Of { pairs, variances };
  using Value = position_step::Value<double>;

  /// `with_ntk`: the tangent kernel too. `first`: the first step that it will run.
  PositionPass(PositionProgram const& program, PositionTable const& table, Of of, bool with_ntk, std::size_t first = 0)
      : program_(program), table_(table), of_(of), with_ntk_(with_ntk), registers_(static_cast<std::size_t>(program.registers)) {
    std::vector<long> most(registers_.size(), 0);
    long most_room = 0;
    for (std::size_t n = first; n < program.steps.size(); ++n) {
      PositionStep const& s = program.steps[n];
      long const in = before(s).count(), out = after(s).count();
      long& here = most[static_cast<std::size_t>(s.target)];
      here = std::max(here, out);
      if (s.source >= 0) most[static_cast<std::size_t>(s.source)] = std::max(most[static_cast<std::size_t>(s.source)], in);
      if (s.kind == PositionStep::Kind::mix) most_room = std::max(most_room, static_cast<long>(s.in_positions) * s.out_positions);
      if (s.kind == PositionStep::Kind::attend) most_room = std::max(most_room, 2 * out);
    }
    for (std::size_t r = 0; r < most.size(); ++r) {
      registers_[r].h.resize(static_cast<std::size_t>(most[r] * L));
      if (with_ntk) registers_[r].ntk.resize(static_cast<std::size_t>(most[r] * L));
    }
    room_.resize(static_cast<std::size_t>(most_room * L));
  }

  /// Which pairs: input `row` with inputs `col`, ..., col + L - 1.
  void place(long row, long col) {
    row_ = row;
    col_ = col;
  }

  /// One step, up to settle().
  void run(PositionStep const& s) {
    using Kind = PositionStep::Kind;
    Value const target = value(s.target);
    position_step::PairsOfPositions const entries = after(s);
    switch (s.kind) {
      case Kind::load:
        load(s, target);
        break;
      case Kind::copy:
        copy(s);
        break;
      case Kind::mix:
        mix(s, target);
        break;
      case Kind::widen:
        position_step::widen<L>(entries, sides(s.after), value(s.source), target);
        break;
      case Kind::dense:
        position_step::dense<L>(s, entries, sides(s.before), sides(s.after), target);
        break;
      case Kind::activate:
        position_step::activate<L>(entries, table_.activations[static_cast<std::size_t>(s.index)], features(s), sides(s.before),
                                   sides(s.after), target);
        break;
      case Kind::normalize:
        position_step::normalize<L>(entries, sides(s.before), sides(s.other), sides(s.after), target);
        break;
      case Kind::drop:
        position_step::drop<L>(entries, sides(s.before), sides(s.after), target);
        break;
      case Kind::add:
        position_step::add<L>(s, entries, target, value(s.source));
        break;
      case Kind::multiply:
        position_step::multiply<L>(entries, sides(s.before), sides(s.other), target, value(s.source));
        break;
      case Kind::attend:
        position_step::attend<L>(program_.attentions[static_cast<std::size_t>(s.index)], s.in_positions, weights(s), sides(s.before),
                                 value(s.source), target, room_.data());
        break;
    }
  }

  /// Steps that compute k' leave it in the place of h'; this makes it h', when the roots behind the step are known.
  void settle(PositionStep const& s) {
    if (leaves_covariance(s)) position_step::to_covariance<L>(form(s).out, s.out_positions, sides(s.after), value(s.target).h);
  }

  bool leaves_covariance(PositionStep const& s) const {
    return s.kind == PositionStep::Kind::attend
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
  position_step::Sides<double> sides(int slot) const {
    double const* const roots = table_.roots[static_cast<std::size_t>(slot)].data();
    return {roots + row_, roots + col_, table_.stride};
  }

private:
  struct Register {
    std::vector<double> h, ntk;
  };

  void load(PositionStep const& s, Value target) {
    auto const input = static_cast<std::size_t>(s.index);
    position_step::load<L>(after(s), {table_.inputs[input].data(), table_.channels[input], table_.stride, row_, col_}, target);
  }

  void copy(PositionStep const& s) {
    long const numbers = after(s).count() * L;
    Value const from = value(s.source), to = value(s.target);
    std::copy(from.h, from.h + numbers, to.h);
    if (with_ntk_) std::copy(from.ntk, from.ntk + numbers, to.ntk);
  }

  void mix(PositionStep const& s, Value target) {
    PositionMap const& map = program_.maps[static_cast<std::size_t>(s.index)];
    if (map.is_selection()) {
      position_step::select<L>(map, form(s), sides(s.before), value(s.source), target);
    } else {
      position_step::mix_covariance<L>(map, form(s), sides(s.before), value(s.source), target, room_.data());
    }
  }

  position_step::Features features(PositionStep const& s) const {
    double const* const known = table_.features[static_cast<std::size_t>(s.index)].data();
    return {known + row_, known + col_, table_.stride, table_.stride * s.out_positions};
  }

  position_step::AttentionWeights weights(PositionStep const& s) const {
    double const* const g = table_.attention[static_cast<std::size_t>(s.index)].data();
    return {g + row_, g + col_, table_.stride};
  }

  PositionProgram const& program_;
  PositionTable const& table_;
  Of of_;
  bool with_ntk_;
  std::vector<Register> registers_;
  std::vector<double> room_;
  long row_ = 0, col_ = 0;
};

}  // namespace infinitile
