#include "shaping/local_maps.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <boost/math/quadrature/gauss_kronrod.hpp>

#include "support/activation_cases.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

constexpr double undefined = -1;

/// Raw values: dks_tat, reference 2.11; eleven digits or twelve.
struct Row {
  char const* name;
  double mean, q, q_slope, c_at_0, c_slope, c_curvature;
};
Row const rows[] = {
    {"tanh", 0, 0.394294490398, 0.18179768814, 0, 1.1778072323, 0.761369532963},
    {"sigmoid", 0.5, 0.293379035858, 0.0311982419796, 0.852139960406, 0.152827011716, 0.0161612309797},
    {"softplus", 0.806059183347, 0.921245908859, 0.45330197248, 0.70527467293, 0.318458983684, 0.0486691348304},
    {"silu", 0.206620964142, 0.355775519817, 0.417180259132, 0.119997640211, 1.06663424124, 0.40428201612},
    {"erf", 0, 0.464559054398, 0.189803344911, 0, 1.22570000379, 0.980560003029},
    {"bent_identity", 0.177265403241, 1.07273459676, 1.10877728819, 0.029292448739, 1.01244065184, 0.0964637215149},
    {"atan", 0, 0.449700916435, 0.252200832559, 0, 1.11185008019, 0.486011567879},
    {"asinh", 0, 0.633158900005, 0.461455316242, 0, 1.03556870544, 0.135953414529},
    {"softsign", 0, 0.183014021267, 0.0872448996608, 0, 1.24401037061, 3.28775271001},
    {"elu", 0.160520572267, 0.644945417493, 0.574625710581, 0.039951991939, 1.0359047186, 0.26064531457},
    {"gelu", 0.282094791774, 0.42522148257, 0.486480248728, 0.187143582363, 1.07203159844, 0.648284385927},
    {"gelu approximate", 0.282038588079, 0.425193711033, 0.486548426315, 0.18708123639, 1.07202396022, 0.647728971614},
    {"selu", 0, 1, 0.782647883197, 0, 1.07157499246, undefined},
    {"sin", 0, 0.432332358382, 0.135335283237, 0, 1.3130352855, 1},
    {"cos", 0.606530659713, 0.567667641618, -0.135335283237, 0.648054273664, 0.761594155956, 1},
    {"relu", 0.398942280401, 0.5, 0.5, 0.318309886184, 1, undefined},
};

AnyActivation scaled(char const* name, Scaling const& s) {
  return make_activation(name, {}, s);
}

}  // namespace

TEST_CASE("maps of plain activations are those of the reference", "[local_maps]") {
  for (Row const& row : rows) {
    CAPTURE(row.name);
    bool const approximate = row.name == std::string("gelu approximate");
    AnyActivation const f = approximate ? make_activation("gelu", {{"approximate", 1.0}}) : make_activation(row.name, {});
    LocalMoments const m = local_moments(f);
    CHECK_THAT(m.mean, Catch::Matchers::WithinAbs(row.mean, 1e-12));
    CHECK_THAT(m.q(), Catch::Matchers::WithinRel(row.q, 2e-11));
    CHECK_THAT(m.q_slope(), Catch::Matchers::WithinRel(row.q_slope, 2e-11));
    CHECK_THAT(m.c_at_0(), Catch::Matchers::WithinAbs(row.c_at_0, 1e-12));
    CHECK_THAT(m.c_slope(), Catch::Matchers::WithinRel(row.c_slope, 2e-11));
    if (row.c_curvature == undefined)
      CHECK(smoothness_of(f).slope_jumps);
    else
      CHECK_THAT(m.c_curvature(), Catch::Matchers::WithinRel(row.c_curvature, 2e-11));
  }
}

TEST_CASE("maps with closed forms are met to 1e-13, wherever the kink is", "[local_maps]") {
  // relu(g z + b), t = b/g: reference 2.5.
  for (double const g : {0.3, 1.0, 7.0})
    for (double const b : {-1.7, -0.2, 0.0, 0.9, 2.5}) {
      CAPTURE(g, b);
      double const t = b / g, below = std::erfc(-t / std::numbers::sqrt2) / 2,
                   density = std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi);
      double const mean = b * below + g * density, square = (b * b + g * g) * below + b * g * density;
      LocalMoments const m = local_moments(scaled("relu", {g, b, 1, 0}));
      CHECK_THAT(m.mean, Catch::Matchers::WithinAbs(mean, 1e-14 * (g + std::abs(b))));
      CHECK_THAT(m.q(), Catch::Matchers::WithinAbs(square, 1e-14 * (g * g + b * b)));
      CHECK_THAT(m.slope, Catch::Matchers::WithinAbs(g * g * below, 1e-14 * g * g));
    }
  // sin(g z + b): E sin = e^{-g²/2} sin b, E cos² = (1 + e^{-2 g²} cos 2b) / 2.
  for (double const g : {0.05, 1.0, 2.5})
    for (double const b : {0.3, 2.0}) {
      CAPTURE(g, b);
      double const mean = std::exp(-g * g / 2) * std::sin(b), slope = g * g * (1 + std::exp(-2 * g * g) * std::cos(2 * b)) / 2;
      double const square = (1 - std::exp(-2 * g * g) * std::cos(2 * b)) / 2;
      LocalMoments const m = local_moments(scaled("sin", {g, b, 1, 0}));
      CHECK_THAT(m.mean, Catch::Matchers::WithinRel(mean, 1e-13));
      CHECK_THAT(m.variance, Catch::Matchers::WithinAbs(square - mean * mean, 1e-15));
      CHECK_THAT(m.slope, Catch::Matchers::WithinRel(slope, 1e-13));
      CHECK_THAT(m.curvature, Catch::Matchers::WithinRel(g * g * g * g * square, 1e-13));
    }
}

