// Every primitive: its derivatives against each other and against differences, and the value of those that are more than a line of code.
#include <functional>
#include <map>

#include "finite/program_builder.hpp"
#include "kernels/activation.hpp"
#include "support/catch.hpp"
#include "support/derivative_checks.hpp"

using namespace infinitile;
using derivatives::Checks;

namespace {

using Write = std::function<Tensor(ProgramBuilder&)>;

using Function = primitive::Pointwise::Function;

AnyActivation smooth() {
  return make_activation("tanh", {});
}

/// A window of three with dilation 2 and stride 2 on seven positions, one to the left of the first.
WindowPicks dilated() {
  return {3, {-1, 1, 3, 1, 3, 5, 3, 5, -1}};
}

/// A case per primitive and way to use it. Parameters are p(shape), the input is x(shape).
std::map<std::string, Write> const cases{
    {"dense on positions",
     [](ProgramBuilder& b) {
       return b.dense(b.input({4, 3}), b.parameter({"w", {3, 5}}), 0.7);
     }},
    {"dense without positions",
     [](ProgramBuilder& b) {
       return b.dense(b.input({3}), b.parameter({"w", {3, 5}}));
     }},
    {"heads of shared weights",
     [](ProgramBuilder& b) {
       return b.product(b.input({4, 3}), b.parameter({"w", {2, 3, 5}}), 1.3);
     }},
    {"weights of each position",
     [](ProgramBuilder& b) {
       return b.product(b.input({4, 1, 3}), b.parameter({"w", {4, 3, 5}}));
     }},
    {"products of values",
     [](ProgramBuilder& b) {
       Tensor const x = b.input({2, 4, 3});
       return b.product(b.product(x, b.activate(x, smooth()), 0.5, ProgramBuilder::Right::transposed), x);
     }},
    {"a graph of each sample",
     [](ProgramBuilder& b) {
       return b.product(b.input({4, 4}), b.dense(b.input({2, 4, 3}), b.parameter({"w", {3, 3}})));
     }},
    {"parameters times parameters",
     [](ProgramBuilder& b) {
       return b.dense(b.input({3}), b.dense(b.parameter({"u", {3, 4}}), b.parameter({"v", {4, 2}})));
     }},
    {"a parameter used twice",
     [](ProgramBuilder& b) {
       Tensor const w = b.parameter({"w", {3, 3}});
       return b.dense(b.activate(b.dense(b.input({3}), w), smooth()), w);
     }},
    {"convolve",
     [](ProgramBuilder& b) {
       return b.convolve(b.input({7, 2}), b.parameter({"w", {3, 2, 5}}), dilated(), 0.6);
     }},
    {"convolve channel by channel",
     [](ProgramBuilder& b) {
       return b.convolve(b.input({7, 41}), b.parameter({"w", {3, 1, 41}}), dilated(), 0.6, 41);
     }},
    {"convolve in groups",
     [](ProgramBuilder& b) {
       return b.convolve(b.input({7, 6}), b.parameter({"w", {3, 2, 9}}), dilated(), 0.6, 3);
     }},
    {"convolve each channel",
     [](ProgramBuilder& b) {
       return b.convolve(b.input({7, 4}), b.parameter({"w", {3, 1, 4}}), dilated(), 1, 4);
     }},
    {"convolve with a window of one",
     [](ProgramBuilder& b) {
       return b.convolve(b.input({3, 4}), b.parameter({"w", {1, 4, 2}}), {1, {0, 1, 2}});
     }},
    {"windows",
     [](ProgramBuilder& b) {
       return b.windows(b.dense(b.input({7, 2}), b.parameter({"w", {2, 2}})), dilated());
     }},
    {"add a bias",
     [](ProgramBuilder& b) {
       return b.add(b.input({4, 3}), b.parameter({"b", {3}}), 2, -0.3);
     }},
    {"add on every axis",
     [](ProgramBuilder& b) {
       return b.add(b.parameter({"a", {4, 1, 3}}), b.add(b.input({2, 1}), b.parameter({"c", {1}})));
     }},
    {"add a value to itself",
     [](ProgramBuilder& b) {
       Tensor const x = b.input({4});
       return b.add(x, x, 2, 3);
     }},
    {"multiply by a parameter",
     [](ProgramBuilder& b) {
       return b.multiply(b.input({4, 3}), b.parameter({"g", {4, 1}}), 1.5);
     }},
    {"multiply values",
     [](ProgramBuilder& b) {
       Tensor const x = b.input({4, 3});
       return b.multiply(x, b.activate(x, smooth()));
     }},
    {"scale and activate", [](ProgramBuilder& b) { return b.activate(b.scale(b.input({5}), 0.7), smooth()); }},
    {"activate a parameter",
     [](ProgramBuilder& b) {
       return b.multiply(b.input({4, 3}), b.activate(b.parameter({"g", {3}}), smooth()));
     }},
    {"permute",
     [](ProgramBuilder& b) {
       return b.permute(b.dense(b.input({2, 4, 3}), b.parameter({"w", {3, 5}})), {2, 0, 1});
     }},
    {"stretch a parameter",
     [](ProgramBuilder& b) {
       return b.multiply(b.input({2, 3}), b.stretch(b.parameter({"g", {1, 3}}), {2, 3}));
     }},
    {"take",
     [](ProgramBuilder& b) {
       return b.take(b.dense(b.input({4, 3}), b.parameter({"w", {3, 2}})), 0, {3, 1, 1});
     }},
    {"mix",
     [](ProgramBuilder& b) {
       return b.mix(b.input({2, 3, 4}), 1, {{0, 2, 2, 5}, {0, 2, 2, 1, 0}, {0.5, -1, 2, 3, 4}});
     }},
    {"join",
     [](ProgramBuilder& b) {
       Tensor const x = b.input({2, 3, 2});
       return b.join({x, b.parameter({"e", {2, 1, 2}}), b.activate(x, smooth())}, 1);
     }},
    {"normalize",
     [](ProgramBuilder& b) {
       return b.normalize(b.dense(b.input({4, 3}), b.parameter({"w", {3, 5}})), 0.01);
     }},
    {"normalize a parameter",
     [](ProgramBuilder& b) {
       return b.multiply(b.input({3}), b.normalize(b.parameter({"g", {3}}), 0.1));
     }},
    {"softmax",
     [](ProgramBuilder& b) {
       return b.softmax(b.dense(b.input({4, 3}), b.parameter({"w", {3, 5}})));
     }},
    {"transposed weights",
     [](ProgramBuilder& b) {
       return b.product(b.input({4, 3}), b.parameter({"w", {5, 3}}), 0.7, ProgramBuilder::Right::transposed);
     }},
    {"constants",
     [](ProgramBuilder& b) {
       Tensor const c = b.constant({0.5, -1, 2}, {3});
       return b.add(b.multiply(b.input({4, 3}), c), b.multiply(b.parameter({"g", {3}}), c));
     }},
    {"a constant times weights",
     [](ProgramBuilder& b) {
       return b.add(b.dense(b.constant({0.5, -1, 2}, {3}), b.parameter({"w", {3, 2}})), b.input({2}));
     }},
    {"affine",
     [](ProgramBuilder& b) {
       return b.apply(b.input({5}), {Function::affine, 0.7, -2});
     }},
    {"logarithm and powers",
     [](ProgramBuilder& b) {
       Tensor const x = b.activate(b.add(b.input({5}), b.parameter({"b", {5}})), make_activation("exp", {}));
       Tensor out = b.apply(x, {Function::logarithm});
       for (double const exponent : {2.0, 0.5, -1.0, 1.7, -0.5}) out = b.add(out, b.apply(x, {Function::power, exponent}));
       return out;
     }},
    {"clip",
     [](ProgramBuilder& b) {
       return b.apply(b.dense(b.input({5}), b.parameter({"w", {5, 4}})), {Function::clip, -0.5, 1});
     }},
    {"select",
     [](ProgramBuilder& b) {
       Tensor const x = b.input({5}), w = b.parameter({"w", {5}});
       Tensor const above = b.apply(x, {Function::positive}), never = b.apply(b.apply(x, {Function::affine, 1, 7}), {Function::zero});
       return b.select(above, b.multiply(x, w), b.select(never, x, b.apply(w, {Function::affine, 3, 1})));
     }},
    {"largest",
     [](ProgramBuilder& b) {
       // Far enough apart that no step of the tests changes which is largest.
       std::vector<double> apart;
       for (int i = 0; i < 21; ++i) apart.push_back(i * 8 % 21);
       return b.largest(b.add(b.dense(b.input({7, 2}), b.parameter({"w", {2, 3}})), b.constant(apart, {7, 3}), 0.2, 1), dilated());
     }},
    {"look up by constants",
     [](ProgramBuilder& b) {
       return b.multiply(b.look_up(b.constant({3, 0, 3, -1}, {4}), b.parameter({"w", {5, 2}})), b.input({4, 2}));
     }},
    {"an input alone", [](ProgramBuilder& b) { return b.input({3}); }},
};

Checks checks_of(Write const& write) {
  ProgramBuilder builder;
  Tensor const output = write(builder);
  return Checks(std::move(builder).finish(output));
}

}  // namespace

