// The fingerprint of a network: of its mathematics, not of its spelling.
#include <array>
#include <cmath>
#include <functional>

#include "net/network.hpp"
#include "support/catch.hpp"
#include "support/networks.hpp"

using namespace infinitile;

TEST_CASE("each parameter changes the hash", "[network]") {
  auto const nonlinear = [](std::function<void(Activation&)> const& change) {
    Activation out{"erf", {{"a", 1.0}, {"coef", std::vector<double>{1, 2}}}, {}, {}};
    change(out);
    return chain({Dense{}, out, Dense{}}).hash();
  };
  auto const linear = [](std::function<void(Dense&)> const& change) {
    Dense out = standard_dense(4);
    change(out);
    return chain({out, Dense{}}).hash();
  };
  auto const normed = [](LayerNorm norm) { return chain({Dense{}, norm}, {4, 3}).hash(); };
  std::vector<std::uint64_t> const hashes{
      linear([](Dense&) {}),
      linear([](Dense& d) { d.out_dim = 5; }),
      linear([](Dense& d) { d.out_dim.reset(); }),
      linear([](Dense& d) { d.out_dim = 1; }),
      linear([](Dense& d) { d.w_std = std::nextafter(1.0, 2.0); }),
      linear([](Dense& d) { d.b_std = 0; }),
      linear([](Dense& d) { d.b_std = 1; }),
      linear([](Dense& d) { d.parameterization = Parameterization::ntk; }),
      linear([](Dense& d) {
        d.s = {1, 2};
      }),
      nonlinear([](Activation&) {}),
      nonlinear([](Activation& a) { a.name = "sin"; }),
      nonlinear([](Activation& a) { a.parameters[0].first = "beta"; }),
      nonlinear([](Activation& a) { a.parameters[0].second = 2.0; }),
      nonlinear([](Activation& a) {
        a.parameters[1].second = std::vector<double>{1, 2, 0};
      }),
      nonlinear([](Activation& a) { a.affine.input_scale = 2; }),
      nonlinear([](Activation& a) { a.affine.input_shift = 2; }),
      nonlinear([](Activation& a) { a.affine.output_scale = 2; }),
      nonlinear([](Activation& a) { a.affine.output_shift = 2; }),
      normed({{-1}, 0.1}),
      normed({{-1}, 0.2}),
      normed({{-2, -1}, 0.1}),
      chain({Dense{}, Dropout{0.5, Mode::train}}).hash(),
      chain({Dense{}, Dropout{0.6, Mode::train}}).hash(),
      chain({Dense{}}).hash(),
      chain({Dense{}, Dense{}}).hash(),
      chain({Dense{}}, {6}).hash(),
      chain({Flatten{}, Dense{}}).hash(),
      merged(Sum{}, wide(3), wide(3)).hash(),
      merged(Product{}, wide(3), wide(3)).hash(),
      merged(Concat{}, wide(3), wide(3)).hash(),
      merged(Concat{-1}, wide(3), wide(3), {4, 2}).hash(),
      merged(Concat{-2}, wide(3), wide(3), {4, 2}).hash(),
  };
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      INFO("networks " << i << " and " << j);
      CHECK(hashes[i] != hashes[j]);
    }
}

TEST_CASE("connections change the hash; lines, paths and layers that do nothing leave it alone", "[network]") {
  auto const two = [](std::array<int, 2> inputs, int output) {
    NetworkBuilder builder("net.yaml", {{5}});
    builder.add(wide(3), {0}, "0", 1);
    builder.add(wide(3), {0}, "1", 1);
    builder.add(Sum{}, {inputs[0], inputs[1]}, "2", 1);
    return std::move(builder).finish(output).hash();
  };
  CHECK(two({1, 2}, 3) != two({1, 1}, 3));  // 2 x is not the sum of two layers that are alike
  CHECK(two({1, 2}, 3) != two({1, 2}, 1));
  CHECK(chain({Identity{}, Dense{}, Sum{}, relu(), Dropout{0.5, Mode::test}, Dense{}, Identity{}}).hash()
        == chain({Dense{}, relu(), Dense{}}).hash());
  CHECK(chain({Dense{1, 1.0, -0.0}}).hash() == chain({Dense{1, 1.0, 0.0}}).hash());
  NetworkBuilder builder("other.yaml", {{5}});
  builder.add(Dense{}, {0}, "4/1", 77);
  CHECK(std::move(builder).finish(1).hash() == chain({Dense{}}).hash());
  CHECK(chain({Dense{}, relu(), Dense{}}).hash() == 0x63c062d01764bfef);
}
