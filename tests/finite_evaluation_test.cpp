// Outputs and derivatives of finite networks against golden ones.
#include "finite/evaluation.hpp"
#include "support/catch.hpp"
#include "support/golden_networks.hpp"

using namespace infinitile;
using golden::FiniteCase;

namespace {

template <class T>
constexpr double tolerance = std::is_same_v<T, double> ? 1e-10 : 1e-5;

template <class T>
struct AtTrainInputs {
  ParameterArrays<T> parameters;
  Numbers<T> x;
  Batch<T const> input;
  Evaluation<T> evaluation;

  AtTrainInputs(FiniteCase const& network, typename Evaluation<T>::Keep keep)
      : parameters(network.parameters()),
        x(golden::numbers_of<T>(network.read("x1"), 1, static_cast<int>(network.shape("x1")[0]))),
        input(x.batch()),
        evaluation(network.program(), parameters.batches(), std::span(&input, 1), keep) {}
};

/// The linearization at the parameters: f + J d.
template <class T>
double linear_difference(FiniteCase const& network, AtTrainInputs<T> const& at) {
  ParameterArrays<T> const displacement(network.read_parameters("taylor/displacement"));
  Batch<T const> const none;
  Numbers<T> const f = at.evaluation.push(displacement.batches(), std::span(&none, 1));
  for (long i = 0; i < f.batch().count(); ++i) f.batch().data[i] += at.evaluation.output().data[i];
  return golden::difference(f.batch(), network.read("taylor/f_lin"));
}

template <class T>
void check_derivatives(FiniteCase const& network) {
  AtTrainInputs<T> const at(network, Evaluation<T>::Keep::for_derivatives);
  int const rows = at.evaluation.rows();
  CHECK(golden::difference(at.evaluation.output(), network.read("y1")) <= tolerance<T>);

  ParameterArrays<T> const tangent(network.read_parameters("tangent"));
  Batch<T const> const none;
  CHECK(golden::difference(at.evaluation.push(tangent.batches(), std::span(&none, 1)).batch(), network.read("jvp")) <= tolerance<T>);

  CHECK(linear_difference(network, at) <= tolerance<T>);

  auto const cotangent = golden::numbers_of<T>(network.read("cotangent"), 1, rows);
  auto const gradient = at.evaluation.pull_parameters(cotangent.batch(), Samples::together);
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    std::string const path = network.program().parameters[p].path;
    CAPTURE(path);
    CHECK(golden::difference(gradient[p].batch(), network.read("vjp/" + path)) <= tolerance<T>);
  }
}

}  // namespace

TEST_CASE("every golden output is met", "[finite_evaluation]") {
  golden::for_each_network([](std::string const&, FiniteCase const& network) {
    AtTrainInputs<double> const exact(network, Evaluation<double>::Keep::nothing);
    CHECK(golden::difference(exact.evaluation.output(), network.read("y1")) <= 1e-10);
    AtTrainInputs<float> const single(network, Evaluation<float>::Keep::nothing);
    CHECK(golden::difference(single.evaluation.output(), network.read("y1")) <= 1e-5);
  });
}

TEST_CASE("every golden derivative is met", "[finite_evaluation]") {
  golden::for_each_network([](std::string const&, FiniteCase const& network) {
    check_derivatives<double>(network);
    check_derivatives<float>(network);
  });
}
