#include "kernels/activation.hpp"

#include <optional>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/gaussian_quadrature.hpp"

using namespace infinitile;

namespace {

struct Case {
  std::string name;
  NamedValues parameters;
  bool kinked = false;
};

/// THE list: one row per activation at least. Every test below runs over all rows.
std::vector<Case> const& cases() {
  static std::vector<Case> const list{
      {"erf", {{"a", 0.7}, {"b", 1.3}, {"c", 0.4}}},
      {"sigmoid_like", {}},
      {"gelu", {}},
      {"sin", {{"a", 1.2}, {"b", 0.8}, {"c", 0.6}}},
      {"sin", {}},
      {"cos", {{"a", 0.7}, {"b", 1.5}, {"c", -0.4}}},
      {"rbf", {{"gamma", 0.9}}},
      {"gaussian", {{"a", 1.1}, {"b", -0.7}}},
      {"gaussian", {{"b", 0.05}}},
      {"exp", {{"a", 0.5}, {"b", 0.6}}},
      {"gabor", {}},
      {"ab_relu", {{"a", -0.3}, {"b", 1.1}}, true},
      {"ab_relu", {{"a", 0.6}, {"b", 0.6}}, true},
      {"relu", {{"do_stabilize", 1.0}}, true},
      {"leaky_relu", {{"alpha", 0.2}}, true},
      {"abs", {}, true},
      {"sign", {}, true},
      {"hermite", {{"degree", 0.0}}},
      {"hermite", {{"degree", 1.0}}},
      {"hermite", {{"degree", 4.0}}},
      {"monomial", {{"degree", 3.0}}},
      {"rectified_monomial", {{"degree", 0.0}}, true},
      {"rectified_monomial", {{"degree", 1.0}}, true},
      {"rectified_monomial", {{"degree", 2.0}}, true},
      {"rectified_monomial", {{"degree", 5.0}}, true},
      {"polynomial", {{"coef", std::vector<double>{-0.1, 2.1, 0.0, 0.3, -1.2, -0.5}}}},
      {"tanh", {}},
      {"sigmoid", {}},
      {"softplus", {}},
      {"silu", {}},
      {"elu", {}, true},
      {"selu", {}, true},
      {"softsign", {}, true},
      {"atan", {}},
      {"asinh", {}},
      {"bent_identity", {}},
  };
  return list;
}

struct Pairing {
  double q1, q2, gap;
};
std::vector<Pairing> const pairings{{1.3, 0.7, 0.6}, {1, 1, 0.3},      {1, 1, 1e-3},  {0.5, 0.5, 1e-8}, {0.8, 0.8, 0},
                                    {2, 0.4, 1},     {1, 1, 2 - 1e-8}, {0.9, 0.9, 2}, {1e-6, 1.5, 0.4}, {1.4, 1.4, 1.3},
                                    {1, 1.2, 1e-12}, {3, 0.01, 1.7},   {0, 1.3, 1},   {0, 0, 1}};

std::vector<Pairing> const few_pairings{{1.3, 0.7, 0.6}, {1, 1, 1e-3}, {0.9, 0.9, 2}, {1.1, 0.8, 1}};

std::vector<Scaling> const scalings{{1, 0, 1, 0}, {-0.7, 0, -0.9, -0.3}, {1.2, 0.4, 1.1, 0.25}};

}  // namespace

TEST_CASE("every activation has a row in the list of cases", "[activation]") {
  for (Signature const& signature : activation_signatures()) {
    bool const listed = std::any_of(cases().begin(), cases().end(), [&](Case const& c) { return c.name == signature.name; });
    CHECK((listed || signature.name == "exp_normalized"));
  }
}

TEST_CASE("the slope is the derivative of the value", "[activation]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : scalings) {
      AnyActivation const phi = make_activation(c.name, c.parameters, scaling);
      for (double const x : {-2.3, -0.71, 0.13, 0.9, 2.6}) {
        double const h = 1e-5, difference = (activation_value(phi, x + h) - activation_value(phi, x - h)) / (2 * h);
        INFO(c.name << " at " << x);
        CHECK(activation_slope(phi, x) == Approx(difference).epsilon(1e-7).margin(1e-8));
      }
    }
}

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

TEST_CASE("pairs kept in float get what double gives, gaps with their relative accuracy", "[activation]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : scalings) {
      INFO(c.name);
      AnyActivation const phi = make_activation(c.name, c.parameters, scaling);
      PreparedActivation const layer = prepare(phi, 0.3, 2);
      for (double const q : {0.3, 1.0, 2.0}) compare_single_with_double(layer, q);
      compare_single_with_double(prepare(phi, 0, 2), 0);
    }
}

