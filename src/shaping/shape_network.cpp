#include "shaping/shape_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <boost/math/tools/toms748_solve.hpp>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// Where an increasing function is 0, to the last bit or two; `high` is moved up, away from `low`, until the function is positive there.
template <class Function>
double increasing_root(Function const& f, double low, double step) {
  double high = low + step;
  for (int i = 0; i < 1000 && f(high) < 0; ++i) high = low + (step *= 2);
  double const at_low = f(low), at_high = f(high);
  if (at_low >= 0) return low;
  if (!std::isfinite(at_high)) {  // a deep network: come down to numbers first
    double below = low, above = high;
    for (int i = 0; i < 200 && !(std::isfinite(f(above)) && f(above) >= 0); ++i) {
      double const middle = (below + above) / 2;
      (f(middle) < 0 ? below : above) = middle;
    }
    high = above;
  }
  std::uintmax_t steps = 200;
  auto const range = boost::math::tools::toms748_solve(f, low, high, boost::math::tools::eps_tolerance<double>(52), steps);
  return (range.first + range.second) / 2;
}

class Shaper {
public:
  Shaper(Network const& network, ShapeGoal const& goal)
      : network_(network), goal_(goal), walk_(walk_variance(network)), subnetworks_(network, walk_) {}

  ShapedNetwork shape() && {
    find_kinds();
    expect_goal();
    out_.local = {method(), local_target(), goal_.local_q_slope_target};
    for (ShapedKind& kind : out_.kinds) {
      AnyActivation const plain = kind.shaped;
      auto const found = shape_activation(plain, out_.local);
      if (!found) fail_unreachable(kind, plain);
      kind.shaped = *found;
      kind.residuals = residuals_of(*found, out_.local);
    }
    out_.achieved = achieved(goal_.subnetworks);
    out_.in_graph = achieved({});
    fill_layers();
    return std::move(out_);
  }

private:
  bool is_dks() const { return goal_.method == ShapeGoal::Method::dks; }
  ShapeMethod method() const { return is_dks() ? ShapeMethod::dks : only_leaky_ ? ShapeMethod::tat_leaky : ShapeMethod::tat; }
  [[noreturn]] void fail(std::string const& what) const { throw Error(text(network_.source(), ": shape", what)); }

  void find_kinds() {
    int first = -1;
    for (int n = 0; n < network_.size(); ++n) {
      Activation const* const op = std::get_if<Activation>(&network_.node(n).op);
      if (op == nullptr || !network_.is_needed(n) || is_linear(*op)) continue;
      if (first < 0) first = n;
      if (find_kind(*op)) continue;
      try {
        AnyActivation const plain = make_activation(op->name, op->parameters);
        local_moments(plain, Accuracy::coarse);  // refuses what is no function
        out_.kinds.push_back({*op, plain, {}});
      } catch (Error const& error) {
        throw Error(text(network_.where(network_.node(n)), ": ", error.what()));
      }
      last_of_kind_.push_back(n);
    }
    if (first < 0) fail(": the network has no activation, so there is nothing to shape.");
    only_leaky_ = std::ranges::all_of(out_.kinds, [](ShapedKind const& kind) { return kind.before.name == "leaky_relu"; });
    for (std::size_t k = 0; k < out_.kinds.size(); ++k)
      if (auto const why = unfit_for(out_.kinds[k].shaped, method()))
        throw Error(text(network_.where(network_.node(last_of_kind_[k])), ": ", is_dks() ? "dks" : "tat", " cannot shape ",
                         out_.kinds[k].before.name, ": ", *why, "."));
  }

  /// Copies differ in their scaling alone, which is chosen anew; so is the alpha of leaky_relu.
  ShapedKind const* find_kind(Activation const& op) const {
    auto const found = std::ranges::find_if(out_.kinds, [&](ShapedKind const& kind) {
      return kind.before.name == op.name && (op.name == "leaky_relu" || kind.before.parameters == op.parameters);
    });
    return found == out_.kinds.end() ? nullptr : &*found;
  }

