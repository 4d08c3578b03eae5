// Taylor expansions of finite networks in their parameters, and linearizations.
#include "finite/empirical_kernel.hpp"
#include "finite/program_builder.hpp"
#include "finite/taylor.hpp"
#include "support/catch.hpp"
#include "support/derivative_checks.hpp"
#include "support/golden_networks.hpp"

using namespace infinitile;
using derivatives::Arrays;
using golden::FiniteCase;

namespace {

/// The expansion of a golden network at its train inputs.
template <class T>
TaylorExpansion<T> expand(FiniteCase const& network, int order) {
  ParameterArrays<T> const parameters(network.parameters()), displacement(network.read_parameters("taylor/displacement"));
  Numbers<T> const x = golden::numbers_of<T>(network.read("x1"), 1, static_cast<int>(network.shape("x1")[0]));
  Batch<T const> const input = x.batch();
  return {network.program(), parameters.batches(), displacement.batches(), std::span(&input, 1), order};
}

template <class T>
void check_orders(FiniteCase const& network, double tolerance) {
  TaylorExpansion<T> const expansion = expand<T>(network, 3);
  CHECK(golden::difference(expansion.sum(0).batch(), network.read("y1")) <= tolerance);
  CHECK(golden::difference(expansion.sum(1).batch(), network.read("taylor/f_lin")) <= tolerance);
  CHECK(golden::difference(expansion.sum(2).batch(), network.read("taylor/order_2")) <= tolerance);
  CHECK(golden::difference(expansion.sum(3).batch(), network.read("taylor/order_3")) <= tolerance);
}

AnyActivation square() {
  return make_activation("monomial", {{"degree", 2.0}});
}

/// w3 (w2 (w1 x)² + b)²: a polynomial of degree 7 in the parameters.
FiniteProgram polynomial_network() {
  ProgramBuilder b;
  Tensor const inner = b.activate(b.dense(b.input({3}), b.parameter({"w1", {3, 4}})), square());
  Tensor const middle = b.activate(b.add(b.dense(inner, b.parameter({"w2", {4, 2}})), b.parameter({"b", {2}})), square());
  Tensor const output = b.dense(middle, b.parameter({"w3", {2, 2}}));
  return std::move(b).finish(output);
}

/// Whole numbers of a size up to 3, so that all sums and products of the test are exact.
ParameterValues whole_numbers(FiniteProgram const& program, int step) {
  ParameterValues out;
  int next = step;
  for (ParameterSpec const& spec : program.parameters) {
    out.emplace_back();
    for (long i = 0; i < spec.size(); ++i) out.back().push_back((next += step) % 7 - 3);
  }
  return out;
}

}  // namespace

TEST_CASE("every golden Taylor expansion is met", "[taylor]") {
  golden::for_each_network([](std::string const&, FiniteCase const& network) {
    check_orders<double>(network, 1e-10);
    check_orders<float>(network, 1e-5);
  });
}

TEST_CASE("expansions of different orders have the same coefficients", "[taylor]") {
  golden::for_each_network([](std::string const&, FiniteCase const& network) {
    TaylorExpansion<double> const six = expand<double>(network, 6);
    for (int const order : {0, 1, 4}) {
      TaylorExpansion<double> const fewer = expand<double>(network, order);
      REQUIRE(fewer.order() == order);
      for (int k = 0; k <= order; ++k)
        CHECK(std::equal(fewer.coefficient(k).data, fewer.coefficient(k).data + fewer.coefficient(k).count(), six.coefficient(k).data));
    }
  });
}