TEST_CASE("derivatives of each primitive agree with each other and with differences", "[primitives]") {
  std::vector<bool> seen(std::variant_size_v<Primitive>, false);
  for (auto const& [name, write] : cases) {
    CAPTURE(name);
    Checks const checks = checks_of(write);
    checks.push_against_pull();
    checks.push_against_differences();
    checks.taylor_against_values();
    checks.methods_agree();
    for (Instruction const& i : checks.program().instructions) seen[i.primitive.index()] = true;
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i]);
  }
}

TEST_CASE("a convolution in groups is its sum over taps", "[primitives]") {
  struct Sizes {
    char const* name;
    std::size_t in, of_group, filters, out;
  };
  auto const [name, in, of_group, filters, outs] =
      GENERATE(Sizes{"convolve in groups", 6, 2, 3, 9}, Sizes{"convolve channel by channel", 41, 1, 1, 41});
  Checks const checks = checks_of(cases.at(name));
  std::vector<double> const y = checks.output(), &x = checks.inputs()[0], &w = checks.parameters()[0];
  WindowPicks const picks = dilated();
  std::size_t at = 0;
  for (std::size_t row = 0; row < Checks::rows; ++row)
    for (std::size_t o = 0; o < 3; ++o)
      for (std::size_t out = 0; out < outs; ++out, ++at) {
        double sum = 0;
        for (std::size_t t = 0; t < 3; ++t)
          if (int const pick = picks.picks[3 * o + t]; pick >= 0)
            for (std::size_t c = 0; c < of_group; ++c)
              sum += 0.6 * x[(row * 7 + static_cast<std::size_t>(pick)) * in + out / filters * of_group + c]
                     * w[(t * of_group + c) * outs + out];
        CHECK(std::abs(y[at] - sum) < 1e-14 * 20);
      }
}

