// Activations as layers: what a prepared one carries, for every row of the list of cases.
#include <cmath>

#include "support/activation_cases.hpp"
#include "support/catch.hpp"
#include "support/gaussian_quadrature.hpp"

using namespace infinitile;

namespace {

/// One row of variance q against columns of variance 1 and these gaps, by the form in float and by the one in double.
void compare_single_with_double(PreparedActivation const& layer, double q) {
  std::vector<float> const gaps{0, 1e-12F, 1e-5F, 0.01F, 0.6F, 1, 1.3F, 1.999F, 2};
  std::size_t const count = gaps.size(), features = static_cast<std::size_t>(layer.features());
  std::vector<double> row_features(features), col_features(features * count);
  layer.features(q, row_features.data(), 1);
  for (std::size_t j = 0; j < count; ++j) layer.features(1, col_features.data() + j, static_cast<long>(count));
  std::vector<double> const roots(count, 1.0), next_roots(count, std::sqrt(layer.variance(1)));
  RowSide const row{std::sqrt(q), std::sqrt(layer.variance(q)), row_features.data(), 1};
  ColSide const col{roots.data(), next_roots.data(), col_features.data(), static_cast<long>(count)};
  std::vector<float> single(gaps), single_slope(count);
  std::vector<double> expected(gaps.begin(), gaps.end()), slope(count);
  layer.carry(row, col, static_cast<int>(count), single.data(), single_slope.data());
  layer.carry(row, col, static_cast<int>(count), expected.data(), slope.data());
  double const largest = std::sqrt(layer.slope_variance(1) * layer.slope_variance(q));
  for (std::size_t j = 0; j < count; ++j) {
    CAPTURE(q, gaps[j]);
    CHECK(single[j] == Approx(expected[j]).epsilon(1e-6));
    CHECK(single_slope[j] == Approx(slope[j]).epsilon(0).margin(5e-7 * largest));
  }
}

}  // namespace

TEST_CASE("pairs kept in float get what double gives, gaps with their relative accuracy", "[activation_layer]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : scalings) {
      INFO(c.name);
      AnyActivation const phi = make_activation(c.name, c.parameters, scaling);
      PreparedActivation const layer = prepare(phi, 0.3, 2);
      for (double const q : {0.3, 1.0, 2.0}) compare_single_with_double(layer, q);
      compare_single_with_double(prepare(phi, 0, 2), 0);
    }
}

TEST_CASE("a layer's value and slope are two-dimensional Gaussian integrals", "[activation_layer]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : scalings) {
      AnyActivation const phi = make_activation(c.name, c.parameters, scaling);
      bool const plain = &scaling == &scalings[0];
      PreparedActivation const layer = plain ? prepare(phi, 0, 3) : prepare(phi, 0.7, 1.3);
      Response const y = response_of(phi);
      for (Pairing const& p : plain ? pairings : few_pairings) {
        Dual const expected = quadrature_dual(y, p.q1, p.q2, p.gap);
        Carried const found = through(layer, p.q1, p.q2, p.gap);
        double const scale = std::sqrt(layer.variance(p.q1) * layer.variance(p.q2));
        double const slopes = std::sqrt(layer.slope_variance(p.q1) * layer.slope_variance(p.q2));
        double const value_error = std::abs(value_of(layer, p.q1, p.q2, found) - expected.value),
                     slope_error = std::abs(found.slope - expected.slope);
        INFO(c.name << " q1 " << p.q1 << " q2 " << p.q2 << " gap " << p.gap << ", input_scale " << scaling.input_scale << ", errors "
                    << value_error / (scale + 1e-300) << " " << slope_error / (slopes + 1e-300) << " value " << expected.value << " slope "
                    << expected.slope);
        // What a function that jumps, and the slope of one with a kink, are at variance 0 is a convention.
        bool const jumps = c.name == "sign" || c.name == "rectified_monomial", at_zero = p.q1 * p.q2 == 0 && y.centre == 0;
        if (!(at_zero && jumps)) CHECK(value_error <= 2e-12 * scale);
        if (!(at_zero && c.kinked)) CHECK(slope_error <= 4e-12 * slopes);
        CHECK((found.gap >= 0 && found.gap <= 2));
      }
    }
}

