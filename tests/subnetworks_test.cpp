#include "shaping/subnetworks.hpp"

#include <cmath>

#include <fmt/format.h>

#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

std::string factor(double w) {
  return fmt::format("{{monomial: {{degree: 1, output_scale: {:.17g}}}}}", w);
}

}  // namespace

TEST_CASE("the number of a chain is its map composed", "[subnetworks]") {
  Subnetworks const chain(read_words("[dense, tanh, {dense: {w_std: 3}}, layer_norm, tanh, flatten, dense]"));
  CHECK_THAT(chain.largest(1, [](double x) { return 1.5 * x; }), Catch::Matchers::WithinRel(2.25, 1e-15));
  CHECK_THAT(chain.largest(0, [](double x) { return x + 0.1; }), Catch::Matchers::WithinRel(0.2, 1e-15));
}

TEST_CASE("a branch can exceed the network it stands in", "[subnetworks]") {
  // Three maps in the branch, shares 0.64 and 0.36, then one: 0.64 r(1) ... against r(r(r(1))).
  std::string const words = "[dense, {sum: [[" + factor(0.8) + "], [tanh, dense, tanh, dense, tanh, {dense: {w_std: 0.6}}]]}, tanh]";
  Subnetworks const parts(read_words(words));
  auto const r = [](double x) { return 2 * x; };
  CHECK_THAT(parts.whole(1, r), Catch::Matchers::WithinRel(2 * (0.64 + 0.36 * 8), 1e-15));
  CHECK_THAT(parts.largest(1, r), Catch::Matchers::WithinRel(8, 1e-15));
  auto const q = [](double x) { return 1.1 * x; };
  CHECK_THAT(parts.largest(1, q), Catch::Matchers::WithinRel(1.331, 1e-15));
}

TEST_CASE("channels count by their number, and deep networks of blocks take time in proportion", "[subnetworks]") {
  Subnetworks const joined(
      read_words("[{dense: {out_dim: 4}}, {concat: {branches: [[tanh, {dense: {out_dim: 1}}], [tanh, {dense: {out_dim: 3}}, "
                 "tanh, {dense: {out_dim: 3}}]]}}]"));
  CHECK_THAT(joined.whole(0, [](double x) { return x + 1; }), Catch::Matchers::WithinRel(1.75, 1e-15));
  std::string const block = "{sum: [[" + factor(0.6) + "], [tanh, {dense: {w_std: 0.8}}]]}";
  Subnetworks const deep(read_words("[dense, {repeat: {times: 1000, layers: [" + block + "]}}]"));
  long calls = 0;
  deep.largest(0, [&](double x) { return ++calls, x + 1; });
  CHECK(calls == 2000);  // each once in the whole and once in its branch
}
