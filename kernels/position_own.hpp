#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/position_pass.hpp"

namespace infinitile {

/// One input with itself: writes the roots of its variances on the way, and keeps what is exact there exact.
class OwnRun {
public:
  using Pass = PositionPass<1>;

  OwnRun(PositionProgram const& program, PositionTable& table) : program_(program), table_(table) {}

  /// `write`: the roots behind the step are not known yet.
  void step(PositionStep const& s, Pass& pass, long i, bool write) {
    pass.place(i, i);
    if (write && s.kind == PositionStep::Kind::attend) weigh(s, pass, i);
    bool const computed = pass.leaves_covariance(s);
    if (write && !computed) find_variances(s, i);
    pass.run(s);
    if (write && computed) take_variances(s, pass, i);
    pass.settle(s);
    double* const h = pass.value(s.target).h;
    for (int p = 0; p < s.out_positions; ++p) h[p * apart(s, pass)] = 0;
    if (write) repeat_last(s, i);
  }

  /// Writes the roots of the variances behind a step that follow from those before it: of all but attention and maps that mix positions.
  void find_variances(PositionStep const& s, long i) {
    for (int p = 0; p < s.out_positions; ++p) {
      double q = 0;
      switch (s.kind) {
        case PositionStep::Kind::load:
          q = input_variance(s, p, i);
          break;
        case PositionStep::Kind::mix:
          q = selected_variance(s, p, i);
          break;
        case PositionStep::Kind::dense:
          q = s.weight * variance(s.before, p, i) + s.shift;
          break;
        case PositionStep::Kind::activate:
          q = table_.activations[static_cast<std::size_t>(s.index)].variance(variance(s.before, p, i));
          break;
        case PositionStep::Kind::conceal:
          q = there(s, p, i) * variance(s.before, p, i);
          break;
        case PositionStep::Kind::share:
        case PositionStep::Kind::normalize: {
          double const f = root(s.other, p, i) = s.kind == PositionStep::Kind::share ? share_factor(s, i) : norm_factor(s, p, i);
          q = f * f * variance(s.before, p, i);
          break;
        }
        case PositionStep::Kind::drop:
          q = variance(s.before, p, i) / s.weight;
          break;
        case PositionStep::Kind::add:
          q = s.weight * variance(s.before, p, i) + s.shift * variance(s.other, p, i);
          break;
        case PositionStep::Kind::multiply:
          q = variance(s.before, p, i) * variance(s.other, p, i);
          break;
        case PositionStep::Kind::copy:
        case PositionStep::Kind::widen:
        case PositionStep::Kind::attend:
        case PositionStep::Kind::aggregate:
          return;
      }
      root(s.after, p, i) = std::sqrt(q);
    }
  }

  /// Columns behind the last input are copies of it.
  void repeat_last(PositionStep const& s, long i) {
    if (i + 1 < table_.rows) return;
    table_.roots[static_cast<std::size_t>(s.after)].repeat_last();
    if (has_factors(s)) table_.roots[static_cast<std::size_t>(s.other)].repeat_last();
    if (s.kind == PositionStep::Kind::attend) table_.attention[static_cast<std::size_t>(s.index)].repeat_last();
  }

  /// From one position with itself to the next.
  static long apart(PositionStep const& s, Pass const& pass) { return pass.form(s).out == Spread::full ? s.out_positions + 1 : 1; }

private:
  static bool has_factors(PositionStep const& s) { return s.kind == PositionStep::Kind::normalize || s.kind == PositionStep::Kind::share; }

  double there(PositionStep const& s, int p, long i) const {
    return s.mask < 0 ? 1 : *table_.there[static_cast<std::size_t>(s.mask)].at(p, i);
  }

  double& root(int slot, int p, long i) { return *table_.roots[static_cast<std::size_t>(slot)].at(p, i); }
  double variance(int slot, int p, long i) { return root(slot, p, i) * root(slot, p, i); }

