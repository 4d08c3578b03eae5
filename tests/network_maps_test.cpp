#include "shaping/network_maps.hpp"

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "shaping/shape_network.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

/// erf at variance q: Q = (2/π) asin(2q / (1 + 2q)), and so for the covariance q c.
double erf_covariance(double q, double k) {
  return 2 / std::acos(-1.0) * std::asin(2 * k / (1 + 2 * q));
}

/// Variance and covariance of two inputs, taken through layers by hand.
struct ByHand {
  double q = 1, k = 1;
  ByHand dense(double w, double b = 0) const { return {w * w * q + b * b, w * w * k + b * b}; }
  ByHand erf() const { return {erf_covariance(q, q), erf_covariance(q, k)}; }
  ByHand operator+(ByHand const& other) const { return {q + other.q, k + other.k}; }
  ByHand operator*(ByHand const& other) const { return {q * other.q, k * other.k}; }
  double c() const { return k / q; }
};

std::vector<double> const places{-0.99, -0.6, 0, 0.3, 0.5, 0.9, 0.999};

template <class Network>
void expect_maps(std::string const& words, Network const& by_hand) {
  CAPTURE(words);
  auto const network = read_words(words, {{4}});
  NetworkMaps const maps(network);
  std::vector<double> const found = maps.c(places);
  for (std::size_t i = 0; i < places.size(); ++i) {
    CAPTURE(places[i]);
    CHECK_THAT(found[i], Catch::Matchers::WithinAbs(by_hand({1, places[i]}).c(), 1e-13));
  }
  for (double const q : {0.2, 1.0, 3.0}) CHECK_THAT(maps.q(q), Catch::Matchers::WithinRel(by_hand({q, q}).q, 1e-13));
}

/// One-sided differences from x on, of fifth and fourth order in h.
template <class F>
double slope_at(F const& f, double x, double h) {
  constexpr double weights[] = {-137.0 / 60, 5, -5, 10.0 / 3, -5.0 / 4, 1.0 / 5};
  double sum = 0;
  for (int i = 0; i < 6; ++i) sum += weights[i] * f(x + i * h);
  return sum / h;
}
template <class F>
double curvature_at(F const& f, double x, double h) {
  constexpr double weights[] = {15.0 / 4, -77.0 / 6, 107.0 / 6, -13, 61.0 / 12, -5.0 / 6};
  double sum = 0;
  for (int i = 0; i < 6; ++i) sum += weights[i] * f(x + i * h);
  return sum / (h * h);
}

}  // namespace

TEST_CASE("whole networks have the maps of their layers", "[network_maps]") {
  expect_maps("[dense, erf]", [](ByHand x) { return x.dense(1).erf(); });
  expect_maps("[{dense: {w_std: 1.5, b_std: 0.4}}, erf, {dense: {w_std: 0.7}}]",
              [](ByHand x) { return x.dense(1.5, 0.4).erf().dense(0.7); });
  expect_maps("[{repeat: {times: 5, layers: [{dense: {w_std: 2, b_std: 0.1}}, erf]}}, dense]", [](ByHand x) {
    for (int i = 0; i < 5; ++i) x = x.dense(2, 0.1).erf();
    return x;
  });
  expect_maps("[dense, {sum: [[{monomial: {degree: 1, output_scale: 0.6}}], [erf, {dense: {w_std: 0.8}}, erf, {dense: {w_std: 3}}]]}]",
              [](ByHand x) { return x.dense(0.6) + x.erf().dense(0.8).erf().dense(3); });
  expect_maps("[dense, {product: [[erf, dense], [{dense: {w_std: 2}}]]}]", [](ByHand x) { return x.erf() * x.dense(2); });
  expect_maps("[{dense: {out_dim: 4}}, {concat: {branches: [[erf, {dense: {out_dim: 1}}], [{dense: {out_dim: 3, w_std: 2}}]]}}]",
              [](ByHand x) { return x.erf().dense(0.5) + x.dense(2 * std::sqrt(0.75)); });
  expect_maps("[{dense: {w_std: 3}}, layer_norm, erf, dense]", [](ByHand x) {
    double const q = 9 * x.q + 1e-12;
    return ByHand{9 * x.q / q, 9 * x.k / q}.erf();
  });
}

