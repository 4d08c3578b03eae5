#include "kernels/activation.hpp"

#include "base/error.hpp"
#include "support/activation_cases.hpp"
#include "support/catch.hpp"
#include "support/gaussian_quadrature.hpp"

using namespace infinitile;

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

TEST_CASE("gelu's tanh form changes the function and not the kernel", "[activation]") {
  AnyActivation const exact = make_activation("gelu", {}), approximate = make_activation("gelu", {{"approximate", 1.0}});
  CHECK(activation_value(approximate, 1.5) == Approx(1.3995715769802328).epsilon(1e-14));  // x/2 (1 + tanh(√(2/π)(x + 0.044715 x³)))
  CHECK(activation_value(approximate, 1.5) != activation_value(exact, 1.5));
  double const h = 1e-5;
  CHECK(activation_slope(approximate, 0.7)
        == Approx((activation_value(approximate, 0.7 + h) - activation_value(approximate, 0.7 - h)) / (2 * h)).epsilon(1e-9));
  CHECK(through(prepare(exact, 1, 1), 1, 1, 0.3).gap == through(prepare(approximate, 1, 1), 1, 1, 0.3).gap);
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
  CHECK_THROWS_WITH(make_activation("monomial", {{"degree", -1.0}}), Contains("an integer from 0 to"));
  CHECK_THROWS_WITH(make_activation("rbf", {{"gamma", -1.0}}), Contains("from 0 on"));
  CHECK_THROWS_WITH(make_activation("erf", {{"a", std::nan("")}}), Contains("finite"));
  CHECK_THROWS_WITH(make_activation("polynomial", {{"coef", std::vector<double>{}}}), Contains("0 numbers; 1 to"));
  AnyActivation const growing = make_activation("gaussian", {{"b", 0.5}});
  CHECK_NOTHROW(prepare(growing, 0, 0.49));
  CHECK_THROWS_WITH(prepare(growing, 0, 0.5), Contains("infinite"));
}
