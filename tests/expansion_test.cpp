#include "kernels/expansion.hpp"

#include <fstream>
#include <map>
#include <sstream>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/activation.hpp"
#include "kernels/activation_expanded.hpp"
#include "support/catch.hpp"
#include "support/gaussian_quadrature.hpp"

using namespace infinitile;

namespace {

/// A row of tests/reference/duals.csv, written by make_duals.py beside it.
struct Reference {
  std::string name;
  Scaling scaling;
  double q1, q2, gap, value, slope;
};

std::vector<Reference> references() {
  std::ifstream file(std::string(INFINITILE_TEST_DATA) + "/duals.csv");
  std::vector<Reference> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream in(line);
    Reference r;
    std::getline(in, r.name, ',');
    char comma = ',';
    in >> r.scaling.input_scale >> comma >> r.scaling.input_shift >> comma >> r.scaling.output_scale >> comma >> r.scaling.output_shift
        >> comma >> r.q1 >> comma >> r.q2 >> comma >> r.gap >> comma >> r.value >> comma >> r.slope;
    REQUIRE(in);
    rows.push_back(r);
  }
  return rows;
}

AnyActivation activation_of(Reference const& r) {
  if (r.name == "rectified_monomial_3") return make_activation("rectified_monomial", {{"degree", 3.0}}, r.scaling);
  return make_activation(r.name, {}, r.scaling);
}

}  // namespace

TEST_CASE("duals without closed form agree with quadrature of higher precision", "[expansion]") {
  std::vector<Reference> const rows = references();
  REQUIRE(rows.size() > 150);
  std::map<std::string, PreparedActivation> shared;  // one table per function for usual variances, tables of their own for the others
  for (Reference const& r : rows) {
    double const least = std::min(r.q1, r.q2), most = std::max(r.q1, r.q2);
    bool const usual = least >= 0.5 && most <= 4;
    std::string const key = text(r.name, r.scaling.input_shift, usual ? "" : text(" ", least, " ", most));
    if (!shared.contains(key)) shared.emplace(key, usual ? prepare(activation_of(r), 0.5, 4) : prepare(activation_of(r), least, most));
    PreparedActivation const& layer = shared.at(key);
    Carried const found = through(layer, r.q1, r.q2, r.gap);
    double const scale = std::sqrt(layer.variance(r.q1) * layer.variance(r.q2)),
                 slopes = std::sqrt(layer.slope_variance(r.q1) * layer.slope_variance(r.q2));
    INFO(r.name << " q1 " << r.q1 << " q2 " << r.q2 << " gap " << r.gap << " input_shift " << r.scaling.input_shift << ": errors "
                << std::abs(value_of(layer, r.q1, r.q2, found) - r.value) / (scale + 1e-300) << " "
                << std::abs(found.slope - r.slope) / (slopes + 1e-300));
    CHECK(std::abs(value_of(layer, r.q1, r.q2, found) - r.value) <= 1e-12 * scale);
    // At variance 0 the slope of a kink is a convention.
    if (r.q1 * r.q2 > 0 || r.name == "tanh" || r.name == "softplus") CHECK(std::abs(found.slope - r.slope) <= 1e-12 * slopes);
  }
}

TEST_CASE("small and large variances in one table", "[expansion]") {
  for (std::string const name : {"tanh", "elu", "softsign", "atan"}) {
    PreparedActivation const layer = prepare(make_activation(name, {}), 1e-6, 25);
    Response const y = response_of(make_activation(name, {}));
    for (auto const& [q1, q2, gap] :
         std::vector<std::array<double, 3>>{{25, 25, 1e-10}, {25, 1e-6, 0.3}, {4, 9, 1}, {0.01, 16, 1.99}, {1e-6, 1e-6, 0.7}}) {
      Dual const expected = quadrature_dual(y, q1, q2, gap);
      Carried const found = through(layer, q1, q2, gap);
      INFO(name << " " << q1 << " " << q2 << " " << gap);
      CHECK(std::abs(value_of(layer, q1, q2, found) - expected.value) <= 1e-11 * std::sqrt(layer.variance(q1) * layer.variance(q2)));
      CHECK(std::abs(found.slope - expected.slope) <= 1e-11);
    }
  }
}

TEST_CASE("one pair by the plain sum is one pair of a strip", "[expansion]") {
  AngleTable const table(response_of(make_activation("silu", {})), 0.5, 1.25);
  AngleView const view = table.view();
  auto const count = static_cast<std::size_t>(view.features());
  std::vector<double> row(count), col(count);
  table.features(0.6, row.data(), 1);
  table.features(1.2, col.data(), 1);
  double const root = 1.2, next = 0.8;
  RowSide const one{0.6, 0.4, row.data(), 1};
  ColSide const other{&root, &next, col.data(), 1};
  for (double const gap : {0.0, 1e-9, 0.4, 1.0, 2.0}) {
    Carried const plain = view.carry(one, other, 0, gap);
    double g = gap, slope = 0;
    table.carry(one, other, 1, &g, &slope);
    CHECK(g == Approx(plain.gap).epsilon(1e-13));
    CHECK(slope == Approx(plain.slope).epsilon(1e-13));
  }
}

TEST_CASE("equal variances need no expansion in them", "[expansion]") {
  CHECK(AngleTable(response_of(make_activation("tanh", {})), 1.1, 1.1).view().sides == 1);
  CHECK(AngleTable(response_of(make_activation("tanh", {})), 1.1, 1.2).view().sides > 1);
}

TEST_CASE("near duplicates of slightly different variances keep their digits", "[expansion]") {
  // u = r1 z, v = r2 z: 1 − gap' = E[y(r1 z) y(r2 z)] / (R1 R2), so gap' = |A − B|²/2 for the normalized functions; here by quadrature of
  // that square.
  PreparedActivation const layer = prepare(make_activation("tanh", {}), 1, 1.5);
  for (double const apart : {1e-2, 1e-5, 1e-7}) {
    double const q1 = 1.2, r1 = std::sqrt(q1), r2 = r1 * (1 + apart), q2 = r2 * r2;
    double const a = std::sqrt(layer.variance(q1)), b = std::sqrt(layer.variance(q2));
    // tanh(r2 z) − tanh(r1 z) and b − a to first and second order would lose digits too: b − a = (E[(f2 − f1)(f2 + f1)]) / (a + b).
    auto const step = [&](double z) {
      return std::sinh((r2 - r1) * z) / (std::cosh(r1 * z) * std::cosh(r2 * z));
    };  // tanh(r2 z) − tanh(r1 z)
    double const rise = standard_mean(0, 0.1, {},
                                      [&](double z) {
                                        return Dual{step(z) * (std::tanh(r1 * z) + std::tanh(r2 * z)), 0};
                                      })
                            .value
                        / (a + b);
    double const expected = standard_mean(0, 0.1, {}, [&](double z) {
                              double const d = step(z) / b - std::tanh(r1 * z) * rise / (a * b);
                              return Dual{d * d / 2, 0};
                            }).value;
    INFO("apart " << apart);
    CHECK(through(layer, q1, q2, 0).gap == Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("an input too large to be smooth is refused", "[expansion]") {
  CHECK_THROWS_WITH(prepare(make_activation("tanh", {}), 1, 1e14), Catch::Contains("Scale the data"));
}
