// Which initializers of an ONNX graph are parameters.
#include "support/catch.hpp"
#include "support/onnx_graphs.hpp"

using namespace infinitile;
using namespace infinitile::onnx_graphs;

/// Exporters write equal numbers once, so that the bound of a Clip is also what is chosen elsewhere.
TEST_CASE("a number that has to be a constant somewhere is no parameter", "[onnx]") {
  OnnxArray const zero{NumberKind::floating, {}, {0}}, two{NumberKind::floating, {}, {2}}, scales{NumberKind::floating, {2}, {1, 2}};
  OnnxModel const model =
      graph({node("Clip", {"x", "zero"}, {}, "c"), node("Pow", {"c", "two"}, {}, "p"), node("Add", {"p", "zero"}, {}, "s"),
             node("Mul", {"s", "two"}, {}, "t"), node("Resize", {"t", "", "scales"})},
            {{"zero", zero}, {"two", two}, {"scales", scales}}, {std::nullopt, 3});
  OnnxNetwork const network = import_onnx(model, {});
  CHECK(network.parameters.empty());
  CHECK(network.doubtful.empty());
  CHECK(run(model, {-1, 1, 3}).numbers == Vector{0, 0, 2, 2, 18, 18});
}

TEST_CASE("single numbers and buffers among the parameters are told", "[onnx]") {
  OnnxArray const factor{NumberKind::floating, {1}, {2}}, w{NumberKind::floating, {3}, {1, 2, 3}};
  OnnxModel model = graph({node("Mul", {"x", "factor"}, {}, "m"), node("Mul", {"m", "w"}, {}, "n"), node("Add", {"n", "pe"})},
                          {{"factor", factor}, {"w", w}, {"pe", w}}, {std::nullopt, 3});
  model.buffers = {"pe"};
  OnnxNetwork const network = import_onnx(model, {});
  CHECK(network.parameters.size() == 3);
  CHECK(network.doubtful == std::vector<std::string>{"factor", "pe"});
  CHECK(import_onnx(model, {{}, {"factor"}, {}}).doubtful == std::vector<std::string>{"pe"});
  model.parameters = {"factor"};
  CHECK(import_onnx(model, {}).doubtful == std::vector<std::string>{"pe"});
}

TEST_CASE("masks of large negative numbers and bounds that take a type are no parameters", "[onnx]") {
  OnnxArray const mask{NumberKind::floating, {3}, {0, -3e38, 0}}, bias{NumberKind::floating, {3}, {0, -3e38, 1}};
  OnnxModel const model =
      graph({node("Add", {"x", "mask"}, {}, "m"), node("Add", {"m", "bias"}, {}, "b"), node("Softmax", {"b"}, {{"axis", {1L}}})},
            {{"mask", mask}, {"bias", bias}}, {std::nullopt, 3});
  OnnxNetwork const network = import_onnx(model, {});
  REQUIRE(network.parameters.size() == 1);
  CHECK(network.parameters[0].name == "bias");
  OnnxModel const scaled = graph({node("Mul", {"x", "mask"})}, {{"mask", mask}}, {std::nullopt, 3});
  CHECK(import_onnx(scaled, {}).parameters.size() == 1);  // what multiplies is no mask
  OnnxModel const clipped =
      graph({node("Constant", {}, {{"value_int", {1L}}}, "low"), node("CastLike", {"low", "x"}, {}, "bound"), node("Clip", {"x", "bound"})},
            {}, {std::nullopt, 3});
  CHECK(run(clipped, {0, 1, 2}).numbers == Vector{1, 1, 2});
}
