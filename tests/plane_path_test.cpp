// The fused path against the general one on random networks: branches, strides, pools, any activation, images of one to three axes.
#include <cmath>
#include <limits>
#include <random>

#include "base/text.hpp"
#include "infinite/program.hpp"
#include "kernels/activation.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_tile.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

namespace {

Network network_of(std::string const& yaml, std::vector<long> const& shape) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(yaml, "test"), ReadContext{"test", "", {shape}, signatures});
}

class RandomNetworks {
public:
  explicit RandomNetworks(unsigned seed) : random_(seed) {}

  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  double number(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  std::string pick(std::vector<std::string> const& words) {
    return words[static_cast<std::size_t>(pick(0, static_cast<int>(words.size()) - 1))];
  }

  /// Spatial axes, then channels.
  std::vector<long> shape() {
    std::vector<long> out;
    int const axes = pick(1, 3);
    for (int a = 0; a < axes; ++a) out.push_back(pick(axes == 3 ? 3 : 4, axes == 3 ? 4 : 7));
    out.push_back(pick(1, 3));
    return out;
  }

  std::string network(std::vector<long> shape) {
    sizes_.assign(shape.begin(), shape.end() - 1);
    std::string out = "[" + convolution(true);
    int const blocks = pick(1, 4);
    for (int b = 0; b < blocks; ++b) out += ", " + block();
    return out + ", " + activation() + ", " + pick({"flatten", "global_avg_pool", "global_sum_pool"}) + ", "
           + pick({"", "{dense: {b_std: 0.1}}, " + activation() + ", "}) + "dense]";
  }

  std::vector<double> inputs(long count) {
    std::normal_distribution<double> normal;
    std::vector<double> out(static_cast<std::size_t>(count));
    for (double& x : out) x = normal(random_);
    return out;
  }

private:
  std::string list(std::vector<long> const& numbers) {
    std::vector<std::string> words;
    for (long const n : numbers) words.push_back(text(n));
    return "[" + join(words, ", ", ", ") + "]";
  }
  std::string weights() {
    return text("w_std: ", number(0.8, 1.6), pick({"", ", b_std: 0.2", ", b_std: 0.0"}), pick({"", "", ", parameterization: standard"}));
  }

  /// Changes the sizes where `moves`: strides, or no padding.
  std::string convolution(bool moves) {
    std::vector<long> filter, strides;
    bool const valid = moves && pick(0, 2) == 0;
    for (long& size : sizes_) {
      filter.push_back(pick(1, static_cast<int>(std::min(size, 4L))));
      strides.push_back(moves && pick(0, 3) == 0 ? 2 : 1);
      size = valid ? (size - filter.back()) / strides.back() + 1 : (size + strides.back() - 1) / strides.back();
    }
    return text("{conv: {out_chan: 3, filter_shape: ", list(filter), ", strides: ", list(strides), ", padding: ", valid ? "VALID" : "SAME",
                ", ", weights(), "}}");
  }

  std::string activation() {
    return pick(
        {"relu", "{leaky_relu: {alpha: 0.3}}", "abs", "erf", "gelu", "{relu: {input_scale: -0.7, output_scale: 1.2}}", "tanh", "sin"});
  }

  std::string pool() {
    std::vector<long> window, strides;
    bool const same = pick(0, 1) == 0;
    for (long& size : sizes_) {
      window.push_back(pick(1, static_cast<int>(std::min(size, 3L))));
      strides.push_back(pick(1, 2));
      size = same ? (size + strides.back() - 1) / strides.back() : (size - window.back()) / strides.back() + 1;
    }
    std::string const edges = same && pick(0, 1) == 0 ? ", normalize_edges: true" : "";
    return text("{avg_pool: {window_shape: ", list(window), ", strides: ", list(strides), ", padding: ", same ? "SAME" : "VALID", edges,
                "}}");
  }

  /// A convolution behind layers that may have changed the sizes: operands of one + come in any order.
  std::string then(std::string const& layers) { return layers + ", " + convolution(true); }

  std::string block() {
    switch (pick(0, 7)) {
      case 0:
        return "{sum: [[], [" + activation() + ", " + convolution(false) + "]]}";
      case 1:
        return "{sum: [[{dense: {out_dim: 3, w_std: 0.7}}], [" + activation() + ", {dense: {out_dim: 3, b_std: 0.1}}, " + activation()
               + ", " + convolution(false) + "]]}";
      case 2:
        return then(activation() + ", " + pool());
      case 3:
        return "layer_norm, " + activation() + ", " + convolution(true);
      case 4:
        return "{concat: {axis: -1, branches: [[relu], [erf]]}}, " + convolution(true);
      case 5:
        return activation() + ", {dropout: {rate: 0.8}}, " + convolution(false);
      case 6:
        return then("{product: [[{dense: {out_dim: 3, w_std: 0.9}}], [" + activation() + ", " + convolution(false) + "]]}");
      default:
        return activation() + ", " + convolution(true);
    }
  }

  std::mt19937 random_;
  std::vector<long> sizes_;
};

struct Kernels {
  std::vector<double> nngp, ntk;
};

template <class T>
Kernels kernels_of(PositionProgram const& program, PositionTable const& table, PositionPath path) {
  int const rows = static_cast<int>(table.rows);
  std::vector<T> nngp(static_cast<std::size_t>(rows * rows)), ntk(nngp.size());
  TileTask<T> const task{0, 0, rows, rows, nngp.data(), ntk.data()};
  REQUIRE(compute_position_tiles(Exec(), program, table, std::span(&task, 1), path) == 0);
  return {{nngp.begin(), nngp.end()}, {ntk.begin(), ntk.end()}};
}

bool bends_behind_a_pool(PositionProgram const& program) {
  auto const pools = [&](PositionStep const& s) {
    return s.kind == PositionStep::Kind::mix && !program.maps[static_cast<std::size_t>(s.index)].is_selection();
  };
  auto const pool = std::ranges::find_if(program.steps, pools);
  return std::any_of(pool, program.steps.end(), [](PositionStep const& s) { return s.kind == PositionStep::Kind::activate; });
}

double difference(std::vector<double> const& a, std::vector<double> const& b) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return most / largest;
}

}  // namespace

