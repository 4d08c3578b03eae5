// The general path for networks whose layers act on positions: every golden kernel, whatever the tile.
#include <array>

#include "infinite/compile_positions.hpp"
#include "kernels/activation.hpp"
#include "kernels/position_tile.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/golden_kernels.hpp"

using namespace infinitile;
using golden::Lower;

namespace {

#ifdef INFINITILE_TRAP_NAN
constexpr std::array sides{3};  // minutes under sanitizers
#else
constexpr std::array sides{1, 3, 64};
#endif

Network network_of(std::string const& yaml, std::vector<long> const& shape) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(yaml, "test"), ReadContext{"test", "", {shape}, signatures});
}

struct Tabulated {
  PositionProgram program;
  PositionTable table;
  Tabulated(std::string const& yaml, golden::Inputs const& inputs)
      : program(compile_position_program(network_of(yaml, inputs.shape))),
        table(tabulate_positions(program, {{static_cast<long>(inputs.values.size()) / inputs.rows, inputs.values}}, Precision::float32)) {}
};

template <class T>
Lower compute_all(Tabulated const& network, long train, int side, PositionPath path) {
  return golden::compute_all<T>(network.table.rows, train, side, [&](TileTask<T> const& task) {
    return compute_position_tiles(Exec(), network.program, network.table, std::span(&task, 1), path);
  });
}

}  // namespace

TEST_CASE("every golden kernel with positions is met, at any tile side", "[infinite_positions]") {
  h5::Handle const file = h5::open_file(std::string(INFINITILE_TEST_DATA) + "/infinite_positions.h5");
  auto const names = golden::case_names(file);
  REQUIRE(names.size() == 93);
  for (auto const& name : names) {
    h5::Handle const group(H5Gopen(file, name.c_str(), H5P_DEFAULT), H5Gclose);
    std::string const network = golden::read_words(group, "network");
    golden::Inputs const inputs = golden::read_inputs(group);
    CAPTURE(name, network);
    if (name == "layer_norm_batch_and_image") {  // a tile would depend on all others
      CHECK_THROWS_WITH(network_of(network, inputs.shape), Catch::Contains("batch"));
      continue;
    }
    Tabulated const tabulated(network, inputs);
    for (PositionPath const path : {PositionPath::fused, PositionPath::general}) {
      CAPTURE(path);
      for (int const side : sides) {
        CAPTURE(side);
        golden::check_double(group, compute_all<double>(tabulated, inputs.train, side, path), inputs.train);
      }
      golden::check_single(group, compute_all<float>(tabulated, inputs.train, 2, path), inputs.train);
    }
  }
}

TEST_CASE("ready-made networks have the kernels of their published definitions", "[infinite_positions]") {
  h5::Handle const file = h5::open_file(std::string(INFINITILE_TEST_DATA) + "/families.h5");
  std::vector<std::string> const names{"myrtle_5", "myrtle_10", "wide_resnet_16"};
  CHECK(golden::case_names(file).size() == names.size());
  for (auto const& name : names) {
    h5::Handle const group(H5Gopen(file, name.c_str(), H5P_DEFAULT), H5Gclose);
    CAPTURE(name);
    golden::Inputs const inputs = golden::read_inputs(group);
    Tabulated const tabulated(golden::read_words(group, "network"), inputs);
    Lower const all = compute_all<double>(tabulated, inputs.train, 64, PositionPath::fused);
    golden::check_blocks(group, all, all.nngp, "nngp", inputs.train, 1e-13);
    golden::check_blocks(group, all, all.ntk, "ntk", inputs.train, 1e-9);  // the reference loses half the digits of an input with itself
    CHECK(golden::difference(all, all.ntk, golden::read(group, "test_train/ntk"), inputs.train, all.n - inputs.train, inputs.train, false)
          <= 1e-13);
#ifdef INFINITILE_TRAP_NAN
    break;  // minutes under sanitizers
#endif
  }
}

TEST_CASE("attention whose logits stay random at infinite width is refused there unless it is linear", "[infinite_positions]") {
  auto const compile = [](std::string const& parameters) {
    compile_position_program(network_of("[{global_self_attention: {" + parameters + "}}, global_avg_pool]", {4, 2}));
  };
  CHECK_THROWS_WITH(
      compile("linear_scaling: false"),
      "test:1: layer 0 (global_self_attention): linear_scaling is false with attention_mechanism SOFTMAX; at infinite width that "
      "is known for IDENTITY alone. Set linear_scaling: true.");
  CHECK_NOTHROW(compile("linear_scaling: false, attention_mechanism: IDENTITY"));
}