TEST_CASE("a table that is looked up is one-hot rows times the table", "[primitives]") {
  // Tokens that samples share, repeat and count from the end; used twice, it has terms between its uses.
  int const twice = GENERATE(0, 1);
  CAPTURE(twice);
  std::vector<double> const tokens{3, 0, 3, 1, 1, 4, 2, 0, 5, 5, 5, -6};
  constexpr int rows = 3, count = 4, entries = 6;
  std::vector<double> one_hot(rows * count * entries, 0);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    one_hot[i * entries + static_cast<std::size_t>(tokens[i] < 0 ? tokens[i] + entries : tokens[i])] = 1;
  auto const program = [&](bool looks_up) {
    ProgramBuilder b;
    Tensor const x = b.input(looks_up ? std::vector<long>{count} : std::vector<long>{count, entries}), w = b.parameter({"w", {entries, 5}});
    Tensor y = looks_up ? b.look_up(x, w) : b.dense(x, w);
    y = b.activate(b.dense(b.activate(y, smooth()).reshaped({count * 5}), b.parameter({"v", {count * 5, 5}})), smooth());
    if (twice == 1) y = b.dense(y.reshaped({1, 5}), b.permute(w, {1, 0})).reshaped({entries});
    return std::move(b).finish(y);
  };
  ParameterValues const values{derivatives::normals(entries * 5, 1), derivatives::normals(count * 5 * 5, 2)};
  Batch<double const> const looked_up(tokens.data(), 1, rows, count), multiplied(one_hot.data(), 1, rows, count * entries),
      others(tokens.data() + count, 1, 2, count), other_rows(one_hot.data() + count * entries, 1, 2, count * entries);
  for (KernelAxes const& axes : {KernelAxes{{}, {}}, KernelAxes{{-1}, {}}, KernelAxes{{}, {-1}}})
    for (auto const method :
         {NtkMethod::automatic, NtkMethod::jacobian_contraction, NtkMethod::ntk_vector_products, NtkMethod::structured_derivatives})
      for (long const at_once : {1L << 26, 1L}) {
        CAPTURE(method, at_once);
        EmpiricalKernel<double> const found(program(true), values, axes, method, at_once), expected(program(false), values, axes, method);
        auto const compare = [](std::vector<double> const& a, std::vector<double> const& b) {
          REQUIRE(a.size() == b.size());
          double most = 0, difference = 0;
          for (std::size_t i = 0; i < a.size(); ++i)
            most = std::max(most, std::abs(b[i])), difference = std::max(difference, std::abs(a[i] - b[i]));
          CHECK(difference <= 1e-13 * most);
        };
        compare(found.within({&looked_up, 1}).ntk, expected.within({&multiplied, 1}).ntk);
        compare(found.between({&others, 1}, {&looked_up, 1}).ntk, expected.between({&other_rows, 1}, {&multiplied, 1}).ntk);
      }
}

TEST_CASE("an index that a table does not have is refused by name", "[primitives]") {
  double const index = GENERATE(6.0, -7.0, 1.5);
  ProgramBuilder b;
  Tensor const y = b.look_up(b.input({1}), b.parameter({"w", {6, 2}}));
  FiniteProgram const program = std::move(b).finish(y);
  ParameterArrays<double> const parameters(ParameterValues{std::vector<double>(12, 1)});
  Batch<double const> const input(&index, 1, 1, 1);
  CHECK_THROWS_WITH((Evaluation<double>(program, parameters.batches(), {&input, 1}, Evaluation<double>::Keep::nothing)),
                    Catch::Contains("6 entries"));
}
