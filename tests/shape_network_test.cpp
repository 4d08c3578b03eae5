#include "shaping/shape_network.hpp"

#include <cmath>
#include <fstream>
#include <numbers>
#include <random>
#include <sstream>

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <fmt/format.h>

#include "shaping/network_maps.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/residual_networks.hpp"

using namespace infinitile;

namespace {

std::string layers_of(std::string const& net, std::string const& activation) {
  if (net.starts_with("chain_")) return fmt::format("[{{repeat: {{times: {}, layers: [dense, {}]}}}}]", net.substr(6), activation);
  if (net == "resnet50_v2_w0") return Residual{{3, 4, 6, 3}, 3, 0, true}.words(activation);
  if (net == "resnet50_v2_w0.5") return Residual{{3, 4, 6, 3}, 3, 0.5, true}.words(activation);
  if (net == "resnet50_v2_w0.8") return Residual{{3, 4, 6, 3}, 3, 0.8, true}.words(activation);
  if (net == "resnet101_v2_w0.6") return Residual{{3, 4, 23, 3}, 3, 0.6, true}.words(activation);
  if (net == "resnet34_v1_w0.5") return Residual{{3, 4, 6, 3}, 1, 0.5, false}.words(activation);
  throw Error("no network is called " + net);
}

/// A row of a golden file; `third` is the local target in shaping.csv and Q'(1) in shaping_published.csv.
struct Golden {
  std::string method, net, activation;
  double goal, third;
  Scaling scaling;
  double alpha;
};

std::vector<Golden> read_golden(std::string const& name) {
  std::ifstream file(std::string(INFINITILE_TEST_DATA) + "/" + name);
  std::vector<Golden> out;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream row(line);
    std::vector<std::string> f;
    for (std::string field; std::getline(row, field, ',');) f.push_back(field);
    auto const number = [&](std::size_t i) { return std::stod(f.at(i)); };
    out.push_back({f.at(0), f.at(1), f.at(4), number(2), number(3), {number(5), number(6), number(7), number(8)}, number(9)});
  }
  return out;
}

std::string in_words(std::string const& activation) {
  if (activation == "gelu_approximate") return "{gelu: {approximate: true}}";
  if (activation == "leaky_relu") return "{leaky_relu: {alpha: 0.01}}";
  return activation;
}

ShapeGoal goal_of(Golden const& row) {
  ShapeGoal goal;
  goal.method = row.method == "dks" ? ShapeGoal::Method::dks : ShapeGoal::Method::tat;
  (row.method == "dks" ? goal.c_slope_1_target : row.method == "tat" ? goal.c_curve_target : goal.c_val_0_target) = row.goal;
  return goal;
}

double alpha_in(Activation const& layer) {
  for (auto const& [name, value] : layer.parameters)
    if (name == "alpha") return std::get<double>(value);
  return 0;
}

}  // namespace

TEST_CASE("shaped networks of the golden file", "[shape]") {
  int others = 0;
  for (Golden const& row : read_golden("shaping.csv")) {
    CAPTURE(row.method, row.net, row.goal, row.activation);
    Network const network = read_words(layers_of(row.net, in_words(row.activation)));
    if (row.method == "tat_leaky" && row.third == 0) {
      CHECK(message_of([&] { shape_network(network, goal_of(row)); }).find("reaches at most") != std::string::npos);
      continue;
    }
    ShapedNetwork const found = shape_network(network, goal_of(row));
    CHECK_THAT(found.achieved, Catch::Matchers::WithinRel(row.goal, 1e-10));
    REQUIRE(found.kinds.size() == 1);
    CHECK(found.kinds[0].residuals.largest() <= shape_tolerance);
    if (row.method != "tat_leaky") CHECK_THAT(found.local.value, Catch::Matchers::WithinRel(row.third, 1e-12));
    for (int n = 0; n < network.size(); ++n) {
      Activation const& layer = found.layers[static_cast<std::size_t>(n)];
      if (layer.name.empty()) continue;
      // Of the roots that there are ours has the smallest shift; the file once followed one that has not.
      if (std::abs(layer.affine.input_shift) < std::abs(row.scaling.input_shift) - 1e-3) {
        ++others;
        break;
      }
      CHECK_THAT(layer.affine.input_scale, Catch::Matchers::WithinRel(row.scaling.input_scale == 0 ? 1 : row.scaling.input_scale, 1e-8));
      CHECK_THAT(layer.affine.input_shift, Catch::Matchers::WithinAbs(row.scaling.input_shift, 1e-8));
      CHECK_THAT(layer.affine.output_scale, Catch::Matchers::WithinRel(row.scaling.output_scale, 1e-8));
      CHECK_THAT(layer.affine.output_shift, Catch::Matchers::WithinAbs(row.scaling.output_shift, 1e-8));
      if (row.activation == "leaky_relu") CHECK_THAT(alpha_in(layer), Catch::Matchers::WithinAbs(row.alpha, 1e-9));
    }
  }
  CHECK(others == 1);
}

