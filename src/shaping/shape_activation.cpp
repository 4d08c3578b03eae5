#include "shaping/shape_activation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace infinitile {

namespace {

constexpr double pi = std::numbers::pi;

template <class Wanted>
bool is(AnyActivation const& f) {
  bool same = false;
  with_activation(f, [&]<class A>(A const&) { same = std::is_same_v<A, Wanted>; });
  return same;
}

/// Where the conditions are solved: how strongly f bends (its input_scale; of leaky_relu 1 − alpha), and how far it is shifted.
struct Place {
  double amount = 1;
  double shift = 0;
};

/// What is left of the conditions once output_scale and output_shift have done their part.
struct Misfit {
  double bend = 0;    ///< log of C'(1) − 1 (dks) or C''(1) (tat) over what is wanted
  double growth = 0;  ///< Q'(1) minus what is wanted
  bool is_finite() const { return std::isfinite(bend) && std::isfinite(growth); }
};

/// One activation and its target. The root that is wanted lies on a curve in the plane of (amount, shift): there bend is 0; on it growth
/// changes sign.
class Conditions {
public:
  Conditions(AnyActivation const& f, LocalTarget const& target)
      : f_(f), target_(target), is_leaky_(is<LeakyRelu>(f)), is_relu_(is<Relu>(f)) {}

  bool is_relu() const { return is_relu_; }
  double most_amount() const { return is_leaky_ ? 1 : 1e6; }

  AnyActivation at(Place const& place) const {
    AnyActivation f = is_leaky_ ? make_activation("leaky_relu", {{"alpha", 1 - place.amount}}) : f_;
    f.scaling = {is_leaky_ ? 1 : place.amount, place.shift, 1, 0};
    return f;
  }

  Misfit misfit(Place const& place, Accuracy accuracy) const {
    LocalMoments const m = local_moments(at(place), accuracy);
    if (target_.method == ShapeMethod::dks)
      return {std::log(std::max(m.slope / m.variance - 1, 1e-300) / (target_.value - 1)), m.pull / m.variance - target_.q_slope};
    return {std::log(std::max(m.curvature / m.slope, 1e-300) / target_.value), (m.pull + mean_wanted(m) * m.mean_pull) / m.slope - 1};
  }

  /// With the output's scale and shift, which have closed forms.
  AnyActivation complete(Place const& place) const {
    AnyActivation f = at(place);
    LocalMoments const m = local_moments(f);
    bool const dks = target_.method == ShapeMethod::dks;
    f.scaling.output_scale = 1 / std::sqrt(dks ? m.variance : m.slope);
    f.scaling.output_shift = (dks ? 0 : mean_wanted(m)) - m.mean;
    return f;
  }

private:
  /// Of y before output_scale, so that Q(1) = C'(1), and of the sign of E[y''].
  static double mean_wanted(LocalMoments const& m) { return std::copysign(std::sqrt(std::max(m.slope - m.variance, 0.0)), m.mean_pull); }

