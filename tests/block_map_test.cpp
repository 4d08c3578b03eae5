#include "shaping/block_map.hpp"

#include "shaping/shape_network.hpp"
#include "shaping/subnetworks.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/residual_networks.hpp"

using namespace infinitile;

namespace {

constexpr int depths[] = {18, 34, 50, 101, 152, 200};
constexpr double weights[] = {0, 0.5, 0.6, 0.8, 0.9};

ShapeGoal goal_with(BlockMap map, ShapeGoal::Method method) {
  ShapeGoal goal;
  goal.method = method;
  goal.subnetworks = std::move(map);
  return goal;
}

BlockMap chain(int length) {
  BlockMap out;
  out.then = length;
  return out;
}

/// The local target that a network's activations get.
double local_value(ShapeGoal const& goal, std::string const& activation) {
  return shape_network(read_words("[dense, " + activation + "]"), goal).local.value;
}
double local_alpha(BlockMap const& map, double eta = 0.9) {
  ShapeGoal goal = goal_with(map, ShapeGoal::Method::tat);
  goal.c_val_0_target = eta;
  return local_value(goal, "{leaky_relu: {alpha: 0.1}}");
}

constexpr double out_of_reach = -1;
/// Local targets of V2 networks for the default goals: C'(1), C''(1) and the alpha of leaky_relu for each weight. dks_tat, reference 2.9; the
/// package stops within 1e-8 of its goals.
struct Golden {
  double slope[5], curvature[5], alpha[5];
};
constexpr Golden v2_golden[] = {
    {{1.024137596, 1.029789573, 1.033222690, 1.047137161, 1.063542718},
     {0.0176470593, 0.0218181819, 0.0243506491, 0.0345622122, 0.0463678509},
     {0.126243383, 0.024834156, out_of_reach, out_of_reach, out_of_reach}},
    {{1.012362615, 1.015820977, 1.018044083, 1.028128324, 1.042731102},
     {0.0090909094, 0.0116504855, 0.0132978722, 0.0207756236, 0.0315457404},
     {0.328429222, 0.250165522, 0.203745246, 0.014371634, out_of_reach}},
    {{1.008309129, 1.010692466, 1.012238289, 1.019387630, 1.030153403},
     {0.0061224490, 0.0078947369, 0.0090470448, 0.0143953934, 0.0224550903},
     {0.425907195, 0.357251585, 0.316689491, 0.154100537, out_of_reach}},
    {{1.004062882, 1.005322117, 1.006162721, 1.010310396, 1.017461349},
     {0.0030000000, 0.0039344262, 0.0045592707, 0.0076530613, 0.0130151846},
     {0.570439532, 0.516599864, 0.484581411, 0.353597760, 0.180717587}},
    {{1.002688808, 1.003543045, 1.004118873, 1.007026514, 1.012307164},
     {0.0019867550, 0.0026200874, 0.0030475417, 0.0052119527, 0.0091631033},
     {0.638647914, 0.592118442, 0.564353853, 0.449992269, 0.295917690}},
    {{1.002039590, 1.002695159, 1.003139139, 1.005406596, 1.009634751},
     {0.0015075377, 0.0019933555, 0.0023227005, 0.0040085517, 0.0071667463},
     {0.678906217, 0.636838481, 0.611678064, 0.507602900, 0.365993112}},
};
/// V1, weights 0.5, 0.8, 0.9.
constexpr double v1_alphas[][3] = {{0.075125039, out_of_reach, out_of_reach}, {0.291387379, 0.218188941, 0.178319812},
                                   {0.380342811, 0.279049575, 0.216402173},   {0.536039293, 0.458955586, 0.410084695},
                                   {0.609240159, 0.542968407, 0.500474721},   {0.652451217, 0.592603475, 0.553973258}};

/// The published alpha meets the goal as well as the package promises, 1e-8, and ours to rounding.
void expect_alpha(BlockMap const& map, double published, double eta, double promised = 1.1e-8) {
  auto const c_at_0 = [&](double alpha) { return map.largest(0, [=](double c) { return leaky_c_map(c, alpha); }); };
  CHECK_THAT(c_at_0(published), Catch::Matchers::WithinAbs(eta, promised));
  CHECK_THAT(c_at_0(local_alpha(map, eta)), Catch::Matchers::WithinAbs(eta, 1e-14));
}

void check_alpha(BlockMap const& map, double wanted) {
  if (wanted == out_of_reach)
    CHECK(message_of([&] { local_alpha(map); }).find("reaches at most") != std::string::npos);
  else
    expect_alpha(map, wanted, 0.9);
}

}  // namespace