TEST_CASE("planes and layers agree on random networks", "[plane_path]") {
#ifdef INFINITILE_TRAP_NAN
  unsigned const networks = 6;
#else
  unsigned const networks = 60;
#endif
  int in_float = 0, pooled = 0;
  for (unsigned seed = 0; seed < networks; ++seed) {
    RandomNetworks random(seed);
    std::vector<long> const shape = random.shape();
    std::string const yaml = random.network(shape);
    CAPTURE(seed, yaml, shape);
    PositionProgram const program = compile_position_program(network_of(yaml, shape));
    auto const plan = plan_planes(program);
    REQUIRE(plan);
    long width = 1;
    for (long const size : shape) width *= size;
    long const rows = 11;  // a strip and a part
    std::vector<double> x = random.inputs(rows * width);
    for (long k = 0; k < width; ++k)
      x[static_cast<std::size_t>(width + k)] = x[static_cast<std::size_t>(k)] * (1 + 1e-4 * static_cast<double>(k % 3));
    std::fill(x.begin() + 2 * width, x.begin() + 2 * width + width / 2, 0.0);  // half an image is black
    PositionTable const table = tabulate_positions(program, {{width, x}}, Precision::float32);
    PositionTable const by_layers = tabulate_positions(program, {{width, x}}, Precision::float32, {}, PositionPath::general);
    CHECK(difference(table.nngp, by_layers.nngp) < 1e-13);  // an input with itself has no angle to lose digits by
    CHECK(difference(table.ntk, by_layers.ntk) < 1e-10);
    Kernels const fused = kernels_of<double>(program, table, PositionPath::fused),
                  general = kernels_of<double>(program, by_layers, PositionPath::general);
    CHECK(difference(fused.nngp, general.nngp) < 1e-12);
    // Behind a pool a near duplicate's distance is a difference: an activation sees one rounding of k as an angle of up to √ε.
    CHECK(difference(fused.ntk, general.ntk) < (bends_behind_a_pool(program) ? std::sqrt(std::numeric_limits<double>::epsilon()) : 1e-10));
    Kernels const single = kernels_of<float>(program, table, PositionPath::fused);
    CHECK(difference(single.nngp, general.nngp) < 2e-6);
    CHECK(difference(single.ntk, general.ntk) < 1e-5);
    in_float += plan->stages.size() == 1 ? 1 : 0;
    pooled += plan->stages.size() > 1 ? 1 : 0;
  }
  CHECK(in_float > 0);
  CHECK(pooled > 0);
}

