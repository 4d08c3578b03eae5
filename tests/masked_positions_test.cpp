// Masks, graphs and several outputs: golden kernels, whatever the tile, and what follows from the mathematics.
#include <array>
#include <numeric>

#include "infinite/compile_positions.hpp"
#include "infinite/graph_patterns.hpp"
#include "kernels/activation.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_tile.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/golden_kernels.hpp"
#include "support/language.hpp"

using namespace infinitile;
using golden::Lower;

namespace {

Network network_of(std::string const& yaml, std::vector<std::vector<long>> const& shapes, std::optional<int> output = std::nullopt) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(yaml, "test"), ReadContext{"test", "", shapes, signatures, output});
}

bool has(hid_t group, std::string const& path) {
  return H5Lexists(group, path.c_str(), H5P_DEFAULT) > 0;
}

/// x1 and x2, or x1b and x2b: rows one after the other, with their masks.
struct GoldenInput {
  std::vector<double> values;
  std::vector<unsigned char> masked;
  std::vector<long> shape;
  long train = 0, rows = 0;
};
GoldenInput read_input(hid_t group, std::string const& suffix) {
  GoldenInput out;
  for (char const* const part : {"1", "2"}) {
    std::string const x = "x" + (part + suffix), mask = "mask" + (part + suffix);
    std::vector<long> const extents = h5::shape_of(h5::open_dataset(group, "golden file", x)).extents;
    std::vector<double> const values = golden::read(group, x);
    out.values.insert(out.values.end(), values.begin(), values.end());
    out.shape.assign(extents.begin() + 1, extents.end());
    if (out.rows == 0) out.train = extents[0];
    out.rows += extents[0];
    if (has(group, mask))
      for (double const masked : golden::read(group, mask)) out.masked.push_back(masked != 0 ? 1 : 0);
  }
  return out;
}

/// A case of the golden file, ready to compute.
struct GoldenCase {
  std::string words;
  long train = 0;
  PositionProgram program;
  PositionTable table;

  explicit GoldenCase(hid_t group) : words(golden::read_words(group, "network")) {
    std::vector<std::vector<long>> shapes;
    std::vector<InputRows> rows;
    Masks masks = Masks::none;
    for (char const* const suffix : {"", "b"}) {
      if (!has(group, std::string("x1") + suffix)) continue;
      GoldenInput input = read_input(group, suffix);
      train = input.train;
      shapes.push_back(input.shape);
      if (!input.masked.empty()) masks = Masks::given;
      rows.push_back({static_cast<long>(input.values.size()) / input.rows, std::move(input.values), std::move(input.masked)});
    }
    bool const chosen = H5Aexists(group, "output") > 0;
    Network const network =
        network_of(words, shapes, chosen ? std::optional(static_cast<int>(golden::read_number(group, "output"))) : std::nullopt);
    std::vector<Graphs> graphs = graphs_of(group, network);
    program = compile_position_program(network, masks, graphs);
    table = tabulate_positions(program, std::move(rows), Precision::float32, std::move(graphs));
  }

  template <class T>
  Lower compute(int side, PositionPath path) const {
    return golden::compute_all<T>(table.rows, train, side, [&](TileTask<T> const& task) {
      return compute_position_tiles(Exec(), program, table, std::span(&task, 1), path);
    });
  }

private:
  static std::vector<Graphs> graphs_of(hid_t group, Network const& network) {
    std::vector<std::vector<double>> values;
    std::vector<GraphPattern> patterns;
    values.reserve(2);
    for (std::string const path : {"pattern1", "pattern2"}) {
      if (!has(group, path)) return {};
      h5::Shape const shape = h5::shape_of(h5::open_dataset(group, "golden file", path));
      values.push_back(golden::read(group, path));
      patterns.push_back({path, path, shape.extents, shape.kind == h5::Kind::integer, values.back()});
    }
    return read_graphs(network, patterns);
  }
};

h5::Handle open_golden() {
  return h5::open_file(std::string(INFINITILE_TEST_DATA) + "/positions_masked.h5");
}
h5::Handle open_case(hid_t file, std::string const& name) {
  return h5::Handle(H5Gopen(file, name.c_str(), H5P_DEFAULT), H5Gclose);
}

/// Inputs of 6 positions and 2 channels, the last ones of each masked.
struct Lengths {
  std::vector<long> lengths{6, 1, 4, 6, 2, 3};
  std::vector<double> values;
  std::vector<unsigned char> masked;
  Lengths() {
    for (std::size_t i = 0; i < lengths.size(); ++i)
      for (long p = 0; p < 6; ++p) {
        masked.push_back(p < lengths[i] ? 0 : 1);
        for (int c = 0; c < 2; ++c)
          values.push_back(p < lengths[i] ? std::sin(static_cast<double>(7 * i + 3) * static_cast<double>(p + 1) + c) : 0);
      }
  }
};

