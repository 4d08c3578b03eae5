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
  Checks const checks = checks_of(cases.at("convolve in groups"));
  std::vector<double> const y = checks.output(), &x = checks.inputs()[0], &w = checks.parameters()[0];
  WindowPicks const picks = dilated();
  std::size_t at = 0;
  for (std::size_t row = 0; row < Checks::rows; ++row)
    for (std::size_t o = 0; o < 3; ++o)
      for (std::size_t out = 0; out < 9; ++out, ++at) {
        double sum = 0;
        for (std::size_t t = 0; t < 3; ++t)
          if (int const pick = picks.picks[3 * o + t]; pick >= 0)
            for (std::size_t c = 0; c < 2; ++c)
              sum += 0.6 * x[(row * 7 + static_cast<std::size_t>(pick)) * 6 + out / 3 * 2 + c] * w[(t * 2 + c) * 9 + out];
        CHECK(std::abs(y[at] - sum) < 1e-14 * 20);
      }
}