/// Of a black image all covariances are 0, and without biases all tangent kernels too: exactly, since each layer norm multiplies what rounding
/// leaves by 1 / √eps, a million.
TEST_CASE("an input without variance has no kernels, behind any number of layer norms", "[plane_path]") {
  std::string const conv = "{conv: {filter_shape: [3, 3], padding: SAME, w_std: 1.3}}";
  for (std::string const& yaml :
       {"[{repeat: {times: 4, layers: [" + conv + ", layer_norm, relu]}}, flatten, dense]",
        "[" + conv + ", erf, {avg_pool: {window_shape: [2, 2]}}, {repeat: {times: 3, layers: [" + conv
            + ", layer_norm]}}, relu, global_avg_pool, dense]",
        "[dense, {product: [[{dense: {w_std: 1.3}}], [" + conv
            + "]]}, {repeat: {times: 3, layers: [dense, layer_norm]}}, relu, flatten, dense]",
        std::string("[{repeat: {times: 3, layers: [dense, global_self_attention, layer_norm]}}, relu, flatten, dense]")}) {
    CAPTURE(yaml);
    PositionProgram const program = compile_position_program(network_of(yaml, {4, 5, 2}));
    long const width = 40, rows = 9;
    std::vector<double> x = RandomNetworks(1).inputs(rows * width);
    std::fill_n(x.begin(), width, 0.0);
    for (PositionPath const path : {PositionPath::fused, PositionPath::general}) {
      CAPTURE(path);
      PositionTable const table = tabulate_positions(program, {{width, x}}, Precision::float64, {}, path);
      Kernels const k = kernels_of<double>(program, table, path);
      for (std::size_t j = 0; j < static_cast<std::size_t>(rows); ++j) {
        CHECK(k.nngp[j] == 0);
        CHECK(k.ntk[j] == 0);
      }
      CHECK(k.ntk.back() > 0);
    }
  }
}

/// Trained biases of 0 give the tangent kernel 1 without any variance; a ReLU halves it for an input with itself.
TEST_CASE("an input without variance has the slopes of one input with itself", "[plane_path]") {
  std::string const conv = "{conv: {out_chan: 3, filter_shape: [3, 3], padding: SAME, b_std: 0, parameterization: standard, w_std: ";
  for (std::string const& words : {conv + "1.2}}, relu", conv + "1.2}}, {dropout: {rate: 1}}, identity, dense, relu", conv + "0}}, relu"}) {
    CAPTURE(words);
    PositionProgram const program = compile_position_program(network_of("[" + words + ", flatten, dense]", {4, 5, 2}));
    long const width = 40, rows = 3;
    std::vector<double> x = RandomNetworks(1).inputs(rows * width);
    std::fill_n(x.begin(), width, 0.0);
    for (PositionPath const path : {PositionPath::fused, PositionPath::general}) {
      CAPTURE(path);
      PositionTable const table = tabulate_positions(program, {{width, x}}, Precision::float64, {}, path);
      CHECK(table.ntk[0] == 0.5);
      CHECK(kernels_of<double>(program, table, path).ntk[0] == 0.5);
    }
  }
}

TEST_CASE("planes say where the fourth power of a root is no number", "[plane_path]") {
  for (char const* const w_std : {"1.0e-20", "1.0e20"}) {
    std::string const layer = text("{conv: {filter_shape: [3, 3], padding: SAME, w_std: ", w_std, "}}, relu");
    PositionProgram const program =
        compile_position_program(network_of("[{repeat: {times: 4, layers: [" + layer + "]}}, flatten, dense]", {4, 5, 2}));
    std::vector<double> const x = RandomNetworks(1).inputs(3 * 40);
    CHECK_THROWS_WITH(tabulate_positions(program, {{40, x}}, Precision::float64), Catch::Contains("compute with 1e-140 to 1e140"));
    PositionTable const table = tabulate_positions(program, {{40, x}}, Precision::float64, {}, PositionPath::general);
    CHECK(kernels_of<double>(program, table, PositionPath::general).nngp[0] > 0);
  }
}

TEST_CASE("a window that no memory holds is told, with its layer", "[plane_path]") {
  auto const message = [](std::string const& yaml) { return message_of([&] { compile_position_program(network_of(yaml, {6, 6, 2})); }); };
  std::string const limit = " numbers, and the infinite reading can hold 134217728 at most. Make the window or the image smaller.";
  CHECK(message("[{conv: {filter_shape: [4000, 4000], padding: CIRCULAR}}, flatten, dense]")
        == "test:1: layer 0 (conv): all its windows together have 576000000" + limit);
  CHECK(message("[{sum_pool: {window_shape: [4000, 4000], padding: CIRCULAR}}, flatten, dense]")
        == "test:1: layer 0 (sum_pool): all its windows together have 576000000" + limit);
  CHECK(message("[{conv: {filter_shape: [4000, 4000], padding: SAME}}, flatten, dense]") == "no error");  // most of it meets padding alone
}

