#include "finite/taylor.hpp"

#include <algorithm>
#include <concepts>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "kernels/primitive_series.hpp"

namespace infinitile {

namespace {

/// A product of its two operands.
template <class P>
concept Bilinear =
    std::same_as<P, primitive::MatrixProduct> || std::same_as<P, primitive::Convolve> || std::same_as<P, primitive::Multiply>;

/// Linear in all operands together: its derivative reads no values, or only what chooses among them, whose steps count as 0.
template <class P>
concept Linear = (!P::needs_operands && !P::needs_result)
                 || std::same_as<P, primitive::Lookup> || std::same_as<P, primitive::Select> || std::same_as<P, primitive::Largest>;

template <class P>
concept Curved = requires(P const& p, primitive::Coefficients<double const> x, primitive::Coefficients<double> y) {
  compose(p, x, y);
};

/// Coefficients of one value, 0 to its degree; all others are zero.
template <class T>
using Terms = std::vector<Batch<T const>>;
template <class T>
using Operands = std::span<Terms<T> const>;

template <class T>
int degree_of(Terms<T> const& x) {
  return static_cast<int>(x.size()) - 1;
}

/// The degree of a result, were there no bound.
template <class P, class T>
long degree_of(P const&, Operands<T> x, long most) {
  long sum = 0, largest = 0;
  for (auto const& each : x) {
    sum += degree_of(each);
    largest = std::max<long>(largest, degree_of(each));
  }
  return std::min(most, Linear<P> ? largest : Bilinear<P> ? sum : largest == 0 ? 0 : most);
}

template <class T>
std::vector<Batch<T const>> starts_of(Operands<T> x) {
  std::vector<Batch<T const>> out;
  for (auto const& each : x) out.push_back(each[0]);
  return out;
}

template <Linear P, class T>
void expand(P const& p, Operands<T> x, std::span<Batch<T> const> y) {
  std::vector<Batch<T const>> const starts = starts_of(x);
  forward(p, std::span<Batch<T const> const>(starts), y[0]);
  for (int k = 1; k < std::ssize(y); ++k) {
    Into into = Into::replace;
    for (int i = 0; i < std::ssize(x); ++i) {
      if (degree_of(x[at(i)]) < k) continue;
      push(p, PrimitiveValues<T>{starts, y[0]}, i, x[at(i)][at(k)], y[at(k)], into);
      into = Into::add;
    }
  }
}

template <Bilinear P, class T>
void expand(P const& p, Operands<T> x, std::span<Batch<T> const> y) {
  std::vector<Batch<T const>> factors = starts_of(x);
  forward(p, std::span<Batch<T const> const>(factors), y[0]);
  for (int k = 1; k < std::ssize(y); ++k) {
    Into into = Into::replace;
    for (int j = std::max(0, k - degree_of(x[1])); j <= std::min(k, degree_of(x[0])); ++j) {
      factors[1] = x[1][at(k - j)];
      push(p, PrimitiveValues<T>{factors, {}}, 0, x[0][at(j)], y[at(k)], into);
      into = Into::add;
    }
  }
}

template <Curved P, class T>
void expand(P const& p, Operands<T> x, std::span<Batch<T> const> y) {
  primitive::compose(p, primitive::Coefficients<T const>(x[0]), y);
}

/// All values of a program, with their coefficients for as long as they are needed.
template <class T>
class Walk {
public:
  Walk(FiniteProgram const& program, int order, int rows)
      : program_(program), order_(order), rows_(rows), values_(program.values.size()), memory_(program.values.size()) {}

  void set(int value, Terms<T> coefficients) { values_[at(value)] = std::move(coefficients); }
  Terms<T> const& run();

private:
  void make(Instruction const& instruction);