TEST_CASE("what a layer knows of one row is what it carries for that row with itself", "[activation_layer]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : {scalings[0], scalings[2]}) {
      AnyActivation const phi = make_activation(c.name, c.parameters, scaling);
      PreparedActivation const layer = prepare(phi, 0.7, 1.3);
      for (double const q : {0.7, 1.0, 1.3}) {
        INFO(c.name << " at " << q << ", input_shift " << scaling.input_shift);
        double const r = std::sqrt(q), kink = -scaling.input_shift / scaling.input_scale / r;
        Dual const squares = standard_mean(kink, 0.1, {}, [&](double z) {
          return Dual{dual_math::square(activation_value(phi, r * z)), dual_math::square(activation_slope(phi, r * z))};
        });
        double const mean = standard_mean(kink, 0.1, {}, [&](double z) { return Dual{activation_value(phi, r * z), 0}; }).value;
        CHECK(layer.variance(q) == Approx(squares.value).epsilon(1e-13));
        CHECK(layer.slope_variance(q) == Approx(squares.slope).epsilon(1e-13));
        CHECK(layer.mean(q) == Approx(mean).epsilon(1e-13).margin(1e-14));
        Carried const same = through(layer, q, q, 0);
        CHECK(same.gap <= 1e-13);
        CHECK(same.slope == Approx(layer.slope_variance(q)).epsilon(2e-12));
      }
    }
}

TEST_CASE("rows and columns can be exchanged", "[activation_layer]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : {scalings[0], scalings[2]}) {
      PreparedActivation const layer = prepare(make_activation(c.name, c.parameters, scaling), 0.7, 1.3);
      Carried const one = through(layer, 0.7, 1.3, 0.37), other = through(layer, 1.3, 0.7, 0.37);
      INFO(c.name);
      CHECK(one.gap == Approx(other.gap).epsilon(1e-12));
      CHECK(one.slope == Approx(other.slope).epsilon(1e-12).margin(1e-13));
    }
}

TEST_CASE("a strip of columns is its columns one by one", "[activation_layer]") {
  constexpr int count = 77;
  for (Case const& c : cases())
    for (Scaling const& scaling : {scalings[0], scalings[1]}) {
      PreparedActivation const layer = prepare(make_activation(c.name, c.parameters, scaling), 0.8, 1.6);
      std::vector<double> root(count), next(count), gap(count), slope(count),
          features(static_cast<std::size_t>(layer.features() * count + 1));
      for (int j = 0; j < count; ++j) {
        auto const at = static_cast<std::size_t>(j);
        double const q = 0.8 + 0.8 * j / count;
        root[at] = std::sqrt(q);
        next[at] = std::sqrt(layer.variance(q));
        gap[at] = 2.0 * j / (count - 1);
        layer.features(q, features.data() + j, count);
      }
      std::vector<double> const before = gap;
      layer.carry({root[3], next[3], features.data() + 3, count}, {root.data(), next.data(), features.data(), count}, count, gap.data(),
                  slope.data());
      for (int j = 0; j < count; ++j) {
        auto const at = static_cast<std::size_t>(j);
        Carried const alone = through(layer, root[3] * root[3], root[at] * root[at], before[at]);
        INFO(c.name << " column " << j);
        CHECK(gap[at] == Approx(alone.gap).epsilon(1e-12).margin(1e-14));
        CHECK(slope[at] == Approx(alone.slope).epsilon(1e-12).margin(1e-13));
      }
    }
}

TEST_CASE("near duplicates of one variance keep their digits", "[activation_layer]") {
  // For small gaps gap' = gap q E[f'²] / E[f²] (1 + O(gap)), with O(√gap) where f has a kink.
  for (Case const& c : cases()) {
    if (c.name == "sign" || c.name == "hermite" || (c.name == "rectified_monomial" && std::get<double>(c.parameters[0].second) == 0))
      continue;
    PreparedActivation const layer = prepare(make_activation(c.name, c.parameters, {0.9, 0, 1.2, 0}), 1.3, 1.3);
    for (double const gap : {1e-11, 1e-13, 1e-15}) {
      INFO(c.name << " gap " << gap);
      double const expected = gap * 1.3 * layer.slope_variance(1.3) / layer.variance(1.3);
      CHECK(through(layer, 1.3, 1.3, gap).gap == Approx(expected).epsilon(c.kinked ? 5e-6 : 1e-9));
    }
  }
}

TEST_CASE("zeros and extremes give numbers", "[activation_layer]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : {scalings[0], scalings[2]}) {
      double const most = 2;
      PreparedActivation const layer = prepare(make_activation(c.name, c.parameters, scaling), 0, most),
                               none = prepare(make_activation(c.name, c.parameters, scaling), 0, 0);
      for (auto const& [q1, q2, gap] : std::vector<Pairing>{
               {0, 0, 1}, {0, most, 1}, {most, 0, 1}, {most, most, 2}, {most, most, 0}, {1, 1, -1e-17}, {1, 1, 2 + 4e-16}}) {
        Carried const found = through(layer, q1, q2, gap);
        INFO(c.name << " " << q1 << " " << q2 << " " << gap);
        CHECK((std::isfinite(found.slope) && found.gap >= -1e-14 && found.gap <= 2 + 1e-14));
      }
      CHECK(std::isfinite(through(none, 0, 0, 1).slope));
      CHECK(std::isfinite(through(none, 0, 0, 1).gap));
    }
}