/// At eight whole t the expansion of order 7 is the polynomial, exactly; so all of its coefficients are right, and those beyond are zero.
TEST_CASE("a network that is a polynomial is its expansion, to the last bit", "[taylor]") {
  FiniteProgram const program = polynomial_network();
  ParameterValues const start = whole_numbers(program, 3), direction = whole_numbers(program, 5);
  Arrays const theta(start, 1, 1), d(direction, 1, 1), x({{1, -2, 1, 0, 3, -1}}, 1, 2);
  TaylorExpansion<double> const expansion(program, theta.batches(), d.batches(), x.batches(), 9);
  for (int t = -3; t <= 4; ++t) {
    ParameterValues moved = start;
    for (std::size_t p = 0; p < moved.size(); ++p)
      for (std::size_t i = 0; i < moved[p].size(); ++i) moved[p][i] += t * direction[p][i];
    Arrays const there(moved, 1, 1);
    Evaluation<double> const network(program, there.batches(), x.batches(), Evaluation<double>::Keep::nothing);
    Numbers<double> const sum = expansion.sum(7, t);
    for (int i = 0; i < 4; ++i) CHECK(sum.batch().data[i] == network.output().data[i]);
  }
  for (int i = 0; i < 4; ++i) {
    CHECK(expansion.coefficient(7).data[i] != 0);
    CHECK(expansion.coefficient(8).data[i] == 0);
    CHECK(expansion.coefficient(9).data[i] == 0);
  }
}

TEST_CASE("parameters without a displacement stay", "[taylor]") {
  FiniteProgram const program = polynomial_network();
  Arrays const theta(whole_numbers(program, 3), 1, 1), d(whole_numbers(program, 5), 1, 1), x({{1, -2, 1, 0, 3, -1}}, 1, 2);
  std::vector<Batch<double const>> only_last(d.batches().begin(), d.batches().end());
  std::fill(only_last.begin(), only_last.end() - 1, Batch<double const>());
  TaylorExpansion<double> const linear(program, theta.batches(), only_last, x.batches(), 3);
  Linearization<double> const same(program, theta.batches(), x.batches());
  Numbers<double> const tangent = same.tangent(only_last);
  for (int i = 0; i < 4; ++i) {
    CHECK(linear.coefficient(1).data[i] == tangent.batch().data[i]);
    CHECK(linear.coefficient(2).data[i] == 0);
  }
  std::vector<Batch<double const>> const none(d.batches().size());
  TaylorExpansion<double> const constant(program, theta.batches(), none, x.batches(), 2);
  for (int i = 0; i < 4; ++i) {
    CHECK(constant.coefficient(0).data[i] == same.value().data[i]);
    CHECK(constant.coefficient(1).data[i] == 0);
  }
}

TEST_CASE("a linearization has golden values, and the kernel's products", "[taylor]") {
  golden::for_each_network([](std::string const&, FiniteCase const& network) {
    ParameterArrays<double> const parameters(network.parameters()), displacement(network.read_parameters("taylor/displacement"));
    auto const batch = [&](char const* name) {
      return golden::numbers_of<double>(network.read(name), 1, static_cast<int>(network.shape(name)[0]));
    };
    Numbers<double> const x1 = batch("x1"), x2 = batch("x2"), v = batch("cotangent");
    Batch<double const> const train = x1.batch(), test = x2.batch();
    Linearization<double> const at_train(network.program(), parameters.batches(), std::span(&train, 1)),
        at_test(network.program(), parameters.batches(), std::span(&test, 1));
    CHECK(golden::difference(at_train.value_at(displacement.batches()).batch(), network.read("taylor/f_lin")) <= 1e-10);

    std::vector<Batch<double const>> back;
    auto const gradient = at_train.gradient(v.batch());
    for (Numbers<double> const& each : gradient) back.push_back(each.batch());
    EmpiricalKernel<double> const kernel(network.program(), network.parameters(), {{}, {}}, NtkMethod::automatic);
    Numbers<double> const product = kernel.multiply(std::span(&test, 1), std::span(&train, 1), v.batch());
    std::vector<double> const expected(product.batch().data, product.batch().data + product.batch().count());
    CHECK(golden::difference(at_test.tangent(back).batch(), expected) <= 1e-14);
  });
}

TEST_CASE("an order that is out of range is refused", "[taylor]") {
  FiniteProgram const program = polynomial_network();
  Arrays const theta(whole_numbers(program, 3), 1, 1), x({{1, -2, 1}}, 1, 1);
  for (int const order : {-1, 32})
    CHECK_THROWS_WITH(TaylorExpansion<double>(program, theta.batches(), theta.batches(), x.batches(), order),
                      text("a Taylor expansion of order ", order, " is asked for; orders go from 0 to 31."));
}