TEST_CASE("derivatives of whole networks are those of their maps", "[network_maps]") {
  for (std::string const words :
       {"[dense, erf]", "[{dense: {w_std: 1.5, b_std: 0.4}}, tanh, dense]",
        "[{dense: {w_std: 0.9, b_std: 0.3}}, {repeat: {times: 4, layers: [softplus, {dense: {w_std: 0.7}}]}}, gelu]",
        "[dense, {sum: [[{monomial: {degree: 1, output_scale: 0.6}}], [tanh, {dense: {w_std: 0.8, b_std: 0.2}}]]}, tanh]",
        "[dense, {product: [[erf, dense], [tanh, {dense: {b_std: 0.5}}]]}, tanh]",
        "[{dense: {out_dim: 4}}, {concat: {branches: [[erf, {dense: {out_dim: 1}}], [tanh, {dense: {out_dim: 3, w_std: 2}}]]}}, sin]",
        "[{dense: {w_std: 3}}, layer_norm, {tanh: {input_scale: 0.4, input_shift: 0.5, output_scale: 2, output_shift: -0.3}}, dense]"}) {
    CAPTURE(words);
    Network const network = read_words(words, {{4}});
    NetworkMaps const maps(network);
    MapsAtOne const found = maps.at_one();
    auto const c = [&](double gap) { return maps.c({1 - gap}).front(); };
    CHECK(found.q == Approx(maps.q(1)).epsilon(1e-13));
    CHECK(found.q_slope == Approx(slope_at([&](double q) { return maps.q(q); }, 1, 2e-3)).epsilon(1e-8).margin(1e-9));
    CHECK(found.c_slope == Approx(-slope_at(c, 0, 2e-3)).epsilon(1e-8));
    CHECK(found.c_curvature == Approx(curvature_at(c, 0, 4e-3)).epsilon(1e-5));
  }
}

TEST_CASE("where a map has no derivative at 1 it is infinite, unless nothing comes through", "[network_maps]") {
  auto const at_one = [](std::string const& words) {
    Network const network = read_words(words, {{4}});
    return NetworkMaps(network).at_one();
  };
  CHECK(at_one("[dense, relu]").c_slope == Approx(1));
  CHECK(std::isinf(at_one("[dense, relu, dense, tanh]").c_curvature));
  CHECK(std::isinf(at_one("[dense, sign, dense]").c_slope));
  MapsAtOne const constant = at_one("[dense, sign, {dense: {w_std: 0, b_std: 1}}]");
  CHECK(constant.c_slope == 0);
  CHECK(constant.c_curvature == 0);
}

TEST_CASE("a shaped network has the derivatives that it was shaped for", "[network_maps]") {
  std::string const words =
      "[dense, {repeat: {times: 30, layers: [{sum: [[{monomial: {degree: 1, output_scale: 0.6}}], "
      "[ACT, {dense: {w_std: 0.8}}]]}]}}, ACT]";
  auto const with = [&](std::string const& activation) {
    std::string out = words;
    for (auto at = out.find("ACT"); at != std::string::npos; at = out.find("ACT")) out.replace(at, 3, activation);
    return out;
  };
  for (auto const method : {ShapeGoal::Method::dks, ShapeGoal::Method::tat}) {
    ShapeGoal goal;
    goal.method = method;
    Network const plain = read_words(with("softplus"));
    Affine const a = shape_network(plain, goal).layers[static_cast<std::size_t>(plain.output())].affine;
    Network const shaped = read_words(
        with(fmt::format("{{softplus: {{input_scale: {:.17g}, input_shift: {:.17g}, output_scale: {:.17g}, output_shift: {:.17g}}}}}",
                         a.input_scale, a.input_shift, a.output_scale, a.output_shift)));
    NetworkMaps const maps(shaped);
    MapsAtOne const found = maps.at_one();
    CHECK_THAT(found.q, Catch::Matchers::WithinAbs(1, 1e-10));
    CHECK_THAT(found.q_slope, Catch::Matchers::WithinAbs(1, 1e-9));
    bool const dks = method == ShapeGoal::Method::dks;
    CHECK_THAT(found.c_slope, Catch::Matchers::WithinAbs(dks ? 1.5 : 1, 1e-9));
    if (dks)
      CHECK_THAT(maps.c({0}).front(), Catch::Matchers::WithinAbs(0, 1e-12));
    else
      CHECK_THAT(found.c_curvature, Catch::Matchers::WithinAbs(0.3, 1e-9));
  }
}

TEST_CASE("layers without maps are named", "[network_maps]") {
  Network const network =
      read_words("[{global_self_attention: {n_chan_out: 3, n_chan_key: 3, n_chan_val: 3, n_heads: 1}}, global_avg_pool, dense]", {{3, 2}});
  std::string const message = message_of([&] { NetworkMaps(network).at_one(); });
  CHECK(message.find("layer 0 (global_self_attention)") != std::string::npos);
  CHECK(message.find("no Q and C maps") != std::string::npos);
}
