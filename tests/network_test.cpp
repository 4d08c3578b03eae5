// The graph and its rules, built without a file.
#include "net/network.hpp"

#include <limits>

#include "base/text.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/networks.hpp"

using namespace infinitile;

namespace {

std::string chain_error(std::vector<Op> const& ops, std::vector<long> const& shape = {5}) {
  return message_of([&] { expect_infinite_width(chain(ops, shape)); });
}

std::string merge_error(Op merge, Op left, Op right, std::vector<long> const& shape = {5}) {
  return message_of([&] { expect_infinite_width(merged(merge, left, right, shape)); });
}

}  // namespace

TEST_CASE("a node knows its shape, its width and whether it is Gaussian", "[network]") {
  Network const net = chain({Dense{}, relu(), wide(7), LayerNorm{}, relu(), Dropout{0.5, Mode::test}, Flatten{}, wide(2)}, {4, 6, 3});
  std::vector<std::vector<long>> const shapes{{4, 6, 3}, {4, 6, 1}, {4, 6, 1}, {4, 6, 7}, {4, 6, 7}, {4, 6, 7}, {4, 6, 7}, {168}, {2}};
  std::vector<int> const known{1, 0, 0, 1, 1, 1, 1, 1, 1};
  std::vector<int> const gaussian{0, 1, 0, 1, 1, 0, 0, 0, 1};
  REQUIRE(net.size() == 9);
  for (int i = 0; i < net.size(); ++i) {
    INFO("node " << i);
    CHECK(net.node(i).shape == shapes[static_cast<std::size_t>(i)]);
    CHECK(net.node(i).width_known == (known[static_cast<std::size_t>(i)] == 1));
    CHECK(net.node(i).gaussian == (gaussian[static_cast<std::size_t>(i)] == 1));
  }
  CHECK(net.inputs() == 1);
  CHECK(net.output() == 8);
  CHECK(net.node(3).positions() == 24);
  CHECK(net.node(3).channels() == 7);
  CHECK(net.where(net.node(3)) == "net.yaml:3: layer 2 (dense)");
  CHECK(net.where(net.node(0)) == "net.yaml: input");
}

TEST_CASE("axes are counted back from the channels, however they were written", "[network]") {
  auto const axis_of = [](std::vector<int> axis) {
    LayerNorm norm;
    norm.axis = std::move(axis);
    return std::get<LayerNorm>(chain({Dense{}, norm}, {4, 6, 3}).node(2).op).axis;
  };
  CHECK(axis_of({3, 1}) == std::vector<int>{-3, -1});
  CHECK(axis_of({-1, -3}) == std::vector<int>{-3, -1});
  CHECK(axis_of({3, -1}) == std::vector<int>{-1});
  CHECK(std::get<Concat>(merged(Concat{2}, Dense{}, Dense{}, {4, 6, 3}).node(4).op).axis == -2);
}

TEST_CASE("merging joins shapes and keeps what stays Gaussian", "[network]") {
  auto const last = [](Network const& net) { return net.node(net.output()); };
  CHECK(last(merged(Sum{}, wide(4), wide(4))).gaussian);
  CHECK_FALSE(last(merged(Product{}, wide(4), wide(4))).gaussian);
  CHECK_FALSE(last(merged(Concat{}, wide(4), wide(6))).gaussian);
  CHECK(last(merged(Concat{}, wide(4), wide(6))).shape == std::vector<long>{10});
  CHECK(last(merged(Concat{}, Dense{}, Dense{})).shape == std::vector<long>{2});
  CHECK_FALSE(last(merged(Concat{}, Dense{}, Dense{})).width_known);
  CHECK(last(merged(Concat{1}, wide(4), wide(4), {6, 5, 2})).shape == std::vector<long>{12, 5, 4});
  CHECK(last(merged(Concat{1}, wide(4), wide(4), {6, 5, 2})).gaussian);
  // A width that was left out takes the one it is added to.
  CHECK(last(merged(Sum{}, Dense{}, wide(4))).shape == std::vector<long>{4});
  CHECK(last(merged(Sum{}, Dense{}, wide(4))).width_known);
}

