#include "finite/empirical_kernel.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/index.hpp"
#include "kernels/empirical_contraction.hpp"
#include "net/ops.hpp"

namespace infinitile {

namespace {

/// Calls add(p) with a primitive whose weights have a structure.
template <class Add>
void visit_weights(Primitive const& primitive, Add const& add) {
  std::visit(Overloaded{[&](primitive::MatrixProduct const& p) { add(p); }, [&](primitive::Convolve const& p) { add(p); },
                        [&](primitive::Lookup const& p) { add(p); },
                        [](auto const&) { INFINITILE_EXPECT(!"a use without a rule for its structure"); }},
             primitive);
}

template <class T>
WeightUse<T> weights_of(ParameterUse<T> const& use) {
  return {use.values.operands[0], use.cotangent};
}

/// Weights whose last use is still to come, with what their structured terms need.
template <class T>
class OpenWeights {
public:
  void add(ParameterUse<T> const& left, ParameterUse<T> const& right, std::size_t uses, TermSum<T> sum) {
    Open& open = open_[left.parameter];
    open.instructions.push_back(left.instruction);
    open.sides.push_back({weights_of(left), weights_of(right)});
    open.held.insert(open.held.end(), {left.held, right.held});
    if (open.sides.size() < uses) return;
    visit_weights(left.instruction->primitive, [&]<class P>(P const& p) {
      auto const& [first, other] = open.sides.front();
      if (uses == 1) return add_weight_term(p, first, other, sum);
      std::vector<SharedUse<P, T>> shared;
      for (std::size_t u = 0; u < uses; ++u)
        shared.push_back({&std::get<P>(open.instructions[u]->primitive), open.sides[u].first, open.sides[u].second});
      add_weight_term<P, T>(shared, sum);
    });
    open_.erase(left.parameter);
  }

private:
  struct Open {
    std::vector<Instruction const*> instructions;
    std::vector<std::pair<WeightUse<T>, WeightUse<T>>> sides;
    std::vector<Numbers<T>> held;
  };
  std::map<int, Open> open_;
};

/// Jacobians of the parameters whose last use is still to come.
template <class T>
class OpenJacobians {
public:
  /// The Jacobian with this use added, and how many there were.
  struct Open {
    Numbers<T> jacobian;
    int uses = 0;
  };
  Open& add(ParameterUse<T> const& use, long size) {
    Open& open = open_[use.parameter];
    if (open.uses == 0) open.jacobian = Numbers<T>(use.cotangent.copies, use.cotangent.rows, size);
    use.pull(open.jacobian.batch(), open.uses == 0 ? Into::replace : Into::add);
    ++open.uses;
    return open;
  }
  void close(int parameter) { open_.erase(parameter); }

private:
  std::map<int, Open> open_;
};

}  // namespace

template <class T>
EmpiricalKernel<T>::EmpiricalKernel(FiniteProgram program, ParameterValues const& values, KernelAxes const& axes, NtkMethod method,
                                    long numbers_at_once)
    : program_(std::move(program)),
      parameters_(values),
      layout_(program_.output_shape, axes),
      method_(method),
      numbers_at_once_(numbers_at_once),
      uses_(find_uses(program_)) {}

template <class T>
Evaluation<T> EmpiricalKernel<T>::evaluate(Inputs samples, Get get) const {
  using Keep = typename Evaluation<T>::Keep;
  return Evaluation<T>(program_, parameters_.batches(), samples, get == Get::nngp ? Keep::nothing : Keep::for_derivatives);
}

template <class T>
typename EmpiricalKernel<T>::Block EmpiricalKernel<T>::between(Inputs rows, Inputs cols, Get get) const {
  return between(evaluate(rows, get), evaluate(cols, get), cols, get);
}
template <class T>
typename EmpiricalKernel<T>::Block EmpiricalKernel<T>::within(Inputs samples, Get get) const {
  return within(evaluate(samples, get), samples, get);
}
template <class T>
typename EmpiricalKernel<T>::Block EmpiricalKernel<T>::between(Evaluation<T> const& rows, Evaluation<T> const& cols, Inputs col_samples,
                                                               Get get) const {
  return compute(rows, cols, col_samples, Sides::two, get);
}
template <class T>
typename EmpiricalKernel<T>::Block EmpiricalKernel<T>::within(Evaluation<T> const& side, Inputs samples, Get get) const {
  return compute(side, side, samples, Sides::same, get);
}

template <class T>
typename EmpiricalKernel<T>::Block EmpiricalKernel<T>::compute(Evaluation<T> const& left, Evaluation<T> const& right, Inputs cols,
                                                               Sides sides, Get get) const {
  auto const sum_of = [&](auto const& add) {
    TermSum<T> sum{nullptr, layout_.split(), left.rows(), right.rows()};
    std::vector<T> memory(at(sum.count()), T(0));
    sum.data = memory.data();
    add(sum);
    return place(sum, sides);
  };
  Block out;
  out.nngp = sum_of([&](TermSum<T> sum) { add_products_of_outputs(left, right, sum); });
  if (get == Get::nngp) return out;
  out.ntk = sum_of([&](TermSum<T> sum) {
    std::vector<TermWay> const ways = find_ways(program_, {sum.outputs, sum.rows, sum.cols, sides}, method_);
    if (std::ranges::find(ways, TermWay::vector_products) != ways.end())
      add_columns(left, cols, sum);
    else
      add_outputs_in_turn(left, right, ways, sides, sum);
  });
  return out;
}

/// <f(x), f(x')> over the traced outputs: a contraction of outputs in the order [diagonal][full][sample][traced].
template <class T>
void EmpiricalKernel<T>::add_products_of_outputs(Evaluation<T> const& left, Evaluation<T> const& right, TermSum<T> sum) const {
  auto const [traced, diagonal, full] = layout_.split();
  auto const sorted = [&](Batch<T const> y) {
    Numbers<T> const out(diagonal * full, y.rows, traced);
    for (int c = 0; c < diagonal * full; ++c)
      for (int row = 0; row < y.rows; ++row)
        for (int t = 0; t < traced; ++t)
          out.batch().data[(static_cast<long>(c) * y.rows + row) * traced + t] = y.at(0, row)[layout_.order()[at(t * diagonal * full + c)]];
    return out;
  };
  sum.outputs.traced = 1;
  add_contraction<T>(sorted(left.output()).batch(), sorted(right.output()).batch(), sum);
}

/// A one for each of some outputs, in the order of the layout: [count][rows][outputs].
template <class T>
Numbers<T> EmpiricalKernel<T>::seeds(int rows, int first, int count) const {
  int const outputs = layout_.outputs();
  Numbers<T> const out(count, rows, outputs);
  std::fill_n(out.batch().data, out.batch().count(), T(0));
  for (int c = 0; c < count; ++c)
    for (int row = 0; row < rows; ++row)
      out.batch().data[(static_cast<long>(c) * rows + row) * outputs + layout_.order()[at(first + c)]] = 1;
  return out;
}

/// As many traced outputs at once as memory allows, then diagonal ones: terms of different ones do not meet.
template <class T>
void EmpiricalKernel<T>::add_outputs_in_turn(Evaluation<T> const& left, Evaluation<T> const& right, std::span<TermWay const> ways,
                                             Sides sides, TermSum<T> sum) const {
  long const largest = std::max(1L, static_cast<long>(sample_size(program_).largest));
  auto const [traced, diagonal, full] = sum.outputs;
  long const most = std::max(1L, numbers_at_once_ / (largest * (sum.rows + sum.cols) * full));  // outputs besides the full ones
  int const d_step = static_cast<int>(std::min<long>(diagonal, most)),
            t_step = d_step < diagonal ? 1 : static_cast<int>(std::min<long>(traced, most / diagonal));
  for (int t = 0; t < traced; t += t_step)
    for (int d = 0; d < diagonal; d += d_step) {
      TermSum<T> part = sum;
      part.data = sum.at(d, 0, 0, 0, 0);
      part.outputs = {std::min(t_step, traced - t), std::min(d_step, diagonal - d), full};
      int const first = (t * diagonal + d) * full, count = part.outputs.traced * part.outputs.diagonal * full;
      Numbers<T> const left_seeds = seeds(left.rows(), first, count),
                       right_seeds = sides == Sides::two ? seeds(right.rows(), first, count) : left_seeds;
      Backward<T> left_way(left, left_seeds.batch(), Samples::apart);
      std::optional<Backward<T>> right_way;
      if (sides == Sides::two) right_way.emplace(right, right_seeds.batch(), Samples::apart);
      add_uses(left_way, right_way, ways, part);
    }
}

/// Goes back through both sides in step: at each use they have the same parameter in hand. Without a right way it is the left one.
template <class T>
void EmpiricalKernel<T>::add_uses(Backward<T>& left_way, std::optional<Backward<T>>& right_way, std::span<TermWay const> ways,
                                  TermSum<T> sum) const {
  OpenWeights<T> open_weights;
  OpenJacobians<T> left_open, right_open;
  while (auto const use = left_way.next()) {
    std::optional<ParameterUse<T>> const other = right_way ? right_way->next() : use;
    INFINITILE_EXPECT(other && other->parameter == use->parameter && other->instruction == use->instruction);
    auto const& uses = uses_[at(use->parameter)];
    if (ways[at(use->parameter)] == TermWay::structured) {
      open_weights.add(*use, *other, uses.size(), sum);
      continue;
    }
    if (uses.size() == 1 && has_structure(program_, uses)) {  // a slice of the Jacobian after the other
      visit_weights(use->instruction->primitive,
                    [&](auto const& p) { add_sliced_contraction(p, weights_of(*use), weights_of(*other), sum, numbers_at_once_ / 8); });
      continue;
    }
    long const numbers = program_.parameters[at(use->parameter)].size();
    auto const& one = left_open.add(*use, numbers);
    Batch<T const> const one_side = one.jacobian.batch(),
                         other_side = right_way ? right_open.add(*other, numbers).jacobian.batch() : one_side;
    if (one.uses < std::ssize(uses)) continue;
    add_contraction<T>(one_side, other_side, sum);
    left_open.close(use->parameter);
    right_open.close(use->parameter);
  }
}

/// Column by column: the cotangents of its outputs at the parameters are tangents of the rows.
template <class T>
void EmpiricalKernel<T>::add_columns(Evaluation<T> const& left, Inputs cols, TermSum<T> sum) const {
  auto const [traced, diagonal, full] = layout_.split();
  long parameters = 1;
  for (ParameterSpec const& spec : program_.parameters) parameters += spec.size();
  int const outputs = layout_.outputs(),
            together = static_cast<int>(std::clamp(numbers_at_once_ / parameters, 1L, static_cast<long>(outputs)));
  Numbers<T> const all_seeds = seeds(1, 0, outputs);
  std::vector<Batch<T const>> const no_tangents(program_.inputs.size());
  for (int col = 0; col < sum.cols; ++col) {
    std::vector<Batch<T const>> sample;
    for (Batch<T const> const& input : cols) sample.emplace_back(input.at(0, col), 1, 1, input.size);
    Evaluation<T> const column = evaluate(sample, Get::nngp_and_ntk);
    for (int first = 0; first < outputs; first += together) {
      int const count = std::min(together, outputs - first);
      auto const back =
          column.pull_parameters({all_seeds.batch().at(0, 0) + static_cast<long>(first) * outputs, count, 1, outputs}, Samples::together);
      std::vector<Batch<T const>> tangents;
      for (Numbers<T> const& each : back) tangents.push_back(each.batch());
      Numbers<T> const forth = left.push(tangents, no_tangents);
      for (int c = first; c < first + count; ++c) {
        int const other = c % full, d = c / full % diagonal, same = c - other;  // outputs of the same traced and diagonal entry
        for (int f = 0; f < full; ++f)
          for (int row = 0; row < sum.rows; ++row)
            *sum.at(d, f, row, other, col) += forth.batch().at(c - first, row)[layout_.order()[at(same + f)]];
      }
    }
  }
}

/// [rows][cols][kept], divided by the number of traced outputs; where both sides are the same, the upper triangle is the lower one's mirror.
template <class T>
std::vector<T> EmpiricalKernel<T>::place(TermSum<T> sum, Sides sides) const {
  auto const [traced, diagonal, full] = layout_.split();
  std::vector<T> out(at(sum.count()));
  T const scale = T(1) / static_cast<T>(traced);
  for (int row = 0; row < sum.rows; ++row)
    for (int col = 0; col < sum.cols; ++col) {
      T* const pair = out.data() + (static_cast<long>(row) * sum.cols + col) * layout_.kept();
      for (int d = 0; d < diagonal; ++d)
        for (int f = 0; f < full; ++f)
          for (int other = 0; other < full; ++other) {
            bool const mirrored = sides == Sides::same && (col > row || (col == row && other > f));
            pair[layout_.place(d, f, other)] = scale * (mirrored ? *sum.at(d, other, col, f, row) : *sum.at(d, f, row, other, col));
          }
    }
  return out;
}

template <class T>
Numbers<T> EmpiricalKernel<T>::multiply(Inputs rows, Inputs cols, Batch<T const> v) const {
  auto const back = evaluate(cols, Get::nngp_and_ntk).pull_parameters(v, Samples::together);
  std::vector<Batch<T const>> tangents;
  for (Numbers<T> const& each : back) tangents.push_back(each.batch());
  return evaluate(rows, Get::nngp_and_ntk).push(tangents, std::vector<Batch<T const>>(program_.inputs.size()));
}

template class EmpiricalKernel<double>;
template class EmpiricalKernel<float>;

}  // namespace infinitile