/// The whole kernel of a network on those inputs, [i][j] row by row.
Lower kernel_of(std::string const& words, Lengths const& inputs, Masks masks, PositionPath path = PositionPath::fused) {
  PositionProgram const program = compile_position_program(network_of(words, {{6, 2}}), masks);
  PositionTable const table = tabulate_positions(
      program, {{12, inputs.values, masks == Masks::none ? std::vector<unsigned char>{} : inputs.masked}}, Precision::float64);
  return golden::compute_all<double>(table.rows, table.rows - 1, 64, [&](TileTask<double> const& task) {
    return compute_position_tiles(Exec(), program, table, std::span(&task, 1), path);
  });
}

std::string refusal(std::string const& words, std::vector<long> const& shape, GraphPattern const& pattern) {
  return message_of([&] { read_graphs(network_of(words, {shape}), {pattern}); });
}

}  // namespace

TEST_CASE("every golden kernel with masks, graphs or several outputs is met, at any tile side", "[masked_positions]") {
  h5::Handle const file = open_golden();
  auto const names = golden::case_names(file);
  REQUIRE(names.size() == 43);
  for (auto const& name : names) {
    h5::Handle const group = open_case(file, name);
    GoldenCase const network(group);
    CAPTURE(name, network.words);
    for (int const side : {1, 3, 64}) {
      CAPTURE(side);
      golden::check_double(group, network.compute<double>(side, PositionPath::fused), network.train);
    }
    golden::check_single(group, network.compute<float>(2, PositionPath::fused), network.train);
  }
}

TEST_CASE("one graph as a matrix and as a list of edges gives the same bits", "[masked_positions]") {
  h5::Handle const file = open_golden();
  GoldenCase const edges(open_case(file, "graph_edges")), matrix(open_case(file, "graph_edges_as_matrix"));
  Lower const a = edges.compute<double>(64, PositionPath::fused), b = matrix.compute<double>(64, PositionPath::fused);
  CHECK(a.nngp == b.nngp);
  CHECK(a.ntk == b.ntk);
  CHECK(edges.table.graphs.at(0).first == matrix.table.graphs.at(0).first);
}

TEST_CASE("masks that mask nothing leave every network as it was, and networks without masks keep their planes", "[masked_positions]") {
  Lengths whole;
  for (unsigned char& masked : whole.masked) masked = 0;
  std::string const words =
      "[{conv: {filter_shape: [3], padding: SAME, b_std: 0.3}}, relu, {conv: {filter_shape: [2], strides: [2], b_std: 0.1}}, layer_norm, "
      "erf, "
      "global_avg_pool, dense]";
  CHECK(plan_planes(compile_position_program(network_of(words, {{6, 2}}))).has_value());
  CHECK(!plan_planes(compile_position_program(network_of(words, {{6, 2}}), Masks::given)).has_value());
  Lower const with = kernel_of(words, whole, Masks::given), without = kernel_of(words, whole, Masks::none, PositionPath::general);
  for (std::size_t x = 0; x < with.nngp.size(); ++x) {
    CHECK(with.nngp[x] == Approx(without.nngp[x]).epsilon(1e-13));
    CHECK(with.ntk[x] == Approx(without.ntk[x]).epsilon(1e-13));
  }
}

/// Position by position and with a mean over what is there, padding is as good as not being there: each pair of inputs is computed again on
/// images that are just as long as they are.
TEST_CASE("padding at the end is as good as shorter inputs where positions are not mixed before the mean", "[masked_positions]") {
  Lengths const inputs;
  std::string const words = "[{dense: {b_std: 0.4}}, relu, {dense: {b_std: 0.2}}, {erf: {c: 0.3}}, global_avg_pool, dense]";
  Lower const all = kernel_of(words, inputs, Masks::given);
  // The mean over pairs of positions of a kernel of positions alone: E over p, p' of f(x_p, y_p').
  std::string const single = "[{dense: {b_std: 0.4}}, relu, {dense: {b_std: 0.2}}, {erf: {c: 0.3}}, global_sum_pool, dense]";
  PositionProgram const program = compile_position_program(network_of(single, {{1, 2}}));
  std::vector<double> positions;
  std::vector<std::size_t> owner;
  for (std::size_t i = 0; i < inputs.lengths.size(); ++i)
    for (long p = 0; p < inputs.lengths[i]; ++p) {
      owner.push_back(i);
      for (int c = 0; c < 2; ++c) positions.push_back(inputs.values[12 * i + static_cast<std::size_t>(2 * p + c)]);
    }
  PositionTable const table = tabulate_positions(program, {{2, positions}}, Precision::float64);
  long const n = table.rows;
  Lower const each = golden::compute_all<double>(n, n - 1, 64, [&](TileTask<double> const& task) {
    return compute_position_tiles(Exec(), program, table, std::span(&task, 1), PositionPath::general);
  });
  for (long i = 0; i < all.n; ++i)
    for (long j = 0; j <= i; ++j) {
      double nngp = 0, ntk = 0, count = 0;
      for (long a = 0; a < n; ++a)
        for (long b = 0; b < n; ++b) {
          if (owner[static_cast<std::size_t>(a)] != static_cast<std::size_t>(i)
              || owner[static_cast<std::size_t>(b)] != static_cast<std::size_t>(j))
            continue;
          nngp += each.at(each.nngp, a, b);
          ntk += each.at(each.ntk, a, b);
          count += 1;
        }
      CAPTURE(i, j);
      CHECK(all.at(all.nngp, i, j) == Approx(nngp / count).epsilon(1e-12));
      CHECK(all.at(all.ntk, i, j) == Approx(ntk / count).epsilon(1e-12));
    }
}