TEST_CASE("an operation that cannot stand where it does is refused with the reason", "[network]") {
  CHECK(chain_error({relu()}) ==
        "net.yaml:1: layer 0 (relu): its input, the data, is not Gaussian; an activation needs a Gaussian input. Put a dense layer before it.");
  CHECK(chain_error({Dense{}, relu(), LayerNorm{}}) ==
        "net.yaml:3: layer 2 (layer_norm): its input, layer 1 (relu), is not Gaussian; layer_norm needs a Gaussian input. Put a dense layer before it.");
  CHECK(chain_error({Dense{}, LayerNorm{{0, -1}, 0}}) ==
        "net.yaml:2: layer 1 (layer_norm): axis includes the batch (axis 0); then a tile of the kernel would depend on the other inputs. Leave axis 0 out.");
  CHECK(chain_error({Dense{}, LayerNorm{{1}, 0}}, {4, 3})
        == "net.yaml:2: layer 1 (layer_norm): axis leaves out the channels; it has to include them. Add -1 to the list.");
  CHECK(chain_error({Dense{}, LayerNorm{{}, 0}})
        == "net.yaml:2: layer 1 (layer_norm): axis leaves out the channels; it has to include them. Add -1 to the list.");
  CHECK(chain_error({Dense{}, LayerNorm{{-3}, 0}})
        == "net.yaml:2: layer 1 (layer_norm): axis -3 is not there; the input has 2 axes, batch and channels included: -2 to 1.");
  for (Op const& op : std::vector<Op>{relu(), Flatten{}, Dropout{0.5, Mode::train}})
    CHECK(chain_error({Dense{}, op, relu()}).find("is not Gaussian; an activation needs a Gaussian input.") != std::string::npos);
  for (Op const& op : std::vector<Op>{Identity{}, LayerNorm{}, Dropout{0.5, Mode::test}, Sum{}})
    CHECK(chain_error({Dense{}, op, relu()}) == "no error");
}

TEST_CASE("what is not Gaussian is refused at infinite width alone", "[network]") {
  Network const twice = chain({Dense{}, relu(), relu(), Dense{}});
  CHECK(twice.node(2).only_finite.empty());
  CHECK(twice.node(3).only_finite
        == "its input, layer 1 (relu), is not Gaussian; an activation needs a Gaussian input. Put a dense layer before it.");
  CHECK(!twice.node(3).gaussian);
  CHECK(twice.node(4).gaussian);
  CHECK(message_of([&] { expect_infinite_width(twice); }) == "net.yaml:3: layer 2 (relu): " + twice.node(3).only_finite);
  for (Op const& merge : std::vector<Op>{Sum{}, Concat{1}}) {
    Network const net = merged(merge, relu(), Identity{}, {6, 2});
    CHECK(!net.node(net.output()).only_finite.empty());
    CHECK(!net.node(net.output()).gaussian);
  }
}

TEST_CASE("branches that cannot be merged are refused with the reason", "[network]") {
  CHECK(merge_error(Sum{}, wide(3), wide(4)) ==
        "net.yaml:2: layer 1 (sum): its branches have different shapes: branch 0 ends with the shape (3) of layer 1/0/0 (dense), branch 1 ends with the "
        "shape (4) of layer 1/1/0 (dense); one shape is needed. Check widths, strides and padding.");
  CHECK(merge_error(Product{}, Identity{}, Flatten{}, {2, 5}) ==
        "net.yaml:2: layer 1 (product): its branches have different shapes: branch 0 ends with the shape (2, 3) of layer 1/0/0 (identity), branch 1 ends "
        "with the shape (6) of layer 1/1/0 (flatten); one shape is needed. Check widths, strides and padding.");
  CHECK(merge_error(Concat{}, Identity{}, Flatten{}, {2, 5})
            .find("(2, 3) of layer 1/0/0 (identity), branch 1 ends with the shape (6) of layer 1/1/0 (flatten)")
        != std::string::npos);
  CHECK(merge_error(Sum{}, wide(3), relu()) ==
        "net.yaml:2: layer 1 (sum): branch 1 ends with layer 1/1/0 (relu), which is not Gaussian; the branches of a sum have to be. "
        "Put a dense layer at the end of that branch.");
  CHECK(merge_error(Concat{0}, relu(), relu())
        == "net.yaml:2: layer 1 (concat): axis 0 is the batch; branches are joined along the channels (-1) or a spatial axis.");
  CHECK(merge_error(Concat{1}, relu(), Identity{}, {6, 2}) ==
        "net.yaml:2: layer 1 (concat): branch 0 ends with layer 1/0/0 (relu), which is not Gaussian; branches that are joined along a spatial axis "
        "have to be. Put a dense layer at the end of that branch.");
  CHECK(merge_error(Concat{}, relu(), Dense{}) ==
        "net.yaml:2: layer 1 (concat): the width of layer 1/1/0 (dense) is not known while other branches have one; they weigh the branches. "
        "Give a width (out_dim, out_chan) in all branches or in none.");
  CHECK(merge_error(Sum{}, standard_dense(2, {1, 2}), wide(4))
        == "net.yaml:2: layer 1 (sum): the branches leave different multipliers s[1], 2 and 1; one is needed.");
  NetworkBuilder builder("net.yaml", {{5}});
  CHECK(message_of([&] { builder.add(Sum{}, {}, "0", 1); }) == "net.yaml:1: layer 0 (sum): found no branch; at least one is needed.");
}