TEST_CASE("maps of every activation are those of adaptive quadrature", "[local_maps]") {
  using boost::math::quadrature::gauss_kronrod;
  for (Case const& each : cases())
    for (Scaling const& s : {Scaling{1, 0, 1, 0}, {0.1, 0.5, 3, -0.2}, {2.5, -0.8, 1, 0.1}, {-0.7, 0.3, 0.5, 0}}) {
      if (each.name == "gaussian" && s.input_scale > 2) continue;  // exp(0.05 x²) has no variance there
      CAPTURE(each.name, s.input_scale, s.input_shift);
      AnyActivation const f = make_activation(each.name, each.parameters, s);
      auto const expect = [&](auto const& integrand) {
        double const kink = std::clamp(-s.input_shift / s.input_scale, -13.0, 13.0);
        auto const weighted = [&](double z) { return integrand(z) * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); };
        return gauss_kronrod<double, 61>::integrate(weighted, -13.0, kink, 12, 1e-15)
               + gauss_kronrod<double, 61>::integrate(weighted, kink, 13.0, 12, 1e-15);
      };
      auto const y = [&](double z) { return activation_value(f, z); };
      auto const slope = [&](double z) { return activation_slope(f, z); };
      LocalMoments const m = local_moments(f);
      double const square = expect([&](double z) { return y(z) * y(z); }), steep = expect([&](double z) { return slope(z) * slope(z); });
      CHECK_THAT(m.mean, Catch::Matchers::WithinAbs(expect(y), 1e-13 * std::sqrt(square)));
      CHECK_THAT(m.q(), Catch::Matchers::WithinRel(square, 1e-13));
      CHECK_THAT(m.slope, Catch::Matchers::WithinAbs(steep, 1e-13 * steep));
      CHECK_THAT(m.q_slope(),
                 Catch::Matchers::WithinAbs(expect([&](double z) { return y(z) * slope(z) * z; }), 1e-13 * std::sqrt(square * steep)));
      if (smoothness_of(f).slope_jumps) continue;
      // y'' by differences that keep to one side of the bend.
      auto const curvature = [&](double z) {
        double const h = 1e-3, side = z < -s.input_shift / s.input_scale ? -h : h;
        return (-25.0 / 12 * slope(z) + 4 * slope(z + side) - 3 * slope(z + 2 * side) + 4.0 / 3 * slope(z + 3 * side)
                - 0.25 * slope(z + 4 * side))
               / side;
      };
      double const bend = expect([&](double z) { return curvature(z) * curvature(z); });
      CHECK_THAT(m.curvature, Catch::Matchers::WithinAbs(bend, 1e-8 * (bend + steep)));
    }
}

TEST_CASE("a scaled output has scaled moments", "[local_maps]") {
  LocalMoments const plain = local_moments(scaled("softplus", {0.4, 0.3, 1, 0})),
                     direct = local_moments(scaled("softplus", {0.4, 0.3, 2.5, -0.7}));
  LocalMoments const found = plain.scaled(2.5, -0.7);
  CHECK_THAT(found.q(), Catch::Matchers::WithinRel(direct.q(), 1e-14));
  CHECK_THAT(found.q_slope(), Catch::Matchers::WithinRel(direct.q_slope(), 1e-13));
  CHECK_THAT(found.curvature, Catch::Matchers::WithinRel(direct.curvature, 1e-14));
}

TEST_CASE("jumps are known, and a kernel without a function is refused", "[local_maps]") {
  CHECK(smoothness_of(make_activation("sign", {})).value_jumps);
  CHECK(smoothness_of(make_activation("relu", {})).slope_jumps);
  CHECK(smoothness_of(make_activation("selu", {})).slope_jumps);
  CHECK_FALSE(smoothness_of(make_activation("rbf", {})).slope_jumps);
  for (double const gamma : {0.1, 0.7, 2.0}) CHECK_FALSE(smoothness_of(make_activation("rbf", {{"gamma", gamma}})).slope_jumps);
  CHECK_FALSE(smoothness_of(make_activation("elu", {})).slope_jumps);
  CHECK_FALSE(smoothness_of(make_activation("softsign", {})).slope_jumps);
  CHECK_FALSE(smoothness_of(make_activation("tanh", {})).slope_jumps);
  CHECK_THROWS(local_moments(make_activation("exp_normalized", {})));
}