TEST_CASE("a network that ends with positions is refused, also one that leaves its input as it is", "[plane_path]") {
  for (std::string const layer : {"identity", "dense"})
    CHECK(message_of([&] { compile_infinite(network_of("[" + layer + "]", {6, 6, 2})); })
          == "test:1: layer 0 (" + layer
                 + "): the network ends with 36 positions, and a kernel is of one output per input. Put flatten or global_avg_pool at its end.");
}

TEST_CASE("what mixes displacements otherwise is left to the general path", "[plane_path]") {
  auto const planned = [](std::string const& yaml) {
    return plan_planes(compile_position_program(network_of(yaml, {6, 6, 2}))).has_value();
  };
  CHECK(planned("[{conv: {filter_shape: [3, 3], padding: SAME}}, relu, global_avg_pool, dense]"));
  CHECK(planned("[{conv: {filter_shape: [3, 3]}}, relu, {avg_pool: {window_shape: [2, 2]}}, flatten, dense]"));
  CHECK_FALSE(planned("[{conv: {filter_shape: [3, 3], padding: CIRCULAR}}, relu, global_avg_pool, dense]"));
  CHECK_FALSE(planned("[dense, global_self_attention, relu, global_avg_pool, dense]"));
  CHECK_FALSE(
      planned("[{conv: {filter_shape: [3, 3]}}, {sum: [[{avg_pool: {window_shape: [1, 2], padding: SAME}}], [relu, {conv: {filter_shape: "
              "[1, 1]}}]]}, "
              "relu, flatten, dense]"));
}

TEST_CASE("plans know what an input needs, features of activations included", "[plane_path]") {
  long const width = 64, rows = 20;
  std::vector<double> x = RandomNetworks(3).inputs(rows * width);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 64 < 16 ? 0 : x[i];  // variances from 0 on
  for (std::string const activation : {"relu", "tanh", "silu", "elu", "{erf: {output_shift: 0.4}}", "{relu: {output_shift: 0.4}}"}) {
    CAPTURE(activation);
    std::string const layer = "{conv: {filter_shape: [3, 3], padding: SAME, b_std: 0.1}}, " + activation;
    InfiniteProgram const program = compile_infinite(network_of("[" + layer + ", " + layer + ", flatten, dense]", {8, 8, 1}));
    PositionTable const table = tabulate_positions(std::get<PositionProgram>(program), {{width, x}}, Precision::float64);
    double lines = 0;
    for (auto const& slot : table.roots) lines += static_cast<double>(slot.lines());
    for (auto const& features : table.features) lines += static_cast<double>(features.lines());
    CHECK(cost_of(program).row_numbers >= lines);
    CHECK(cost_of(program).row_numbers <= 2 * lines);
  }
}

TEST_CASE("only the planes that later layers need are computed", "[plane_path]") {
  auto const entries = [](std::string const& yaml) {
    auto const plan = plan_planes(compile_position_program(network_of(yaml, {8, 8, 1})));
    return entries_of(plan->stages.front().planes, plan->stages.front().end_sizes);
  };
  std::string const begin = "[{conv: {filter_shape: [3, 3], padding: SAME}}, relu, ";
  CHECK(entries(begin + "flatten, dense]") == 64);
  CHECK(entries(begin + "global_avg_pool, dense]") == 64 * 64);
  // Windows of two: displacements -1, 0, 1 along each axis, 7 + 8 + 7 pairs.
  CHECK(entries(begin + "{avg_pool: {window_shape: [2, 2], strides: [2, 2]}}, flatten, dense]") == 22 * 22);
  // A stride of 2 behind leaves displacements -2, 0, 2 of the four pooled rows: 2d - 1, 2d, 2d + 1 before the pool.
  CHECK(entries(begin
                + "{avg_pool: {window_shape: [2, 2], strides: [2, 2]}}, {conv: {filter_shape: [1, 1], strides: [2, 2]}}, relu, "
                  "global_avg_pool, dense]")
        == (3 + 4 + 5 + 7 + 8 + 7 + 5 + 4 + 3) * (3 + 4 + 5 + 7 + 8 + 7 + 5 + 4 + 3));
  // And plans count no others: by far the most flops are those of the layers before the pool.
  auto const flops = [](std::string const& yaml) { return cost_of(compile_infinite(network_of(yaml, {8, 8, 1}))).pair_flops; };
  double const few = flops(begin + "{avg_pool: {window_shape: [2, 2], strides: [2, 2]}}, flatten, dense]"),
               all = flops(begin + "global_avg_pool, dense]");
  CHECK(few / all == Approx(22.0 * 22 / (64 * 64)).epsilon(0.05));
}