TEST_CASE("standard parameterization needs widths and matching multipliers", "[network]") {
  Network const net = chain({standard_dense(16, {1, 8}), relu(), standard_dense(4, {8, 2}), relu(), standard_dense(3, {2, 1})});
  CHECK(net.node(2).shape == std::vector<long>{128});
  CHECK(net.node(4).shape == std::vector<long>{8});
  CHECK(net.node(4).width_multiplier == 2);
  CHECK(chain_error({standard_dense(16, {1, 8}), relu(), standard_dense(4, {4, 1})})
        == "net.yaml:3: layer 2 (dense): s[0] is 4; it has to be s[1] of the layer before, 8 at layer 1 (relu).");
  CHECK(chain_error({standard_dense(16, {2, 1})})
        == "net.yaml:1: layer 0 (dense): s[0] is 2; it has to be s[1] of the layer before, 1 at the data.");
  CHECK(chain_error({standard_dense(16, {1, 2})})
        == "net.yaml:1: layer 0 (dense): the network ends with the multiplier s[1] = 2; the last layer with weights needs s[1] = 1.");
  CHECK(chain_error({Dense{}, relu(), standard_dense(4)}) ==
        "net.yaml:3: layer 2 (dense): the width of layer 1 (relu) is not known; parameterization standard needs it. "
        "Give a width (out_dim, out_chan) to the layer that sets it.");
  Dense ntk;
  ntk.s = {1, 2};
  CHECK(chain_error({ntk}) ==
        "net.yaml:1: layer 0 (dense): s is [1, 2]; with parameterization ntk widths do not matter and s is [1, 1]. Set parameterization: standard.");
}