TEST_CASE("a pattern that does not fit names layer, dataset, shapes and what to do", "[masked_positions]") {
  std::vector<double> const values(2 * 5 * 6, 1.0), edges{0, 1, 4, -1, 7, 3, 0, 5};
  GraphPattern const matrix{"data.train.pattern", "train/graph of g.h5", {2, 5, 6}, false, values};
  CHECK(refusal("- aggregate", {5, 3}, matrix)
        == "test:1: layer 0 (aggregate): data.train.pattern, train/graph of g.h5, has shape (2, 5, 6); for vertices of shape (5), those of the "
           "layer's input, (2, 5, 5) is needed: a square matrix per input, [sender, receiver]. For lists of edges set implementation: SPARSE.");
  CHECK_THAT(refusal("- aggregate: {implementation: SPARSE}", {5, 3}, matrix), Catch::Contains("(2, 5, 1, 2) is needed"));
  GraphPattern const floats{"data.train.pattern", "g.npy", {2, 2, 2}, false, edges};
  CHECK_THAT(refusal("- aggregate: {implementation: SPARSE}", {5, 3}, floats), Catch::Contains("holds floats") && Catch::Contains("g.npy"));
  GraphPattern const far{"data.train.pattern", "g.npy", {2, 2, 2}, true, edges};
  CHECK_THAT(refusal("- aggregate: {implementation: SPARSE}", {5, 3}, far),
             Catch::Contains("sender 7 at row 1, edge 0") && Catch::Contains("vertices 0 to 4"));
}

TEST_CASE("edges are one list in one order: repeated ones add up, padding and zeros are gone", "[masked_positions]") {
  std::vector<double> const values{2, 0, 1, 2, 2, 0, -1, 3, 0, -1, 0, 2, 1, 2, 1, 2, -2, -2, 3, 3};
  GraphPattern const pattern{"", "", {2, 5, 2}, true, values};
  Graphs const graphs = read_graphs(network_of("- aggregate: {implementation: SPARSE}", {{4, 1}}), {pattern}).at(0);
  CHECK(graphs.rows() == 2);
  CHECK(graphs.first == std::vector<long>{0, 1, 1, 2, 2, 2, 2, 4, 5});
  CHECK(graphs.sender == std::vector<int>{2, 1, 0, 1, 3});
  CHECK(graphs.weight == std::vector<double>{2, 1, 1, 2, 1});
}

TEST_CASE("the layers of other outputs are not computed and leave no trace", "[masked_positions]") {
  std::vector<std::vector<long>> const shapes{{5, 3}, {4}};
  std::string const words = "[{parallel: [[{conv: {filter_shape: [3]}}, relu, flatten], [dense, relu]]}]";
  Network const first = network_of(words, shapes, 0), second = network_of(words, shapes, 1);
  CHECK(first.hash() != second.hash());
  CHECK(first.hash() == network_of("[{parallel: [[{conv: {filter_shape: [3]}}, relu, flatten], [dense, erf]]}]", shapes, 0).hash());
  CHECK(compile_position_program(first).activations.size() == 1);
  CHECK(first.outputs() == 2);
  CHECK(message_of([&] { network_of(words, shapes); })
        == "test:1: the network ends with 2 outputs side by side, and a kernel is of one. Choose it by kernel.output, a number from 0 to 1, or "
           "merge them with sum, product or concat.");
  CHECK(message_of([&] { network_of(words, shapes, 2); })
        == "test:1: the network ends with 2 outputs side by side, and kernel.output is 2; a number from 0 to 1 is needed.");
  CHECK(message_of([&] { network_of("- dense", {{4}}, 1); })
        == "test:1: the network ends with one output, and kernel.output is 1; 0 is needed.");
}