TEST_CASE("published parameters are met", "[shape]") {
  std::vector<Golden> const rows = read_golden("shaping_published.csv");
  CHECK(rows.size() == 113);
  for (Golden const& row : rows) {
    CAPTURE(row.method, row.net, row.goal, row.activation);
    ShapeGoal goal = goal_of(row);
    goal.local_q_slope_target = row.third;
    Network const network = read_words(layers_of(row.net, in_words(row.activation)));
    ShapedNetwork const found = shape_network(network, goal);
    CHECK(found.kinds.at(0).residuals.largest() <= shape_tolerance);
    Activation const& layer = found.layers[static_cast<std::size_t>(network.output())];
    // Exact for chains, ten digits. For the residual network the package's own tests allow 1.5e-7, and its local C'(1) - 1 is off by up to
    // 5e-8 of itself since its goal is met to 1e-8; output_scale follows with half of that.
    double const exact = row.net.starts_with("chain_") ? 2e-10 : 1.5e-7, relative = row.net.starts_with("chain_") ? 1e-9 : 3e-8;
    CHECK_THAT(layer.affine.input_scale, Catch::Matchers::WithinAbs(row.scaling.input_scale, exact));
    CHECK_THAT(layer.affine.input_shift, Catch::Matchers::WithinAbs(row.scaling.input_shift, exact));
    CHECK_THAT(layer.affine.output_shift, Catch::Matchers::WithinAbs(row.scaling.output_shift, exact));
    CHECK_THAT(layer.affine.output_scale, Catch::Matchers::WithinRel(row.scaling.output_scale, relative));
    if (row.activation == "leaky_relu") CHECK_THAT(alpha_in(layer), Catch::Matchers::WithinAbs(row.alpha, exact));
  }
}

TEST_CASE("published values of shaped activations are met", "[shape]") {
  // dks_tat, reference 6.2: f(0.6) and f(-0.6), |difference| < 5e-9 there. Kinked ones are left out, whose quadrature there steps over the
  // kink. tanh under tat is its other root there, -f(-x).
  struct Values {
    char const *method, *activation;
    double right, left;
  };
  Values const published[] = {
      {"dks", "softplus", 0.5205088334781294, -0.6970897398761904},        {"dks", "tanh", 0.6910746968773931, -0.5122335409369118},
      {"tat", "softplus", 0.6923574763139374, -0.4935166367766701},        {"tat", "tanh", 0.49030275427738146, -0.6860178437500071},
      {"tat", "gelu_approximate", 0.6922557817568101, -0.491992384704867}, {"tat", "gelu", 0.6922429517529013, -0.49198103131465193},
      {"tat_leaky", "leaky_relu", 0.7954047194402861, -0.2955187511683813}};
  for (Values const& row : published) {
    CAPTURE(row.method, row.activation);
    ShapeGoal goal{ShapeGoal::Method::tat, 12, 0.97, 0.95, 4.5};
    if (row.method == std::string("dks")) goal.method = ShapeGoal::Method::dks;
    Network const network = read_words(layers_of("resnet101_v2_w0.6", in_words(row.activation)));
    AnyActivation const f = shape_network(network, goal).kinds.at(0).shaped;
    CHECK_THAT(activation_value(f, 0.6), Catch::Matchers::WithinAbs(row.right, 5e-9));
    CHECK_THAT(activation_value(f, -0.6), Catch::Matchers::WithinAbs(row.left, 5e-9));
  }
}

TEST_CASE("maps of shaped activations are those of the golden file", "[shape]") {
  std::ifstream file(std::string(INFINITILE_TEST_DATA) + "/shaping_maps.csv");
  std::string line, last;
  std::getline(file, line);
  AnyActivation f = make_activation("tanh", {});
  int rows = 0;
  for (; std::getline(file, line); ++rows) {
    std::istringstream row(line);
    std::string method, activation, map, at, value;
    for (std::string* const field : {&method, &activation, &map, &at, &value}) std::getline(row, *field, ',');
    CAPTURE(line);
    if (method + activation != last) {
      ShapeGoal goal;
      goal.method = method == "dks" ? ShapeGoal::Method::dks : ShapeGoal::Method::tat;
      f = shape_network(read_words(layers_of("chain_50", in_words(activation))), goal).kinds.at(0).shaped;
      last = method + activation;
    }
    if (map == "c") {
      // At -1 the file's quadrature has an edge at the kink of one of the factors alone; infinite width takes the exact gelu.
      bool const kinked = activation == "relu" || activation == "elu" || activation == "selu" || activation == "softsign";
      if (at == "-1.0" && kinked) continue;
      std::vector<double> c{std::stod(at)};
      map_correlations(f, 1, c);
      CHECK_THAT(c[0], Catch::Matchers::WithinAbs(std::stod(value), activation == "gelu_approximate" ? 3e-5 : 1e-10));
    } else {
      AnyActivation scaled = f;
      scaled.scaling.input_scale *= std::sqrt(std::stod(at));
      CHECK_THAT(local_moments(scaled).q(), Catch::Matchers::WithinRel(std::stod(value), 1e-10));
    }
  }
  CHECK(rows == 384);
}

