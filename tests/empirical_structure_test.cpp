// Weights in groups and weights that are used several times: every method, against Jacobians by hand; and which way they go.
#include <cmath>
#include <functional>
#include <numeric>

#include "base/index.hpp"
#include "finite/empirical_kernel.hpp"
#include "finite/program_builder.hpp"
#include "kernels/activation.hpp"
#include "support/catch.hpp"
#include "support/derivative_checks.hpp"

using namespace infinitile;
using derivatives::Arrays;
using derivatives::normals;

namespace {

using Write = std::function<Tensor(ProgramBuilder&)>;

Tensor smooth(ProgramBuilder& b, Tensor const& x) {
  return b.activate(x, make_activation("tanh", {}));
}

/// Each position sees itself and the `taps − 1` behind it, as far as there are any.
WindowPicks line(int positions, int taps) {
  WindowPicks out{taps, {}};
  for (int o = 0; o < positions; ++o)
    for (int t = 0; t < taps; ++t) out.picks.push_back(o + t < positions ? o + t : -1);
  return out;
}

struct Case {
  char const* name;
  bool structured;  ///< is there a rule for parameter w?
  int indices;      ///< the input is that many whole numbers from 0 to 4, or Gaussians where this is 0
  Write write;
};

std::vector<Case> const cases{
    {"a convolution in groups", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({7, 4}), w = b.parameter({"w", {3, 2, 6}});
       return smooth(b, b.convolve(x, w, line(7, 3), 0.7, 2)).reshaped({42});
     }},
    {"one channel to a group, two filters each", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({6, 3}), w = b.parameter({"w", {2, 1, 6}});
       return smooth(b, b.convolve(x, w, line(6, 2), 1, 3));
     }},
    {"one channel to a group, one filter each", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({6, 3}), w = b.parameter({"w", {2, 1, 3}});
       return smooth(b, b.convolve(smooth(b, b.convolve(x, w, line(6, 2), 1, 3)), w, line(6, 2), 0.6, 3));
     }},
    {"groups and few positions", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({2, 6}), w = b.parameter({"w", {2, 3, 4}});
       return smooth(b, b.convolve(x, w, line(2, 2), 1.5, 2));
     }},
    {"groups of one matrix", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({3, 2, 4}), w = b.parameter({"w", {4, 2}});
       return smooth(b, b.product(x, w, 0.5));
     }},
    {"a layer twice", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({5}), w = b.parameter({"w", {5, 5}});
       return b.dense(smooth(b, b.dense(x, w, 1.5)), w, 0.5);
     }},
    {"a layer three times, at one position and at several", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({4, 3}), w = b.parameter({"w", {3, 3}});
       Tensor const h = smooth(b, b.dense(smooth(b, b.dense(x, w, 0.9)), w, 0.4));
       return b.dense(b.take(h, 0, {1}).reshaped({3}), w);
     }},
    {"weights by groups twice, once with what is not grouped", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({3, 2}), w = b.parameter({"w", {2, 2, 2}});
       return b.product(smooth(b, b.product(x, w, 0.5)), w);
     }},
    {"transposed weights twice", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({2, 4}), w = b.parameter({"w", {4, 4}});
       Tensor const h = smooth(b, b.product(x, w, 1, ProgramBuilder::Right::transposed));
       return b.product(h, w, 0.5, ProgramBuilder::Right::transposed);
     }},
    {"a convolution twice", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({6, 2}), w = b.parameter({"w", {3, 2, 2}});
       return b.convolve(smooth(b, b.convolve(x, w, line(6, 3), 0.7)), w, line(6, 3));
     }},
    {"a convolution in groups twice, of different pictures", true, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({6, 4}), w = b.parameter({"w", {2, 2, 4}});
       Tensor const h = smooth(b, b.convolve(x, w, line(6, 2), 0.7, 2));
       return b.convolve(b.take(h, 0, {0, 2, 4}), w, line(3, 2), 1, 2);
     }},
    {"a table twice", true, 5,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({5}), w = b.parameter({"w", {5, 3}});
       Tensor const one = b.look_up(b.take(x, 0, {0, 1, 2}), w), other = b.look_up(b.take(x, 0, {3, 2, 4}), w);
       return b.multiply(smooth(b, one), other);
     }},
    {"weights and their transpose", false, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({2, 3}), w = b.parameter({"w", {3, 3}});
       return b.product(smooth(b, b.dense(x, w)), w, 1, ProgramBuilder::Right::transposed);
     }},
    {"a table that is multiplied with, too", false, 5,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({5}), w = b.parameter({"w", {5, 3}});
       return b.product(smooth(b, b.look_up(x, w)), w, 1, ProgramBuilder::Right::transposed);
     }},
    {"a layer that is applied to a parameter as well", false, 0,
     [](ProgramBuilder& b) {
       Tensor const x = b.input({2, 3}), w = b.parameter({"w", {3, 3}}), start = b.parameter({"start", {2, 3}});
       return b.add(b.dense(x, w), smooth(b, b.dense(start, w)));
     }},
};