TEST_CASE("a map written by hand is the one that is found from the graph", "[block_map]") {
  for (bool const v2 : {true, false})
    for (int const depth : depths)
      for (double const w : weights) {
        CAPTURE(v2, depth, w);
        Residual const net = residual_network(depth, w, v2);
        BlockMap const by_hand = net.map();
        Subnetworks const found(read_words(net.words("tanh")));
        for (double const local : {1.003, 1.02, 1.3}) {
          auto const slope = [=](double x) { return local * x; };
          auto const curvature = [=](double x) { return x + local; };
          auto const leaky = [=](double c) { return leaky_c_map(c, 1.5 - local); };
          CHECK_THAT(by_hand.whole(1, slope), Catch::Matchers::WithinRel(found.whole(1, slope), 1e-13));
          CHECK_THAT(by_hand.largest(1, slope), Catch::Matchers::WithinRel(found.largest(1, slope), 1e-13));
          CHECK_THAT(by_hand.largest(0, curvature), Catch::Matchers::WithinRel(found.largest(0, curvature), 1e-13));
          CHECK_THAT(by_hand.largest(0, leaky), Catch::Matchers::WithinRel(found.largest(0, leaky), 1e-13));
        }
      }
}

TEST_CASE("the parts of a block are counted as they are written", "[block_map]") {
  auto const r = [](double x) { return 2 * x; };
  BlockMap map;
  map.blocks = {{3, 0.6, true, 1, 2}};
  map.then = 1;
  // Each block: 0.36 * 2 x + 0.64 * 8 x, then twice that; and once more twice behind both.
  double const block = 2 * (0.36 * 2 + 0.64 * 8);
  CHECK_THAT(map.whole(1, r), Catch::Matchers::WithinRel(2 * block * block, 1e-14));
  CHECK(map.largest(1, r) == map.whole(1, r));
  map = {{{3, 0.8, false, 0, 1}, {5, 1, false, 0, 1}}, 0};
  CHECK_THAT(map.whole(1, r), Catch::Matchers::WithinRel(0.64 + 0.36 * 8, 1e-14));
  CHECK(map.largest(1, r) == 32);  // the branch that the whole leaves out
}

TEST_CASE("local targets of residual networks are the published ones", "[block_map]") {
  for (std::size_t d = 0; d < std::size(depths); ++d)
    for (std::size_t i = 0; i < std::size(weights); ++i) {
      CAPTURE(depths[d], weights[i]);
      BlockMap const map = residual_network(depths[d], weights[i], true).map();
      CHECK_THAT(local_value(goal_with(map, ShapeGoal::Method::dks), "tanh"), Catch::Matchers::WithinAbs(v2_golden[d].slope[i], 2e-9));
      CHECK_THAT(local_value(goal_with(map, ShapeGoal::Method::tat), "tanh"), Catch::Matchers::WithinAbs(v2_golden[d].curvature[i], 1e-9));
      check_alpha(map, v2_golden[d].alpha[i]);
    }
  constexpr double v1_weights[] = {0.5, 0.8, 0.9};
  for (std::size_t d = 0; d < std::size(depths); ++d)
    for (std::size_t i = 0; i < std::size(v1_weights); ++i) {
      CAPTURE(depths[d], v1_weights[i]);
      check_alpha(residual_network(depths[d], v1_weights[i], false).map(), v1_alphas[d][i]);
    }
}

TEST_CASE("alphas of chains are the exact ones", "[block_map]") {
  // Reference 2.9: thirteen digits, for a C(0) of 0.9.
  constexpr std::pair<int, double> exact[] = {{13, 0.02419912556927}, {16, 0.1044986280836},  {20, 0.1813802774904}, {30, 0.3026941928257},
                                              {49, 0.4259071946875},  {50, 0.4305229485024},  {64, 0.4843266273623}, {100, 0.5704395310587},
                                              {151, 0.6386479048863}, {199, 0.6789062133724}, {200, 0.6795996438713}};
  for (auto const& [length, alpha] : exact) CHECK_THAT(local_alpha(chain(length)), Catch::Matchers::WithinAbs(alpha, 2e-12));
  constexpr std::pair<double, double> other_goals[] = {{0.75, 0.5868396461}, {0.8, 0.5482740402}, {0.95, 0.3082958460}};
  for (auto const& [eta, alpha] : other_goals) expect_alpha(chain(50), alpha, eta);
  expect_alpha(chain(50), 0.7179377175, 0.5, 1.3e-7);  // the one published alpha that misses its goal by more
  CHECK(message_of([] { local_alpha(chain(50), 0.99); }).find("reaches at most 0.98786") != std::string::npos);
}

TEST_CASE("what a map by hand achieves in the graph itself is told", "[block_map]") {
  Network const network = read_words("[{repeat: {times: 20, layers: [dense, tanh]}}]");
  ShapedNetwork const found = shape_network(network, goal_with(chain(10), ShapeGoal::Method::dks));
  CHECK_THAT(found.achieved, Catch::Matchers::WithinRel(1.5, 1e-10));
  CHECK_THAT(found.in_graph, Catch::Matchers::WithinRel(2.25, 1e-10));
}