TEST_CASE("opposite inputs have the correlation of adaptive quadrature", "[shape]") {
  using boost::math::quadrature::gauss_kronrod;
  for (std::string const name : {"relu", "elu", "selu", "softsign", "tanh"}) {
    CAPTURE(name);
    AnyActivation const f = shape_network(read_words(layers_of("chain_50", name)), {}).kinds.at(0).shaped;
    double const kink = std::abs(f.scaling.input_shift / f.scaling.input_scale);
    auto const product = [&](double z) {
      return activation_value(f, z) * activation_value(f, -z) * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    };
    double expected = 0;
    for (auto const& [from, to] : {std::pair(-13.0, -kink), std::pair(-kink, kink), std::pair(kink, 13.0)})
      expected += gauss_kronrod<double, 61>::integrate(product, from, to, 12, 1e-15);
    std::vector<double> c{-1};
    map_correlations(f, 1, c);
    CHECK_THAT(c[0], Catch::Matchers::WithinAbs(expected, 1e-10));
  }
}

TEST_CASE("random networks meet their conditions", "[shape]") {
  std::mt19937 random(7);
  auto const pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::vector<std::string> const activations{"tanh", "softplus", "silu", "erf", "gelu", "atan", "asinh", "elu", "sin", "bent_identity"};
  for (int trial = 0; trial < 20; ++trial) {
    std::string const f = activations[static_cast<std::size_t>(pick(10))], g = activations[static_cast<std::size_t>(pick(10))];
    std::string layers = "[dense";
    for (int block = 0; block < 5 + pick(20); ++block) {
      double const w = 0.1 * (1 + pick(8));
      std::string const branch = fmt::format("{}, dense, {}, {{dense: {{w_std: {:.17g}}}}}", f, g, std::sqrt(1 - w * w));
      layers += fmt::format(", {{sum: [[{{monomial: {{degree: 1, output_scale: {:.17g}}}}}], [{}]]}}, {}, dense", w, branch, f);
    }
    CAPTURE(layers);
    Network const network = read_words(layers + "]");
    for (auto const method : {ShapeGoal::Method::dks, ShapeGoal::Method::tat}) {
      ShapeGoal goal;
      goal.method = method;
      ShapedNetwork const found = shape_network(network, goal);
      CHECK_THAT(found.achieved, Catch::Matchers::WithinRel(found.wanted, 1e-9));
      for (ShapedKind const& kind : found.kinds) CHECK(kind.residuals.largest() <= shape_tolerance);
    }
  }
}

TEST_CASE("a shift that is 0 is written as 0", "[shape]") {
  for (std::string const net : {"chain_3", "chain_10", "chain_30"})
    CHECK(shape_network(read_words(layers_of(net, in_words("leaky_relu"))), {}).kinds.at(0).shaped.scaling.input_shift == 0);
}

TEST_CASE("rbf, which is smooth, is shaped", "[shape]") {
  for (auto const method : {ShapeGoal::Method::dks, ShapeGoal::Method::tat}) {
    ShapeGoal goal;
    goal.method = method;
    CHECK(shape_network(read_words(layers_of("chain_10", "rbf")), goal).kinds.at(0).residuals.largest() <= shape_tolerance);
  }
}

#ifndef INFINITILE_TRAP_NAN  // debug builds stop where the first NaN is born
TEST_CASE("polynomials are shaped, also of a network whose variance overflows as it is written", "[shape]") {
  for (std::string const f : {"{hermite: {degree: 3}}", "{hermite: {degree: 5}}", "{polynomial: {coef: [0.2, 1, 0.5, -0.1]}}"}) {
    Network const network = read_words(layers_of("chain_30", f));
    NetworkMaps const maps(network);
    CHECK_FALSE(std::isfinite(maps.q(2)));
    CHECK(std::isnan(maps.c({0.5})[0]) == !std::isfinite(maps.q(1)));
    maps.at_one();
    for (auto const method : {ShapeGoal::Method::dks, ShapeGoal::Method::tat}) {
      ShapeGoal goal;
      goal.method = method;
      CAPTURE(f, message_of([&] { shape_network(network, goal); }));
      try {
        CHECK(shape_network(network, goal).kinds.at(0).residuals.largest() <= shape_tolerance);
      } catch (Error const& error) {
        CHECK(std::string(error.what()).find("no scale and shift") != std::string::npos);
      }
    }
  }
}
#endif