  AnyActivation f_;
  LocalTarget target_;
  bool is_leaky_, is_relu_;
};

/// shift as a function of what is scanned: itself, or in units of the amount, for functions whose bend is far away in units of 1.
enum class ShiftIn { ones, amounts };
double shift_of(double u, double amount, ShiftIn in) {
  return in == ShiftIn::ones ? u : u * amount;
}

/// A point of the curve bend = 0.
struct OnCurve {
  double u = 0;
  double amount = 1;
  double growth = 0;
};

/// The curve at u, from an amount nearby; secants in logarithms, where bend is almost a line of slope 2, and level where f has become two
/// straight lines. Between a place below and one above they do not leave. Nothing where the curve is not met.
std::optional<OnCurve> find_on_curve(Conditions const& conditions, double u, double amount, ShiftIn in, double precision) {
  auto const at = [&](double log_amount) {
    double const a = std::exp(log_amount);
    return conditions.misfit({a, shift_of(u, a, in)}, Accuracy::coarse);
  };
  double const most = std::log(conditions.most_amount());
  double x = std::log(amount), slope = 2;
  std::optional<double> below, above;
  Misfit now = at(x);
  for (int step = 0; step < 40 && now.is_finite(); ++step) {
    if (std::abs(now.bend) < precision) return OnCurve{u, std::exp(x), now.growth};
    (now.bend < 0 ? below : above) = x;
    double next = std::min(x + std::clamp(-now.bend / slope, -1.5, 1.5), most);
    if (below && above && (next <= std::min(*below, *above) || next >= std::max(*below, *above))) next = (*below + *above) / 2;
    if (next == x || next < -16) return {};
    Misfit const then = at(next);
    slope = std::clamp((then.bend - now.bend) / (next - x), 1e-3, 6.0);
    x = next;
    now = then;
  }
  return {};
}

/// Where growth is 0 between two points of the curve where its signs differ: regula falsi that halves an end it has kept twice.
std::optional<Place> find_between(Conditions const& conditions, OnCurve low, OnCurve high, ShiftIn in) {
  double kept_low = low.growth, kept_high = high.growth;
  for (int step = 0; step < 60 && std::abs(high.u - low.u) > 1e-7 * (1 + std::abs(low.u)); ++step) {
    double const u = (low.u * kept_high - high.u * kept_low) / (kept_high - kept_low);
    auto const middle = find_on_curve(conditions, u, low.amount, in, 1e-9);
    if (!middle) return {};
    if (std::abs(middle->growth) < 1e-9) return Place{middle->amount, shift_of(u, middle->amount, in)};
    bool const is_low = (middle->growth > 0) == (low.growth > 0);
    (is_low ? low : high) = *middle;
    (is_low ? kept_low : kept_high) = middle->growth;
    (is_low ? kept_high : kept_low) /= 2;
  }
  return Place{low.amount, shift_of(low.u, low.amount, in)};
}

/// Newton's method with the accurate quadrature. Nothing where it does not converge.
std::optional<Place> polish(Conditions const& conditions, Place place) {
  for (int step = 0; step < 12; ++step) {
    Misfit const now = conditions.misfit(place, Accuracy::full);
    if (!now.is_finite()) return {};
    if (std::abs(now.bend) < 1e-12 && std::abs(now.growth) < 1e-13) break;
    constexpr double h = 1e-6;
    double const shift_step = h * std::max(1.0, std::abs(place.shift));
    Misfit const more = conditions.misfit({place.amount * std::exp(-h), place.shift}, Accuracy::full);
    Misfit const far = conditions.misfit({place.amount, place.shift + shift_step}, Accuracy::full);
    double const a = (now.bend - more.bend) / h, b = (far.bend - now.bend) / shift_step, c = (now.growth - more.growth) / h,
                 d = (far.growth - now.growth) / shift_step, determinant = a * d - b * c;
    double const grow = (b * now.growth - d * now.bend) / determinant, shift = (c * now.bend - a * now.growth) / determinant;
    if (!std::isfinite(grow) || std::abs(grow) > 1) return {};
    place = {std::min(place.amount * std::exp(grow), conditions.most_amount()), place.shift + shift};
  }
  return place;
}

/// Does a come before b among solutions?
bool is_preferred(AnyActivation const& a, AnyActivation const& b) {
  constexpr double same = 1e-8;
  Scaling const &x = a.scaling, &y = b.scaling;
  if (std::abs(std::abs(x.input_shift) - std::abs(y.input_shift)) > same) return std::abs(x.input_shift) < std::abs(y.input_shift);
  if (std::abs(std::abs(x.output_shift) - std::abs(y.output_shift)) > same) return std::abs(x.output_shift) < std::abs(y.output_shift);
  return x.input_shift > y.input_shift;
}

/// Along both halves of the curve, away from u = 0, until growth changes its sign.
class Scan {
public:
  Scan(Conditions const& conditions, LocalTarget const& target, ShiftIn in) : conditions_(conditions), target_(target), in_(in) {}

  std::optional<AnyActivation> nearest() {
    constexpr double step = 0.1, farthest = 6;
    std::array<std::optional<OnCurve>, 2> last;
    last[0] = last[1] = find_on_curve(conditions_, 0, 0.1, in_, 1e-6);
    std::optional<AnyActivation> best;
    for (int ring = 1; ring * step <= farthest && !best; ++ring)
      for (int const side : {0, 1}) {
        double const u = (side == 0 ? 1 : -1) * ring * step;
        auto const here = find_on_curve(conditions_, u, last[at(side)] ? last[at(side)]->amount : 0.1, in_, 1e-6);
        if (here && last[at(side)] && here->growth * last[at(side)]->growth <= 0) take(best, *last[at(side)], *here);
        last[at(side)] = here;
      }
    return best;
  }

private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }

  void take(std::optional<AnyActivation>& best, OnCurve const& low, OnCurve const& high) const {
    auto place = find_between(conditions_, low, high, in_);
    if (place) place = polish(conditions_, *place);
    if (!place) return;
    if (std::abs(place->shift) < 1e-14) place->shift = 0;  // as exact as what rounding left of 0
    AnyActivation const found = conditions_.complete(*place);
    if (residuals_of(found, target_).largest() > shape_tolerance) return;
    if (!best || is_preferred(found, *best)) best = found;
  }

  Conditions const& conditions_;
  LocalTarget target_;
  ShiftIn in_;
};

/// relu keeps its shift, on the side where the slope can be had, and has one condition left.
std::optional<AnyActivation> shape_relu(Conditions const& conditions, LocalTarget const& target) {
  constexpr double limit = pi / (pi - 1);  // C'(1) of a centred relu without shift
  Place place{1, target.value < limit ? 1.0 : -1.0};
  for (int step = 0; step < 60; ++step) {
    constexpr double h = 1e-6;
    double const now = conditions.misfit(place, Accuracy::full).bend;
    if (!std::isfinite(now)) return {};
    if (std::abs(now) * (target.value - 1) < 1e-15) break;
    double const slope = (now - conditions.misfit({place.amount * std::exp(-h), place.shift}, Accuracy::full).bend) / h;
    place.amount *= std::exp(std::clamp(-now / slope, -1.0, 1.0));
  }
  AnyActivation const found = conditions.complete(place);
  if (residuals_of(found, target).largest() > shape_tolerance) return {};
  return found;
}

}  // namespace

double ShapeResiduals::largest() const {
  double most = std::abs(q);
  for (auto const& each : {c_at_0, q_slope, c_slope, c_curvature})
    if (each) most = std::isfinite(*each) ? std::max(most, std::abs(*each)) : std::abs(*each);
  return std::isnan(most) ? INFINITY : most;
}

ShapeResiduals residuals_of(AnyActivation const& shaped, LocalTarget const& target) {
  LocalMoments const m = local_moments(shaped);
  ShapeResiduals out;
  out.q = m.q() - 1;
  if (target.method == ShapeMethod::dks) {
    out.c_at_0 = m.c_at_0();
    if (!is<Relu>(shaped)) out.q_slope = m.q_slope() - target.q_slope;
    out.c_slope = m.c_slope() - target.value;
  } else {
    out.q_slope = m.q_slope() - 1;
    out.c_slope = m.c_slope() - 1;
    if (target.method == ShapeMethod::tat) out.c_curvature = m.c_curvature() - target.value;
  }
  return out;
}

std::optional<std::string> unfit_for(AnyActivation const& f, ShapeMethod method) {
  Smoothness const smooth = smoothness_of(f);
  if (method == ShapeMethod::tat_leaky) {
    if (!is<LeakyRelu>(f)) return "tat shapes leaky_relu only when it is the only activation";
    return {};
  }
  if (smooth.value_jumps) return "it jumps, so its C map has no slope at 1";
  if (method == ShapeMethod::tat && smooth.slope_jumps)
    return "its slope jumps, so its C map has no curvature at 1: use leaky_relu, or dks";
  return {};
}

std::optional<AnyActivation> shape_activation(AnyActivation const& f, LocalTarget const& target) {
  if (target.method == ShapeMethod::tat_leaky) {
    AnyActivation leaky = make_activation("leaky_relu", {{"alpha", target.value}});
    leaky.scaling.output_scale = std::sqrt(2 / (1 + target.value * target.value));
    return leaky;
  }
  Conditions const conditions(f, target);
  if (conditions.is_relu()) return shape_relu(conditions, target);
  for (ShiftIn const in : {ShiftIn::ones, ShiftIn::amounts})
    if (auto found = Scan(conditions, target, in).nearest()) return found;
  return {};
}

}  // namespace infinitile
