#include "shaping/shape_network.hpp"

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

/// A residual network of the published examples: blocks of `convs` activations beside a shortcut of weight w. Reference 1.6 and 2.2.
struct Residual {
  std::vector<int> blocks;
  int convs;
  double w;
  bool v2;

  std::string branch(std::string const& activation, bool begins_activated) const {
    std::string out;
    for (int i = 0; i < convs; ++i) {
      if (i > 0 || !begins_activated) out += activation + ", ";
      out += i + 1 < convs ? "dense, " : fmt::format("{{dense: {{w_std: {:.17g}}}}}", std::sqrt(1 - w * w));
    }
    return out;
  }

  std::string words(std::string const& activation) const {
    std::string layers = "[dense, ";
    for (int const count : blocks)
      for (int i = 0; i < count; ++i) {
        bool const projects = v2 && i == 0 && w > 0;
        std::string const shortcut = projects ? fmt::format("{{dense: {{w_std: {:.17g}}}}}", w)
                                              : fmt::format("{{monomial: {{degree: 1, output_scale: {:.17g}}}}}", w);
        if (projects) layers += activation + ", ";
        layers += w > 0 ? fmt::format("{{sum: [[{}], [{}]]}}, ", shortcut, branch(activation, projects)) : branch(activation, false) + ", ";
        if (!v2) layers += activation + ", ";
      }
    return layers + activation + "]";
  }
};

std::string layers_of(std::string const& net, std::string const& activation) {
  if (net.starts_with("chain_")) return fmt::format("[{{repeat: {{times: {}, layers: [dense, {}]}}}}]", net.substr(6), activation);
  if (net == "resnet50_v2_w0") return Residual{{3, 4, 6, 3}, 3, 0, true}.words(activation);
  if (net == "resnet50_v2_w0.5") return Residual{{3, 4, 6, 3}, 3, 0.5, true}.words(activation);
  if (net == "resnet50_v2_w0.8") return Residual{{3, 4, 6, 3}, 3, 0.8, true}.words(activation);
  if (net == "resnet101_v2_w0.6") return Residual{{3, 4, 23, 3}, 3, 0.6, true}.words(activation);
  if (net == "resnet34_v1_w0.5") return Residual{{3, 4, 6, 3}, 1, 0.5, false}.words(activation);
  throw Error("no network is called " + net);
}

struct Golden {
  std::string method, net, activation;
  double goal, local;
  Scaling scaling;
  double alpha;
};

std::vector<Golden> read_golden() {
  std::ifstream file(std::string(INFINITILE_TEST_DATA) + "/shaping.csv");
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
  for (Golden const& row : read_golden()) {
    CAPTURE(row.method, row.net, row.goal, row.activation);
    Network const network = read_words(layers_of(row.net, in_words(row.activation)));
    if (row.method == "tat_leaky" && row.local == 0) {
      CHECK(message_of([&] { shape_network(network, goal_of(row)); }).find("reaches at most") != std::string::npos);
      continue;
    }
    ShapedNetwork const found = shape_network(network, goal_of(row));
    CHECK_THAT(found.achieved, Catch::Matchers::WithinRel(row.goal, 1e-10));
    REQUIRE(found.kinds.size() == 1);
    CHECK(found.kinds[0].residuals.largest() <= shape_tolerance);
    if (row.method != "tat_leaky") CHECK_THAT(found.local.value, Catch::Matchers::WithinRel(row.local, 1e-12));
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
  says("[dense, tanh]", {ShapeGoal::Method::dks, 1, 1, 0.9, 0.3}, {"c_slope_1_target is 1", "above 1"});
  says("[dense, tanh]", {ShapeGoal::Method::tat, 1.5, 1, 0.9, 0}, {"c_curve_target is 0", "above 0"});
  says("[dense, {leaky_relu: {alpha: 0.1}}]", tat, {"c_val_0_target is 0.9", "reaches at most 0.3183"});
}