TEST_CASE("a goal that only almost straight lines reach is met", "[shape]") {
  // Reference 1.3: with three layers bent_identity wants an input_scale of about 240.
  ShapedNetwork const found = shape_network(read_words(layers_of("chain_3", "bent_identity")), {});
  CHECK(found.kinds.at(0).residuals.largest() <= shape_tolerance);
  CHECK(found.kinds.at(0).shaped.scaling.input_scale == Approx(240).epsilon(0.02));
}

TEST_CASE("weights keep their w_std, and the activation makes up for it", "[shape]") {
  Network const network = read_words("[{dense: {w_std: 3}}, tanh, {dense: {w_std: 0.5}}, tanh, dense]");
  ShapedNetwork const found = shape_network(network, {});
  CHECK(found.layers[2].affine.input_scale * 3 == Approx(found.layers[4].affine.input_scale * 0.5).epsilon(1e-15));
  CHECK(found.layers[2].affine.output_scale == found.layers[4].affine.output_scale);
}

TEST_CASE("what cannot be shaped is told in one line", "[shape]") {
  auto const says = [](std::string const& words, ShapeGoal const& goal, std::vector<std::string> const& parts) {
    std::string const message = message_of([&] { shape_network(read_words(words), goal); });
    CAPTURE(words, message);
    for (std::string const& part : parts) CHECK(message.find(part) != std::string::npos);
  };
  ShapeGoal const dks;
  ShapeGoal tat;
  tat.method = ShapeGoal::Method::tat;
  says("[dense, relu, {sum: [[], [dense]]}]", dks, {"layer 2 (sum)", "not normalized", "output_scale: 0.707107"});
  says("[dense, tanh, {dense: {b_std: 0.1}}]", dks, {"layer 2 (dense)", "b_std"});
  says("[dense, {product: [[tanh, dense], [tanh, dense]]}]", dks, {"layer 1 (product)", "no Q and C maps"});
  says("[dense, dense]", dks, {"no activation"});
  says("[dense, relu]", tat, {"layer 1 (relu)", "tat", "slope jumps"});
  says("[dense, selu]", tat, {"layer 1 (selu)", "slope jumps"});
  says("[dense, sign]", dks, {"layer 1 (sign)", "it jumps"});
  says("[dense, {monomial: {degree: 2}}]", dks, {"no scale and shift of monomial"});
  says("[dense, {monomial: {degree: 2}}]", tat, {"no scale and shift of monomial"});
  says("[dense, exp_normalized]", dks, {"layer 1 (exp_normalized)", "without a function"});
  says("[dense, gelu]", {ShapeGoal::Method::dks, 40, 1, 0.9, 0.3}, {"c_slope_1_target is 40", "gelu reaches"});
  for (std::string const f : {"relu", "tanh", "elu"}) {
    std::string const words = layers_of("chain_30", f);
    ShapeGoal goal{ShapeGoal::Method::dks, 1.00001, 1, 0.9, 0.3};
    std::string const message = message_of([&] { shape_network(read_words(words), goal); });
    CAPTURE(message);
    std::size_t const at = message.find("Set the target to ");
    REQUIRE(at != std::string::npos);
    goal.c_slope_1_target = std::stod(message.substr(at + 18));
    CHECK(goal.c_slope_1_target > 1.00001);
    CHECK(shape_network(read_words(words), goal).kinds.at(0).residuals.largest() <= shape_tolerance);
  }
  for (double const slope : {0.5, 2.0})
    says(layers_of("chain_30", "tanh"), {ShapeGoal::Method::dks, 1.5, slope, 0.9, 0.3}, {"local_q_slope_target is", "Set it to 1"});
  says("[dense, tanh]", {ShapeGoal::Method::dks, 1, 1, 0.9, 0.3}, {"c_slope_1_target is 1", "above 1"});
  says("[dense, tanh]", {ShapeGoal::Method::tat, 1.5, 1, 0.9, 0}, {"c_curve_target is 0", "above 0"});
  says("[dense, {leaky_relu: {alpha: 0.1}}]", tat, {"c_val_0_target is 0.9", "reaches at most 0.3183"});
}
