#include "shape/subnetworks.hpp"

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
  Subnetworks const chain(read_words("[dense, tanh, dense: {w_std: 3}, tanh, layer_norm, flatten, dense]"));
  CHECK_THAT(chain.largest(1, [](double x) { return 1.5 * x; }), Catch::Matchers::WithinRel(2.25, 1e-15));
  CHECK_THAT(chain.largest(0, [](double x) { return x + 0.1; }), Catch::Matchers::WithinRel(0.2, 1e-15));
}