FiniteProgram program_of(Case const& c) {
  ProgramBuilder builder;
  Tensor const y = c.write(builder);
  return std::move(builder).finish(y);
}

std::vector<double> samples(Case const& c, FiniteProgram const& program, int rows, std::uint64_t stream) {
  std::vector<double> x = normals(rows * program.value(program.inputs[0]).size, stream);
  if (c.indices > 0)
    for (double& each : x) each = std::fmod(std::abs(std::floor(7 * each)), 5);
  return x;
}

/// Of all outputs in their order, (outputs, rows, numbers): rows of the Jacobians of all parameters, side by side.
std::vector<std::vector<double>> jacobian(FiniteProgram const& program, Arrays const& parameters, Arrays const& inputs, int rows) {
  long const outputs = program.value(program.output).size;
  Evaluation<double> const at(program, parameters.batches(), inputs.batches(), Evaluation<double>::Keep::for_derivatives);
  std::vector<std::vector<double>> out;
  for (long o = 0; o < outputs; ++o) {
    std::vector<double> seed(static_cast<std::size_t>(rows * outputs), 0);
    for (int row = 0; row < rows; ++row) seed[static_cast<std::size_t>(row * outputs + o)] = 1;
    auto const back = at.pull_parameters({seed.data(), 1, rows, outputs}, Samples::apart);
    for (int row = 0; row < rows; ++row) {
      out.emplace_back();
      for (auto const& each : back)
        out.back().insert(out.back().end(), each.batch().at(0, row), each.batch().at(0, row) + each.batch().size);
    }
  }
  return out;
}

/// [rows][cols][outputs][outputs].
std::vector<double> plain_kernel(std::vector<std::vector<double>> const& left, std::vector<std::vector<double>> const& right, int rows,
                                 int cols) {
  std::size_t const outputs = left.size() / at(rows);
  std::vector<double> out;
  for (std::size_t row = 0; row < at(rows); ++row)
    for (std::size_t col = 0; col < at(cols); ++col)
      for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t p = 0; p < outputs; ++p)
          out.push_back(
              std::inner_product(left[o * at(rows) + row].begin(), left[o * at(rows) + row].end(), right[p * at(cols) + col].begin(), 0.0));
  return out;
}

/// The part of all pairs of outputs that the axes keep: both, the same ones, or the mean over those.
std::vector<double> kept_of(std::vector<double> const& full, long outputs, KernelAxes const& axes) {
  if (axes.trace.empty() && axes.diagonal.empty()) return full;
  std::vector<double> out;
  for (std::size_t pair = 0; pair < full.size(); pair += at(outputs * outputs)) {
    double sum = 0;
    for (long o = 0; o < outputs; ++o) {
      double const value = full[pair + at(o * (outputs + 1))];
      sum += value / static_cast<double>(outputs);
      if (!axes.diagonal.empty()) out.push_back(value);
    }
    if (axes.diagonal.empty()) out.push_back(sum);
  }
  return out;
}

template <class T>
double difference(std::vector<T> const& found, std::vector<double> const& expected) {
  REQUIRE(found.size() == expected.size());
  double most = 0, scale = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(found[i]) - expected[i]));
    scale = std::max(scale, std::abs(expected[i]));
  }
  return most / scale;
}

