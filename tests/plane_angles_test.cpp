#include "kernels/plane_angles.hpp"

#include "infinite/compile_positions.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// What the activations of a network on images know, in their order.
std::vector<Angles> angles_of(std::string const& layers) {
  auto const signatures = activation_signatures();
  PositionProgram const program = compile_position_program(
      read_network(parse_yaml("[" + layers + ", flatten, dense]", "test"), ReadContext{"test", "", {{4, 4, 2}}, signatures}));
  std::vector<Angles> const known = known_angles(program);
  std::vector<Angles> out;
  for (std::size_t n = 0; n < known.size(); ++n)
    if (program.steps[n].kind == PositionStep::Kind::activate) out.push_back(known[n]);
  return out;
}

std::string const conv = "{conv: {filter_shape: [3, 3], padding: SAME, b_std: 0.1}}";
constexpr auto any = Angles::any, acute = Angles::acute;

}  // namespace

TEST_CASE("inputs may be at any angle, what a ReLU has seen is not beyond a right one", "[plane_angles]") {
  CHECK(angles_of(conv + ", relu, " + conv + ", relu, {avg_pool: {window_shape: [2, 2]}}, dense, layer_norm, abs, dense, relu")
        == std::vector{any, acute, acute, acute});
  CHECK(angles_of(conv + ", {relu: {output_scale: -2}}, " + conv + ", relu") == std::vector{any, acute});
}

TEST_CASE("activations of both signs keep acute angles and make none", "[plane_angles]") {
  std::string const leaky = "{leaky_relu: {alpha: 0.2}}, ";
  CHECK(angles_of(conv + ", " + leaky + conv + ", relu") == std::vector{any, any});
  CHECK(angles_of(conv + ", relu, " + conv + ", " + leaky + conv + ", relu") == std::vector{any, acute, acute});
  CHECK(angles_of(conv + ", relu, " + conv + ", erf, " + conv + ", relu") == std::vector{any, acute, any});
  CHECK(angles_of(conv + ", {relu: {output_shift: -1}}, " + conv + ", relu") == std::vector{any, any});
}

TEST_CASE("a sum is as its branches are", "[plane_angles]") {
  std::string const branch = "[relu, " + conv + "]";
  CHECK(angles_of(conv + ", {sum: [[], " + branch + "]}, relu") == std::vector{any, any});
  CHECK(angles_of(conv + ", relu, " + conv + ", {sum: [[], " + branch + "]}, relu") == std::vector{any, acute, acute});
}
