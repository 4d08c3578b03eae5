#pragma once

// Derivatives of finite programs against each other and against central differences, at random places and in random directions.

#include <cmath>
#include <string>
#include <vector>

#include "finite/empirical_kernel.hpp"
#include "finite/taylor.hpp"
#include "kernels/philox.hpp"
#include "support/catch.hpp"

namespace derivatives {

using namespace infinitile;
using Values = ParameterValues;

/// Independent standard Gaussians.
inline std::vector<double> normals(long count, std::uint64_t stream) {
  RandomStream const random{17, stream};
  std::vector<double> out;
  for (long i = 0; i < count; ++i) {
    auto const [first, second] = random.normals(static_cast<std::uint64_t>(i / 2));
    out.push_back(i % 2 == 0 ? first : second);
  }
  return out;
}

/// Arrays in double, [copies][rows][size] each.
class Arrays {
public:
  Arrays(Values values, int copies, int rows) : values_(std::move(values)) {
    for (auto& each : values_) batches_.emplace_back(each.data(), copies, rows, std::ssize(each) / copies / rows);
  }
  Arrays(Arrays const&) = delete;
  std::span<Batch<double const> const> batches() const { return batches_; }
  Values const& values() const { return values_; }

private:
  Values values_;
  std::vector<Batch<double const>> batches_;
};

inline double inner(Batch<double const> a, Batch<double const> b) {
  REQUIRE(a.count() == b.count());
  double sum = 0;
  for (long i = 0; i < a.count(); ++i) sum += a.data[i] * b.data[i];
  return sum;
}

/// One program at random parameters and inputs.
class Checks {
public:
  static constexpr int rows = 3, copies = 2;

  /// `fixed`: the last inputs [rows][size], of which no derivatives are taken.
  explicit Checks(FiniteProgram program, Values const& fixed = {})
      : program_(std::move(program)), fixed_(fixed.size()), parameters_(draw(1, 1, 1)), inputs_(draw_inputs(1, 2)) {
    std::copy(fixed.begin(), fixed.end(), inputs_.end() - std::ssize(fixed));
  }

  FiniteProgram const& program() const { return program_; }

  /// <v, J u> = <Jᵀ v, u> for directions u of parameters and inputs, v of outputs; each copy has its own.
  void push_against_pull() const {
    Arrays const dp(draw(copies, 1, 3), copies, 1), dx(draw_inputs(copies, 4), copies, rows);
    Arrays const v({normals(copies * rows * size(), 5)}, copies, rows);
    Arrays const parameters(parameters_, 1, 1), inputs(inputs_, 1, rows);
    Evaluation<double> const at(program_, parameters.batches(), inputs.batches(), Evaluation<double>::Keep::for_derivatives);
    Numbers<double> const jvp = at.push(dp.batches(), dx.batches());
    auto const together = at.pull_parameters(v.batches()[0], Samples::together);
    auto const apart = at.pull_parameters(v.batches()[0], Samples::apart);
    auto const inputs_back = at.pull_inputs(v.batches()[0]);

    double const forward = inner(v.batches()[0], jvp.batch());
    double backward = 0, scale = std::abs(forward);
    for (std::size_t p = 0; p < together.size(); ++p) {
      backward += inner(together[p].batch(), dp.batches()[p]);
      same_sum(apart[p].batch(), together[p].batch());
    }
    for (std::size_t i = 0; i < inputs_back.size(); ++i) backward += inner(inputs_back[i].batch(), dx.batches()[i]);
    for (long i = 0; i < jvp.batch().count(); ++i) scale += std::abs(jvp.batch().data[i] * v.values()[0][static_cast<std::size_t>(i)]);
    CHECK(std::abs(forward - backward) <= 1e-13 * scale);
  }

  /// J u against (8 (f(h) − f(−h)) − f(2h) + f(−2h)) / 12h along u.
  void push_against_differences() const {
    Values const dp = draw(1, 1, 6), dx = draw_inputs(1, 7);
    constexpr double h = 5e-5;
    auto const at_distance = [&](double t) { return output(moved(parameters_, dp, t), moved(inputs_, dx, t)); };
    std::vector<double> const up = at_distance(h), down = at_distance(-h), far_up = at_distance(2 * h), far_down = at_distance(-2 * h);
    Arrays const parameters(parameters_, 1, 1), inputs(inputs_, 1, rows), tangents(dp, 1, 1), input_tangents(dx, 1, rows);
    Evaluation<double> const at(program_, parameters.batches(), inputs.batches(), Evaluation<double>::Keep::for_derivatives);
    Numbers<double> const jvp = at.push(tangents.batches(), input_tangents.batches());
    double most = 0, difference = 0;
    for (std::size_t i = 0; i < up.size(); ++i) {
      double const expected = (8 * (up[i] - down[i]) - far_up[i] + far_down[i]) / (12 * h);
      most = std::max({most, std::abs(up[i]), std::abs(expected)});
      difference = std::max(difference, std::abs(expected - jvp.batch().data[i]));
    }
    CHECK(difference <= 1e-8 * most);
  }