  void expect_goal() const {
    auto const expect = [&](bool fine, std::string_view key, double value, std::string_view needed) {
      if (!fine || !std::isfinite(value)) fail(fmt::format(".{} is {}; {} is needed.", key, value, needed));
    };
    if (is_dks()) {
      expect(goal_.c_slope_1_target > 1, "c_slope_1_target", goal_.c_slope_1_target, "a number above 1");
      expect(goal_.local_q_slope_target > 0, "local_q_slope_target", goal_.local_q_slope_target, "a number above 0");
    } else if (only_leaky_) {
      expect(goal_.c_val_0_target >= 0 && goal_.c_val_0_target < 1, "c_val_0_target", goal_.c_val_0_target, "a number from 0 to below 1");
    } else {
      expect(goal_.c_curve_target > 0, "c_curve_target", goal_.c_curve_target, "a number above 0");
    }
  }

  /// The largest value over all subnetworks, of the graph where none are given, when every activation has this local value.
  double largest(double local, std::optional<BlockMap> const& given) const {
    auto const over_all = [&](double start, Subnetworks::Map const& r) {
      return given ? given->largest(start, r) : subnetworks_.largest(start, r);
    };
    switch (method()) {
      case ShapeMethod::dks:
        return over_all(1, [=](double x) { return local * x; });
      case ShapeMethod::tat:
        return over_all(0, [=](double x) { return x + local; });
      default:
        return over_all(0, [=](double c) { return leaky_c_map(c, local); });
    }
  }
  double largest(double local) const { return largest(local, goal_.subnetworks); }

  double local_target() {
    if (method() == ShapeMethod::dks) {
      out_.wanted = goal_.c_slope_1_target;
      return increasing_root([&](double s) { return largest(s) - out_.wanted; }, 1, 1e-4);
    }
    if (method() == ShapeMethod::tat) {
      out_.wanted = goal_.c_curve_target;
      return out_.wanted / largest(1);  // curvatures add, so that the largest is proportional
    }
    out_.wanted = goal_.c_val_0_target;
    if (double const most = largest(0); most < out_.wanted)
      fail(
          fmt::format(".c_val_0_target is {}, and this network reaches at most {:.6g} (with alpha 0). Set it to that or less, or take more "
                      "layers.",
                      out_.wanted, most));
    if (out_.wanted == 0) return 1;
    return 1 - increasing_root([&](double bend) { return bend > 1 ? 1 : largest(1 - bend) - out_.wanted; }, 0, 1);
  }

  /// The goal may be so close to a straight line that rounding hides the bend: then larger ones can be met.
  template <class Can>
  void fail_below(ShapedKind const& kind, Can const& can, double base, double wanted) const {
    double reached = wanted;
    for (int step = 0; step < 9 && (step == 0 || !can(reached)); ++step) reached *= 4;
    if (!can(reached)) return;
    double below = wanted;
    for (int step = 0; step < 12; ++step) {
      double const middle = std::sqrt(reached * below);
      (can(middle) ? reached : below) = middle;
    }
    double goal = 0;
    auto const works = [&] {  // near the edge rounding decides, goal by goal
      double const local = is_dks() ? increasing_root([&](double s) { return largest(s) - goal; }, 1, 1e-4) : goal / largest(1);
      return can(local - base);
    };
    for (int step = 0; step < 20 && (step == 0 || !works()); ++step)
      goal = std::ceil(largest(base + reached * std::pow(1.2, step)) * 1e8) / 1e8;
    fail(
        fmt::format(".{} is {}, which is too small for {}: its scale and shift are found to 1e-10 from about {:.10g} on. Set the target to "
                    "{:.10g} or more.",
                    out_.goal_key(), out_.wanted, kind.before.name, goal, goal));
  }