  FiniteProgram const& program_;
  int order_, rows_;
  std::vector<Terms<T>> values_;
  std::vector<std::vector<Numbers<T>>> memory_;
};

template <class T>
Terms<T> const& Walk<T>::run() {
  std::vector<int> uses = count_uses(program_);
  for (Instruction const& i : program_.instructions) {
    make(i);
    for (int const operand : i.operands)
      if (--uses[at(operand)] == 0) memory_[at(operand)].clear();
  }
  return values_[at(program_.output)];
}

template <class T>
void Walk<T>::make(Instruction const& instruction) {
  std::vector<Terms<T>> operands;
  for (int const operand : instruction.operands) operands.push_back(values_[at(operand)]);
  FiniteValue const& value = program_.value(instruction.result);
  std::visit(
      [&](auto const& p) {
        long const degree = degree_of(p, Operands<T>(operands), order_);
        std::vector<Batch<T>> result;
        for (long k = 0; k <= degree; ++k) {
          memory_[at(instruction.result)].emplace_back(1, value.is_shared ? 1 : rows_, value.size);
          result.push_back(memory_[at(instruction.result)].back().batch());
        }
        expand(p, Operands<T>(operands), std::span<Batch<T> const>(result));
        values_[at(instruction.result)].assign(result.begin(), result.end());
      },
      instruction.primitive);
}

}  // namespace

template <class T>
TaylorExpansion<T>::TaylorExpansion(FiniteProgram const& program, std::span<Batch<T const> const> parameters,
                                    std::span<Batch<T const> const> displacement, std::span<Batch<T const> const> inputs, int order) {
  if (order < 0 || order > most_order)
    throw Error(text("a Taylor expansion of order ", order, " is asked for; orders go from 0 to ", most_order, "."));
  INFINITILE_EXPECT(parameters.size() == program.parameters.size() && displacement.size() == parameters.size());
  INFINITILE_EXPECT(inputs.size() == program.inputs.size());
  int const rows = inputs.empty() ? 1 : inputs[0].rows;
  Walk<T> walk(program, order, rows);
  for (std::size_t i = 0; i < inputs.size(); ++i) walk.set(program.inputs[i], {inputs[i]});
  std::vector<Numbers<T>> constants;
  for (auto const& [value, numbers] : program.constants) {
    constants.push_back(shared_numbers<T>(numbers));
    walk.set(value, {constants.back().batch()});
  }
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    bool const moves = order > 0 && displacement[p].data != nullptr;
    walk.set(program.parameter_values[p], moves ? Terms<T>{parameters[p], displacement[p]} : Terms<T>{parameters[p]});
  }
  Terms<T> const& output = walk.run();
  for (int k = 0; k <= order; ++k) {  // of their own: the output may be an input, or a function of parameters alone
    Numbers<T> const& own = coefficients_.emplace_back(1, rows, program.value(program.output).size);
    for (int row = 0; row < rows; ++row)
      if (k <= degree_of(output))
        std::copy_n(output[at(k)].at(0, row), own.batch().size, own.batch().at(0, row));
      else
        std::fill_n(own.batch().at(0, row), own.batch().size, T(0));
  }
}

template <class T>
Numbers<T> TaylorExpansion<T>::sum(int order, double t) const {
  INFINITILE_EXPECT(order >= 0 && order <= this->order());
  Batch<T const> const shape = coefficient(0);
  Numbers<T> const out(1, shape.rows, shape.size);
  for (long i = 0; i < shape.count(); ++i) {
    double total = 0;
    for (int k = order; k >= 0; --k) total = static_cast<double>(coefficient(k).data[i]) + t * total;
    out.batch().data[i] = static_cast<T>(total);
  }
  return out;
}

template <class T>
Numbers<T> Linearization<T>::tangent(std::span<Batch<T const> const> displacement) const {
  std::vector<Batch<T const>> const inputs_stay(evaluation_.program().inputs.size());
  return evaluation_.push(displacement, inputs_stay);
}

template <class T>
Numbers<T> Linearization<T>::value_at(std::span<Batch<T const> const> displacement) const {
  Numbers<T> out = tangent(displacement);
  for (int copy = 0; copy < out.batch().copies; ++copy)
    for (int row = 0; row < out.batch().rows; ++row)
      std::transform(value().at(0, row), value().at(0, row) + out.batch().size, out.batch().at(copy, row), out.batch().at(copy, row),
                     std::plus<>());
  return out;
}

template class TaylorExpansion<double>;
template class TaylorExpansion<float>;
template class Linearization<double>;
template class Linearization<float>;

}  // namespace infinitile