TEST_CASE("values outside their ranges and sizes beyond all bounds are refused, whoever builds the network", "[network]") {
  CHECK(chain_error({Dense{5, -1.0}}) == "net.yaml:1: layer 0 (dense): w_std is -1; a number that is not negative is needed.");
  CHECK(chain_error({Dense{5, 1.0, -0.5}}) == "net.yaml:1: layer 0 (dense): b_std is -0.5; a number that is not negative is needed.");
  CHECK(chain_error({Dense{0}}) == "net.yaml:1: layer 0 (dense): out_dim is 0; an integer above zero is needed.");
  CHECK(chain_error({standard_dense(2, {1, -1})})
        == "net.yaml:1: layer 0 (dense): s is [1, -1]; a list of 2 integers above zero is needed.");
  CHECK(chain_error({Dense{5, std::numeric_limits<double>::quiet_NaN()}})
        == "net.yaml:1: layer 0 (dense): w_std is nan; a number that is not negative is needed.");
  CHECK(chain_error({Dense{}, LayerNorm{{-1}, -1e-3}})
        == "net.yaml:2: layer 1 (layer_norm): eps is -0.001; a number that is not negative is needed.");
  for (double const rate : {0.0, -0.1, 1.0001})
    CHECK(chain_error({Dense{}, Dropout{rate, Mode::train}})
          == text("net.yaml:2: layer 1 (dropout): rate is ", rate,
                  "; a number above 0 and up to 1, the probability to keep a unit, is needed."));
  CHECK(chain_error({Dense{}, Dropout{1, Mode::train}}) == "no error");
  CHECK(chain_error({wide(3'000'000'000)}) == "net.yaml:1: layer 0 (dense): out_dim is 3000000000; at most 2147483647 can be handled.");
  CHECK(chain_error({wide(2'000'000'000)}, {2, 1}) ==
        "net.yaml:1: layer 0 (dense): its output of shape (2, 2000000000) is too large; at most 2147483647 numbers per sample can be handled.");
  for (std::vector<long> const& shape : std::vector<std::vector<long>>{{0}, {-1}, {3, 0}, {1L << 40}, {1L << 20, 1L << 20}, {}})
    CHECK(message_of([&] { NetworkBuilder("net.yaml", {shape}); }).starts_with("net.yaml: input: "));
}

TEST_CASE("a network has at most so many layers", "[network]") {
  NetworkBuilder builder("net.yaml", {{5}});
  int last = 0;
  while (builder.size() < NetworkBuilder::largest) last = builder.add(Identity{}, {last}, "0", 1);
  CHECK(message_of([&] { builder.add(Identity{}, {last}, "7/99", 3); }) ==
        "net.yaml:3: layer 7/99 (identity): the network has more than 100000 layers, repeats counted; that many at most can be handled. "
        "Check the times of its repeats, or the depth of its family.");
}

TEST_CASE("trainable numbers are counted where the widths are known", "[network]") {
  Network const net = chain({Dense{7, 1, 0.1}, relu(), Dense{4, 1, 0.0}, relu(), Dense{}, Dense{2}}, {6, 5});
  std::vector<std::optional<long>> const counts{0, 5 * 7 + 7, 0, 7 * 4 + 4, 0, std::nullopt, std::nullopt};
  for (int i = 0; i < net.size(); ++i) CHECK(parameter_count(net, net.node(i)) == counts[static_cast<std::size_t>(i)]);
  CHECK(parameter_count(chain({standard_dense(3, {1, 4}), standard_dense(2, {4, 1})}), chain({wide(2)}).node(0)) == 0);
  Network const multiplied = chain({standard_dense(3, {1, 4}), standard_dense(2, {4, 1})});
  CHECK(parameter_count(multiplied, multiplied.node(1)) == 5 * 12);
  CHECK(parameter_count(multiplied, multiplied.node(2)) == 12 * 2);
}

TEST_CASE("branches that share a random layer are found, and only those", "[network]") {
  auto const shared = [](Network const& net) { return shared_by_branches(net, net.output()).value_or(-1); };
  CHECK(shared(merged(Sum{}, Identity{}, Identity{})) == 1);
  CHECK(shared(merged(Sum{}, Identity{}, wide(3))) == -1);
  CHECK(shared(merged(Sum{}, wide(3), wide(3))) == -1);
  CHECK(shared(merged(Product{}, relu(), relu())) == 1);
  CHECK(shared(merged(Product{}, relu(), wide(3))) == -1);
  CHECK(shared(merged(Concat{-1}, relu(), relu())) == -1);  // a mean over channels needs no independence
  CHECK(shared(merged(Concat{-2}, Identity{}, LayerNorm{}, {4, 2})) == 1);
  CHECK(shared(chain({Dense{}, relu()})) == -1);
  SECTION("a residual chain is independent at each step, found in a time that does not grow with its depth") {
    NetworkBuilder builder("net.yaml", {{5}});
    int last = builder.add(wide(3), {0}, "0", 1);
    for (int i = 0; i < 30'000; ++i) {
      int const active = builder.add(relu(), {last}, "1", 1);
      int const branch = builder.add(wide(3), {active}, "1", 1);
      last = builder.add(Sum{}, {last, branch}, "1", 1);
    }
    int const fork = last;
    int const normed = builder.add(LayerNorm{}, {last}, "1", 1);
    last = builder.add(Sum{}, {last, normed}, "2", 1);
    Network const net = std::move(builder).finish(last);
    long found = 0;
    for (int i = 0; i < net.size() - 1; ++i) found += shared_by_branches(net, i) ? 1 : 0;
    CHECK(found == 0);
    CHECK(shared_by_branches(net, net.output()) == fork);
  }
}