  [[noreturn]] void fail_unreachable(ShapedKind const& kind, AnyActivation const& plain) const {
    std::string const key = std::string(out_.goal_key());
    double const base = is_dks() ? 1 : 0, wanted = out_.local.value - base;
    auto const can = [&](double excess) {
      return shape_activation(plain, {out_.local.method, base + excess, out_.local.q_slope}).has_value();
    };
    if (is_dks() && out_.local.q_slope != 1 && shape_activation(plain, {out_.local.method, out_.local.value, 1}))
      fail(fmt::format(".local_q_slope_target is {}, which no scale and shift of {} meets with this goal. Set it to 1.", out_.local.q_slope,
                       kind.before.name));
    fail_below(kind, can, base, wanted);
    double reached = 0;
    for (double excess = wanted / 2; excess > wanted * 1e-6 && reached == 0; excess /= 4)
      if (can(excess)) reached = excess;
    std::string const local = is_dks() ? "C'(1)" : "C''(1)";
    if (reached == 0)
      fail(fmt::format(": no scale and shift of {} meets the conditions of {}{}. Take another activation.", kind.before.name,
                       is_dks() ? "dks" : "tat",
                       out_.local.q_slope != 1 && is_dks() ? fmt::format(" with local_q_slope_target {}", out_.local.q_slope) : ""));
    double above = wanted;
    for (int step = 0; step < 25; ++step) {
      double const middle = std::sqrt(reached * above);
      (can(middle) ? reached : above) = middle;
    }
    fail(fmt::format(
        ".{} is {}, for which every activation needs {} = {:.6g}; {} reaches {:.6g}. Set the target to {:.6g} or less, or take "
        "more layers.",
        key, out_.wanted, local, out_.local.value, kind.before.name, base + reached, std::floor(largest(base + reached) * 1e6) / 1e6));
  }

  double achieved(std::optional<BlockMap> const& given) const {
    if (method() == ShapeMethod::tat_leaky) return largest(out_.local.value, given);
    double most = 0;
    for (ShapedKind const& kind : out_.kinds) {
      LocalMoments const m = local_moments(kind.shaped);
      most = std::max(most, is_dks() ? m.c_slope() : m.c_curvature());
    }
    return largest(most, given);
  }

  void fill_layers() {
    out_.layers.resize(at(network_.size()));
    for (int n = 0; n < network_.size(); ++n) {
      Activation const* const op = std::get_if<Activation>(&network_.node(n).op);
      if (op == nullptr || !network_.is_needed(n) || is_linear(*op)) continue;
      Activation shaped = *op;
      Scaling const& s = find_kind(*op)->shaped.scaling;
      shaped.affine = {s.input_scale / std::sqrt(walk_.before(network_, n)), s.input_shift, s.output_scale, s.output_shift};
      if (op->name == "leaky_relu") {
        double const alpha = alpha_of(find_kind(*op)->shaped);
        for (auto& [name, value] : shaped.parameters)
          if (name == "alpha") value = alpha;
      }
      out_.layers[at(n)] = std::move(shaped);
    }
  }

  Network const& network_;
  ShapeGoal const& goal_;
  VarianceWalk walk_;
  Subnetworks subnetworks_;
  std::vector<int> last_of_kind_;
  bool only_leaky_ = false;
  ShapedNetwork out_;
};

}  // namespace

std::string_view ShapedNetwork::goal_key() const {
  return local.method == ShapeMethod::dks ? "c_slope_1_target" : local.method == ShapeMethod::tat ? "c_curve_target" : "c_val_0_target";
}

double alpha_of(AnyActivation const& leaky) {
  double alpha = 0;
  with_activation(leaky, [&]<class A>(A const& phi) {
    if constexpr (std::is_same_v<A, LeakyRelu>) alpha = phi.a;
  });
  return alpha;
}

double leaky_c_map(double c, double alpha) {
  double const bend = (1 - alpha) * (1 - alpha) / (std::numbers::pi * (1 + alpha * alpha));
  return c + bend * (std::sqrt(std::max(1 - c * c, 0.0)) - c * std::acos(std::clamp(c, -1.0, 1.0)));
}

ShapedNetwork shape_network(Network const& network, ShapeGoal const& goal) {
  return Shaper(network, goal).shape();
}

}  // namespace infinitile