  double input_variance(PositionStep const& s, int p, long i) const {
    int const channels = table_.channels[static_cast<std::size_t>(s.index)];
    double sum = 0;
    for (int c = 0; c < channels; ++c) {
      double const x = *table_.inputs[static_cast<std::size_t>(s.index)].at(static_cast<long>(p) * channels + c, i);
      sum += x * x;
    }
    return sum / channels;
  }

  double selected_variance(PositionStep const& s, int p, long i) {
    PositionMap const& map = program_.maps[static_cast<std::size_t>(s.index)];
    double sum = 0;
    for (int tap = 0; tap < map.tap_count; ++tap)
      if (int const from = map.picks[static_cast<std::size_t>(tap * map.out_positions + p)]; from >= 0) sum += variance(s.before, from, i);
    return map.scale * sum;
  }

  double norm_factor(PositionStep const& s, int p, long i) {
    NormGroups const& norm = program_.norms[static_cast<std::size_t>(s.index)];
    int const group = norm.group[static_cast<std::size_t>(p)];
    double sum = 0, count = 0;
    for (int other = 0; other < s.out_positions; ++other) {
      if (norm.group[static_cast<std::size_t>(other)] != group || there(s, other, i) == 0) continue;
      sum += variance(s.before, other, i) + norm.eps;
      count += 1;
    }
    return count > 0 ? std::sqrt(count / sum) : 0;
  }

  /// 1 / the positions that are there: a sum over them becomes their mean. Of an input that has none left the sum is 0.
  double share_factor(PositionStep const& s, long i) const {
    InputLines<double> const& mask = table_.there[static_cast<std::size_t>(s.mask)];
    double count = 0;
    for (long p = 0; p < mask.lines(); ++p) count += *mask.at(p, i);
    return 1 / std::max(count, 1.0);
  }

  /// A step that has computed k' has the variances on its diagonal.
  void take_variances(PositionStep const& s, Pass& pass, long i) {
    double const* const k = pass.value(s.target).h;
    for (int p = 0; p < s.out_positions; ++p) root(s.after, p, i) = std::sqrt(std::max(k[p * apart(s, pass)], 0.0));
  }

  /// The attention that each position pays to the others, from the covariance of an input with itself.
  void weigh(PositionStep const& s, Pass& pass, long i) {
    AttentionRule const& rule = program_.attentions[static_cast<std::size_t>(s.index)];
    if (!rule.linear_scaling) return;
    int const n = s.in_positions;
    double const* const h = pass.value(s.source).h;
    std::vector<double> line(static_cast<std::size_t>(n));
    for (int p = 0; p < n; ++p) {
      for (int r = 0; r < n; ++r) {
        double const k = position_step::covariance(root(s.before, p, i), root(s.before, r, i), h[p * n + r]);
        line[static_cast<std::size_t>(r)] = rule.logit * (rule.keep * k + rule.embedding(p, r, n));
        if (there(s, r, i) == 0) line[static_cast<std::size_t>(r)] = unheard(rule.mechanism);
      }
      apply(rule.mechanism, line);
      for (int r = 0; r < n; ++r)
        *table_.attention[static_cast<std::size_t>(s.index)].at(static_cast<long>(p) * n + r, i) = line[static_cast<std::size_t>(r)];
    }
  }

  /// The logit of a masked position, to which no attention is paid.
  static double unheard(AttentionRule::Mechanism mechanism) {
    return mechanism == AttentionRule::Mechanism::softmax ? std::numeric_limits<double>::lowest() : 0;
  }

  static void apply(AttentionRule::Mechanism mechanism, std::vector<double>& line) {
    if (mechanism == AttentionRule::Mechanism::softmax) {
      double const largest = *std::max_element(line.begin(), line.end());
      double sum = 0;
      for (double& x : line) sum += x = std::exp(x - largest);
      for (double& x : line) x /= sum;
    }
    for (double& x : line) {
      if (mechanism == AttentionRule::Mechanism::abs) x = std::abs(x);
      if (mechanism == AttentionRule::Mechanism::relu) x = std::max(x, 0.0);
    }
  }

  PositionProgram const& program_;
  PositionTable& table_;
};

}  // namespace infinitile