  /// With enough terms the expansion is the network; at 0.03 term 8 is 1e-12 of its coefficient. Kinks have to be farther than `reach`.
  void taylor_against_values(double reach = 0.03) const {
    Values const dp = draw(1, 1, 8);
    Arrays const parameters(parameters_, 1, 1), displacement(dp, 1, 1), inputs(inputs_, 1, rows);
    TaylorExpansion<double> const expansion(program_, parameters.batches(), displacement.batches(), inputs.batches(), 20);
    for (double const t : {-reach, reach}) {
      std::vector<double> const expected = output(moved(parameters_, dp, t), inputs_);
      Numbers<double> const found = expansion.sum(20, t);
      double most = 0, difference = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        most = std::max(most, std::abs(expected[i]));
        difference = std::max(difference, std::abs(expected[i] - found.batch().data[i]));
      }
      CHECK(difference <= 1e-13 * most);
    }
  }

  /// The three methods and the choice among them, for full output blocks and for traces, with enough memory and with little.
  void methods_agree() const {
    Arrays const inputs(inputs_, 1, rows);
    for (KernelAxes const& axes : {KernelAxes{{}, {}}, KernelAxes{{-1}, {}}, KernelAxes{{}, {-1}}}) {
      auto const ntk = [&](NtkMethod method, long numbers_at_once) {
        return EmpiricalKernel<double>(program_, parameters_, axes, method, numbers_at_once).within(inputs.batches()).ntk;
      };
      std::vector<double> const expected = ntk(NtkMethod::jacobian_contraction, 1L << 26);
      for (int i = 0; i < 8; ++i) {
        auto const method = static_cast<NtkMethod>(i % 4);
        CAPTURE(method, i);
        std::vector<double> const found = ntk(method, i < 4 ? 1L << 26 : 300);
        double most = 0, difference = 0;
        for (std::size_t e = 0; e < expected.size(); ++e) {
          most = std::max(most, std::abs(expected[e]));
          difference = std::max(difference, std::abs(expected[e] - found[e]));
        }
        CHECK(difference <= 1e-12 * most);
      }
    }
  }

  std::vector<double> output(Values const& parameter_values, Values const& input_values) const {
    Arrays const parameters(parameter_values, 1, 1), inputs(input_values, 1, rows);
    Evaluation<double> const at(program_, parameters.batches(), inputs.batches(), Evaluation<double>::Keep::nothing);
    return {at.output().data, at.output().data + rows * size()};
  }
  std::vector<double> output() const { return output(parameters_, inputs_); }
  Values const& parameters() const { return parameters_; }
  Values const& inputs() const { return inputs_; }

private:
  long size() const { return program_.value(program_.output).size; }

  Values draw(int copy_count, int row_count, std::uint64_t stream) const {
    Values out;
    for (ParameterSpec const& spec : program_.parameters)
      out.push_back(normals(copy_count * row_count * spec.size(), stream * 1000 + out.size()));
    return out;
  }
  Values draw_inputs(int copy_count, std::uint64_t stream) const {
    Values out;
    for (int const value : program_.inputs)
      out.push_back(normals(copy_count * rows * program_.value(value).size, stream * 1000 + out.size()));
    for (std::size_t i = out.size() - fixed_; i < out.size(); ++i) out[i].assign(out[i].size(), 0);
    return out;
  }
  static Values moved(Values values, Values const& direction, double h) {
    for (std::size_t a = 0; a < values.size(); ++a)
      for (std::size_t i = 0; i < values[a].size(); ++i) values[a][i] += h * direction[a][i];
    return values;
  }
  static void same_sum(Batch<double const> apart, Batch<double const> together) {
    double most = 0, difference = 0;
    for (int c = 0; c < together.copies; ++c)
      for (long i = 0; i < together.size; ++i) {
        double sum = 0;
        for (int row = 0; row < apart.rows; ++row) sum += apart.at(c, row)[i];
        most = std::max(most, std::abs(sum));
        difference = std::max(difference, std::abs(sum - together.at(c, 0)[i]));
      }
    CHECK(difference <= 1e-12 * most);
  }

  FiniteProgram program_;
  std::size_t fixed_;
  Values parameters_, inputs_;
};

}  // namespace derivatives