template <class T>
void check_methods(Case const& c, double tolerance) {
  FiniteProgram program = program_of(c);
  long const outputs = program.value(program.output).size;
  program.output_shape = {outputs};
  constexpr int rows = 2, cols = 3;
  ParameterValues const values = draw_parameters(program.parameters, {});
  std::vector<double> const x1 = samples(c, program, rows, 1), x2 = samples(c, program, cols, 2);
  Arrays const parameters(values, 1, 1), one({x1}, 1, rows), other({x2}, 1, cols);
  auto const left = jacobian(program, parameters, one, rows), right = jacobian(program, parameters, other, cols);
  std::vector<double> const between = plain_kernel(left, right, rows, cols), within = plain_kernel(right, right, cols, cols);
  std::vector<T> const numbers1(x1.begin(), x1.end()), numbers2(x2.begin(), x2.end());
  Batch<T const> const batch1(numbers1.data(), 1, rows, std::ssize(x1) / rows), batch2(numbers2.data(), 1, cols, std::ssize(x2) / cols);
  for (KernelAxes const& axes : {KernelAxes{{}, {}}, KernelAxes{{-1}, {}}, KernelAxes{{}, {-1}}})
    for (NtkMethod const method :
         {NtkMethod::automatic, NtkMethod::jacobian_contraction, NtkMethod::ntk_vector_products, NtkMethod::structured_derivatives})
      for (long const numbers_at_once : {1L << 26, 1L}) {
        CAPTURE(method, numbers_at_once, axes.trace, axes.diagonal);
        EmpiricalKernel<T> const kernel(program, values, axes, method, numbers_at_once);
        CHECK(difference(kernel.between({&batch1, 1}, {&batch2, 1}).ntk, kept_of(between, outputs, axes)) <= tolerance);
        CHECK(difference(kernel.within({&batch2, 1}).ntk, kept_of(within, outputs, axes)) <= tolerance);
      }
}

}  // namespace

TEST_CASE("weights in groups and weights used several times have the kernel of their Jacobians", "[empirical_structure]") {
  for (Case const& c : cases) {
    CAPTURE(c.name);
    check_methods<double>(c, 1e-12);
    check_methods<float>(c, 1e-5);
  }
}

TEST_CASE("they go by their structure where it has a rule, and are said to", "[empirical_structure]") {
  for (Case const& c : cases) {
    CAPTURE(c.name);
    FiniteProgram const program = program_of(c);
    auto const uses = find_uses(program);
    BlockSize const block{{1, 1, 2}, 3, 3, BlockSize::Sides::same};
    CHECK(has_structure(program, uses[0]) == c.structured);
    CHECK(find_ways(program, block, NtkMethod::structured_derivatives)[0] == (c.structured ? TermWay::structured : TermWay::contraction));
    CHECK(find_ways(program, block, NtkMethod::jacobian_contraction)[0] == TermWay::contraction);
    UseCost const cost = use_cost(program, uses[0], block);
    CHECK(cost.structured.has_value() == c.structured);
    CHECK(find_ways(program, block, NtkMethod::automatic)[0]
          == (goes_by_columns(program, block, NtkMethod::automatic)                 ? TermWay::vector_products
              : c.structured && cost.structured->total() < cost.contraction.total() ? TermWay::structured
                                                                                    : TermWay::contraction));
  }
}

namespace {

/// A layer of so many numbers, applied again and again.
FiniteProgram tied_layers(int width, int times) {
  ProgramBuilder b;
  Tensor h = b.input({width});
  Tensor const w = b.parameter({"w", {width, width}});
  for (int i = 0; i < times; ++i) h = b.dense(smooth(b, h), w);
  return std::move(b).finish(h);
}

}  // namespace

TEST_CASE("a wide layer that is used twice goes by its structure, one that is used very often by its Jacobian", "[empirical_structure]") {
  BlockSize const block{{1, 1, 4}, 8, 8, BlockSize::Sides::same};
  CHECK(find_ways(tied_layers(512, 2), block, NtkMethod::automatic)[0] == TermWay::structured);
  CHECK(find_ways(tied_layers(8, 200), block, NtkMethod::automatic)[0] != TermWay::structured);
}

TEST_CASE("costs grow with samples, outputs and uses", "[empirical_structure]") {
  auto const cost = [](int times, int rows, int outputs) {
    FiniteProgram const program = tied_layers(64, times);
    return use_cost(program, find_uses(program)[0], {{1, 1, outputs}, rows, rows, BlockSize::Sides::two});
  };
  auto const less = [](UseCost const& one, UseCost const& other) {
    return one.contraction.total() < other.contraction.total() && one.structured->total() < other.structured->total();
  };
  for (int const times : {1, 2, 4, 8}) {
    CHECK(less(cost(times, 4, 3), cost(times + 1, 4, 3)));
    CHECK(less(cost(times, 4, 3), cost(times, 5, 3)));
    CHECK(less(cost(times, 4, 3), cost(times, 4, 4)));
  }
}