TEST_CASE("gelu's tanh form changes the function and not the kernel", "[activation]") {
  AnyActivation const exact = make_activation("gelu", {}), approximate = make_activation("gelu", {{"approximate", 1.0}});
  CHECK(activation_value(approximate, 1.5) == Approx(1.3995715769802328).epsilon(1e-14));  // x/2 (1 + tanh(√(2/π)(x + 0.044715 x³)))
  CHECK(activation_value(approximate, 1.5) != activation_value(exact, 1.5));
  double const h = 1e-5;
  CHECK(activation_slope(approximate, 0.7)
        == Approx((activation_value(approximate, 0.7 + h) - activation_value(approximate, 0.7 - h)) / (2 * h)).epsilon(1e-9));
  CHECK(through(prepare(exact, 1, 1), 1, 1, 0.3).gap == through(prepare(approximate, 1, 1), 1, 1, 0.3).gap);
}

TEST_CASE("a layer's value and slope are two-dimensional Gaussian integrals", "[activation]") {
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

TEST_CASE("golden values", "[activation]") {
  // neural-tangents 0.6.5 formulas against two-dimensional quadrature at q1 = 1.3, q2 = 0.7, E[uv] = 0.4, to 12 digits.
  struct Golden {
    std::string name;
    NamedValues parameters;
    double value, slope;
  };
  auto const degree = [](double n) { return NamedValues{{"degree", n}}; };
  std::vector<Golden> const table{
      {"erf", {{"a", 0.7}, {"b", 1.3}, {"c", 0.4}}, 0.260719270838, 0.260929040784},
      {"gelu", {}, 0.188060676735, 0.324817221804},
      {"sin", {{"a", 1.2}, {"b", 0.8}, {"c", 0.6}}, 0.383916444048, 0.382024199098},
      {"rbf", {{"gamma", 0.9}}, 0.339595525645, 0.611271946161},
      {"exp", {{"a", 0.5}, {"b", 0.6}}, 0.413832340789, 0.148979642684},
      {"gaussian", {{"a", 1.1}, {"b", -0.7}}, 0.527084278662, 0.0784125378502},
      {"gabor", {}, 0.0129386488429, 0.0411114732676},
      {"ab_relu", {{"a", -0.3}, {"b", 1.1}}, 0.388141059377, 0.294974751551},
      {"sign", {}, 0.275458676635, 0},
      {"relu", {}, 0.265378091519, 0.318864669159},
      {"rectified_monomial", degree(0), 0.318864669159, 0},
      {"rectified_monomial", degree(1), 0.265378091519, 0.318864669159},
      {"rectified_monomial", degree(2), 0.557602211692, 1.06151236608},
      {"rectified_monomial", degree(3), 1.91133869794, 5.01841990523},
      {"rectified_monomial", degree(4), 9.11556328315, 30.581419167},
      {"rectified_monomial", degree(5), 55.7520921946, 227.889082079},
      {"monomial", degree(2), 1.23, 1.6},
      {"monomial", degree(3), 3.66, 11.07},
      {"monomial", degree(4), 18.5505, 58.56},
      {"monomial", degree(5), 110.7018, 463.7625},
      {"polynomial", {{"coef", std::vector<double>{-0.1, 2.1, 0.0, 0.3, -1.2, -0.5}}}, 38.98837, 154.193325},
  };
  double const gap = 1 - 0.4 / std::sqrt(1.3 * 0.7);
  for (Golden const& g : table) {
    INFO(g.name);
    PreparedActivation const layer = prepare(make_activation(g.name, g.parameters), 0.7, 1.3);
    Carried const found = through(layer, 1.3, 0.7, gap);
    CHECK(value_of(layer, 1.3, 0.7, found) == Approx(g.value).epsilon(5e-12));
    CHECK(found.slope == Approx(g.slope).epsilon(5e-12));
    with_activation(make_activation(g.name, g.parameters), [&](auto const& phi) {
      if constexpr (requires { phi.dual(1.3, 0.7, 0.4); }) {
        CHECK(phi.dual(1.3, 0.7, 0.4).value == Approx(g.value).epsilon(5e-12));
        CHECK(phi.dual(1.3, 0.7, 0.4).slope == Approx(g.slope).epsilon(5e-12));
      }
    });
  }
}

TEST_CASE("the slope of a dual is the derivative of its value", "[activation]") {
  for (Case const& c : cases())
    with_activation(make_activation(c.name, c.parameters), [&](auto const& phi) {
      if constexpr (requires { phi.dual(1.0, 1.0, 0.5); }) {
        if (c.name == "sign" || (c.name == "rectified_monomial" && std::get<double>(c.parameters[0].second) == 0))
          return;  // slope 0 by convention
        for (double const k : {-0.6, 0.05, 0.7}) {
          double const h = 1e-5;
          INFO(c.name << " at " << k);
          double const difference = (phi.dual(1.3, 0.7, k + h).value - phi.dual(1.3, 0.7, k - h).value) / (2 * h);
          CHECK(phi.dual(1.3, 0.7, k).slope == Approx(difference).epsilon(1e-8).margin(1e-9));
        }
      }
    });
}

TEST_CASE("what a layer knows of one row is what it carries for that row with itself", "[activation]") {
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

TEST_CASE("rows and columns can be exchanged", "[activation]") {
  for (Case const& c : cases())
    for (Scaling const& scaling : {scalings[0], scalings[2]}) {
      PreparedActivation const layer = prepare(make_activation(c.name, c.parameters, scaling), 0.7, 1.3);
      Carried const one = through(layer, 0.7, 1.3, 0.37), other = through(layer, 1.3, 0.7, 0.37);
      INFO(c.name);
      CHECK(one.gap == Approx(other.gap).epsilon(1e-12));
      CHECK(one.slope == Approx(other.slope).epsilon(1e-12).margin(1e-13));
    }
}

TEST_CASE("a strip of columns is its columns one by one", "[activation]") {
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

TEST_CASE("near duplicates of one variance keep their digits", "[activation]") {
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

TEST_CASE("zeros and extremes give numbers", "[activation]") {
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

TEST_CASE("hermite is a power of the correlation at unit variance", "[activation]") {
  for (double const degree : {1.0, 2.0, 5.0, 12.0}) {
    PreparedActivation const layer = prepare(make_activation("hermite", {{"degree", degree}}), 1, 1);
    for (double const gap : {1e-9, 0.2, 0.9, 1.0, 1.6}) {
      Carried const found = through(layer, 1, 1, gap);
      double const expected = gap < 0.5 ? -std::expm1(degree * std::log1p(-gap)) : 1 - std::pow(1 - gap, degree);
      CHECK(found.gap == Approx(expected).epsilon(1e-14));
      CHECK(found.slope == Approx(degree * std::pow(1 - gap, degree - 1)).epsilon(1e-14).margin(1e-300));
    }
  }
}

TEST_CASE("exp_normalized is exp of the correlation", "[activation]") {
  PreparedActivation const layer = prepare(make_activation("exp_normalized", {{"gamma", 0.5}, {"shift", -0.2}, {"do_clip", 1.0}}), 0, 2);
  Carried const found = through(layer, 1.3, 0.7, 0.6);
  CHECK(value_of(layer, 1.3, 0.7, found) == Approx(std::sqrt(1.3 * 0.7) * std::exp(0.5 * (0.4 - 0.2))).epsilon(1e-14));
  CHECK(found.slope == Approx(0.5 * std::exp(0.5 * (0.4 - 0.2))).epsilon(1e-14));
  CHECK(through(layer, 0, 0.7, 1).gap == 1);
  CHECK_THROWS_AS(activation_value(make_activation("exp_normalized", {}), 1.0), Error);
  CHECK_THROWS_AS(make_activation("exp_normalized", {}, {1, 0.5, 1, 0}), Error);
}

TEST_CASE("impossible activations are refused with a reason", "[activation]") {
  using Catch::Contains;
  CHECK_THROWS_WITH(make_activation("rely", {}), Contains("relu"));
  CHECK_THROWS_WITH(make_activation("leaky_relu", {}), Contains("alpha") && Contains("needed"));
  CHECK_THROWS_WITH(make_activation("leaky_relu", {{"alpa", 1.0}}), Contains("alpa") && Contains("alpha"));
  CHECK_THROWS_WITH(make_activation("relu", {{"do_stabilize", 2.0}}), Contains("true or false"));
  CHECK_THROWS_WITH(make_activation("monomial", {{"degree", 2.5}}), Contains("integer"));
  CHECK_THROWS_WITH(make_activation("monomial", {{"degree", -1.0}}), Contains("between 0 and"));
  CHECK_THROWS_WITH(make_activation("rbf", {{"gamma", -1.0}}), Contains("at least 0"));
  CHECK_THROWS_WITH(make_activation("erf", {{"a", std::nan("")}}), Contains("finite"));
  CHECK_THROWS_WITH(make_activation("polynomial", {{"coef", std::vector<double>{}}}), Contains("between 1 and"));
  AnyActivation const growing = make_activation("gaussian", {{"b", 0.5}});
  CHECK_NOTHROW(prepare(growing, 0, 0.49));
  CHECK_THROWS_WITH(prepare(growing, 0, 0.5), Contains("infinite"));
}
