// Rows of a data set under a finite network, shared by ranks: against the network at all rows at once.
#include <cmath>

#include "finite/program_builder.hpp"
#include "job/shared_rows.hpp"
#include "kernels/activation.hpp"
#include "kernels/philox.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

constexpr long rows = 150;  // three pieces

std::vector<double> normals(long count, std::uint64_t stream) {
  RandomStream const random{5, stream};
  std::vector<double> out;
  for (long i = 0; i < count; ++i) out.push_back(random.normals(static_cast<std::uint64_t>(i)).first);
  return out;
}

struct Small {
  FiniteProgram program;
  ParameterValues parameters;
  Dataset data;
  std::vector<double> cotangent;

  Small() {
    ProgramBuilder b;
    Tensor const hidden = b.activate(b.dense(b.input({4}), b.parameter({"0/w", {4, 8}})), make_activation("tanh", {}));
    Tensor const output = b.dense(hidden, b.parameter({"2/w", {8, 3}}));
    program = std::move(b).finish(output);
    parameters = {normals(32, 1), normals(24, 2)};
    data.rows = rows;
    data.inputs.push_back({{}, {4}, normals(rows * 4, 3)});
    cotangent = normals(rows * 3, 4);
  }

  Evaluation<double> at(std::span<Batch<double const> const> inputs) const {
    return {program, batches_of(parameters), inputs, Evaluation<double>::Keep::for_derivatives};
  }
  std::vector<Numbers<double>> gradient(SharedRows::Piece const& piece, double scale) const {
    Numbers<double> const g(1, piece.count, 3);
    for (long i = 0; i < g.batch().count(); ++i) g.batch().data[i] = scale * cotangent[static_cast<std::size_t>(piece.first * 3 + i)];
    return at(piece.inputs).pull_parameters(g.batch(), Samples::together);
  }
};

double difference(std::vector<double> const& a, std::vector<double> const& b) {
  REQUIRE(a.size() == b.size());
  double most = 0, apart = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(b[i]));
    apart = std::max(apart, std::abs(a[i] - b[i]));
  }
  return apart / most;
}

}  // namespace

TEST_CASE("outputs gathered from all ranks are those of all rows", "[shared_rows]") {
  Communicator const comm = Communicator::world();
  Small const network;
  SharedRows const shared(network.program, network.data, comm);
  auto const found = shared.gather(2, [&](SharedRows::Piece const& piece) {
    Numbers<double> const y(1, piece.count, 3), twice(1, piece.count, 3);
    std::copy_n(network.at(piece.inputs).output().data, y.batch().count(), y.batch().data);
    std::transform(y.batch().data, y.batch().data + y.batch().count(), twice.batch().data, [](double v) { return 2 * v; });
    return std::vector{y, twice};
  });
  Batch<double const> const all(network.data.inputs[0].values.data(), 1, rows, 4);
  Evaluation<double> const whole = network.at(std::span(&all, 1));
  std::vector<double> expected(whole.output().data, whole.output().data + rows * 3);
  CHECK(difference(found[0], expected) <= 1e-14);
  for (double& each : expected) each *= 2;
  CHECK(difference(found[1], expected) <= 1e-14);
}

/// Gradients that grow by more than the bound leaves room for are summed again; those that shrink keep their digits.
TEST_CASE("gradients summed over pieces are those of all rows, whatever their size", "[shared_rows]") {
  Communicator const comm = Communicator::world();
  Small const network;
  SharedRows const shared(network.program, network.data, comm);
  Batch<double const> const all(network.data.inputs[0].values.data(), 1, rows, 4), v(network.cotangent.data(), 1, rows, 3);
  auto const whole = network.at(std::span(&all, 1)).pull_parameters(v, Samples::together);
  GradientSum sum;
  for (double const scale : {1.0, 3.0, 1e6, 1e-3, 0.0, 1.0}) {
    auto const found = sum.over(shared, [&](SharedRows::Piece const& piece) { return network.gradient(piece, scale); });
    CHECK(found.has_value());
    for (std::size_t p = 0; found && p < whole.size(); ++p) {
      std::vector<double> expected(whole[p].batch().data, whole[p].batch().data + whole[p].batch().count());
      for (double& each : expected) each *= scale;
      if (scale > 0) CHECK(difference((*found)[p], expected) <= 1e-14);
      if (scale == 0) CHECK((*found)[p] == std::vector<double>(expected.size(), 0));
    }
  }
}

TEST_CASE("a gradient that is not finite on one rank is none on all", "[shared_rows]") {
  Communicator const comm = Communicator::world();
  Small const network;
  SharedRows const shared(network.program, network.data, comm);
  for (double const bad : {std::nan(""), HUGE_VAL}) {
    GradientSum sum;
    auto const found = sum.over(shared, [&](SharedRows::Piece const& piece) {
      auto gradient = network.gradient(piece, 1);
      if (piece.first == 128) gradient[1].batch().data[5] = bad;
      return gradient;
    });
    CHECK(!found.has_value());
  }
}
