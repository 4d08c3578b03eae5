#include "job/dynamics.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/agreed_stop.hpp"
#include "finite/ntk_cost.hpp"
#include "finite/taylor.hpp"
#include "job/shared_rows.hpp"
#include "kernels/philox.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

using Piece = SharedRows::Piece;

/// The network and its linearization, on their ways.
class Training {
public:
  Training(FiniteReading const& reading, Data const& data, Job::Dynamics const& wanted, Communicator const& comm)
      : start_(reading.parameters),
        wanted_(wanted),
        train_(reading.program, data.train, comm),
        targets_(data.train.y),
        now_(start_),
        moved_(start_) {
    if (data.test) test_.emplace(reading.program, *data.test, comm);
    for (auto& each : moved_) std::ranges::fill(each, 0);
  }

  Dynamics run();

private:
  using Gradients = std::vector<Numbers<double>>;
  FiniteProgram const& program() const { return train_.program(); }
  double target_count() const { return static_cast<double>(train_.numbers()); }

  double largest_eigenvalue() const;
  void step(int number, double rate);
  Gradients network_gradient(Piece const& piece) const;
  Gradients linear_gradient(Piece const& piece) const;
  Numbers<double> slopes_of_loss(Piece const& piece, Batch<double const> outputs) const;
  Dynamics::Outputs outputs_of(SharedRows const& rows) const;

  ParameterValues const& start_;
  Job::Dynamics const& wanted_;
  SharedRows train_;
  std::optional<SharedRows> test_;
  std::vector<double> const& targets_;
  ParameterValues now_;    ///< θ
  ParameterValues moved_;  ///< ω
  GradientSum network_sum_, linear_sum_;
};

void descend(ParameterValues& from, double rate, ParameterValues const& gradient) {
  for (std::size_t p = 0; p < from.size(); ++p)
    for (std::size_t i = 0; i < from[p].size(); ++i) from[p][i] -= rate * gradient[p][i];
}

Numbers<double> copy_of(Batch<double const> values) {
  Numbers<double> const out(values.copies, values.rows, values.size);
  std::copy_n(values.data, values.count(), out.batch().data);
  return out;
}

/// Scales v to length 1; its length before.
double normalize(std::vector<double>& v) {
  double square = 0;
  for (double const each : v) square += each * each;
  double const length = std::sqrt(square);
  if (length > 0)
    for (double& each : v) each /= length;
  return length;
}

/// Power iteration on J Jᵀ from random numbers, to three digits: from below, where the next eigenvalues are close.
double Training::largest_eigenvalue() const {
  std::vector<double> v(at(train_.numbers()));
  RandomStream const random{0, 0x64796e616d696373};  // a stream of its own: "dynamics"
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = random.normals(i / 2).first;
  normalize(v);
  double value = 0;
  GradientSum sum;
  auto const linearize = [&](Piece const& piece) { return Linearization<double>(program(), batches_of(start_), piece.inputs); };
  int const outputs = train_.outputs();
  for (int iteration = 0; iteration < 100; ++iteration) {
    stop_if_asked(train_.comm());
    auto const back = sum.over(train_, [&](Piece const& piece) {
      return linearize(piece).gradient({v.data() + piece.first * outputs, 1, piece.count, outputs});
    });
    if (!back) return INFINITY;
    v = train_.gather(1, [&](Piece const& piece) { return Gradients{linearize(piece).tangent(batches_of(*back))}; })[0];
    double const before = std::exchange(value, normalize(v));
    if (std::abs(value - before) <= 1e-3 * value) break;
  }
  return value;
}

/// (f − y) / M.
Numbers<double> Training::slopes_of_loss(Piece const& piece, Batch<double const> outputs) const {
  Numbers<double> const out(1, piece.count, train_.outputs());
  double const* const y = targets_.data() + piece.first * train_.outputs();
  for (long i = 0; i < out.batch().count(); ++i) out.batch().data[i] = (outputs.data[i] - y[i]) / target_count();
  return out;
}

Training::Gradients Training::network_gradient(Piece const& piece) const {
  auto const parameters = batches_of(now_);
  Linearization<double> const here(program(), parameters, piece.inputs);
  return here.gradient(slopes_of_loss(piece, here.value()).batch());
}

Training::Gradients Training::linear_gradient(Piece const& piece) const {
  auto const parameters = batches_of(start_);
  Linearization<double> const start(program(), parameters, piece.inputs);
  return start.gradient(slopes_of_loss(piece, start.value_at(batches_of(moved_)).batch()).batch());
}

/// One step of both; `number` is for messages.
void Training::step(int number, double rate) {
  auto const take = [&](char const* what, GradientSum& sum, ParameterValues& from, auto const& gradient_of) {
    auto const gradient = sum.over(train_, gradient_of);
    if (!gradient)
      throw NumericalAnswer(text("the gradient of the ", what, " is infinite or not a number after ", number,
                                 " steps of training, with the learning rate ", rate, ". Set dynamics.learning_rate to auto or to less."));
    descend(from, rate, *gradient);
  };
  take("network", network_sum_, now_, [&](Piece const& piece) { return network_gradient(piece); });
  take("linearization", linear_sum_, moved_, [&](Piece const& piece) { return linear_gradient(piece); });
}

Dynamics::Outputs Training::outputs_of(SharedRows const& rows) const {
  std::vector<int> const& orders = wanted_.orders;
  ParameterValues displacement = now_;
  descend(displacement, 1, start_);
  auto const start = batches_of(start_), now = batches_of(now_), away = batches_of(displacement), moved = batches_of(moved_);
  std::vector<std::vector<double>> all = rows.gather(2 + static_cast<int>(orders.size()), [&](Piece const& piece) {
    Gradients out;
    using Keep = Evaluation<double>::Keep;
    out.push_back(copy_of(Evaluation<double>(program(), now, piece.inputs, Keep::nothing).output()));
    out.push_back(Linearization<double>(program(), start, piece.inputs).value_at(moved));
    if (orders.empty()) return out;
    TaylorExpansion<double> const expansion(program(), start, away, piece.inputs, orders.back());
    for (int const order : orders) out.push_back(expansion.sum(order));
    return out;
  });
  for (auto const& each : all)
    if (!std::ranges::all_of(each, [](double v) { return std::isfinite(v); }))
      throw NumericalAnswer(
          "outputs of the network, or of its expansions, become infinite or not a number in training. Set "
          "dynamics.learning_rate to auto or to less, or dynamics.orders to fewer.");
  return {std::move(all[0]), std::move(all[1]), {std::make_move_iterator(all.begin() + 2), std::make_move_iterator(all.end())}};
}

Dynamics Training::run() {
  Dynamics out;
  double const eigenvalue = largest_eigenvalue();
  out.largest_learning_rate = 2 * target_count() / eigenvalue;
  out.learning_rate = wanted_.learning_rate.value_or(out.largest_learning_rate / 2);
  if (!std::isfinite(out.learning_rate) || out.learning_rate <= 0)
    throw NumericalAnswer(text("the largest eigenvalue of the tangent kernel is ", eigenvalue,
                               ", which leaves no learning rate. Check the network and its parameters."));
  int const last = wanted_.steps.back();
  Progress progress("steps of training", std::max(last, 1));
  for (int step = 0, next = 0;; ++step) {
    if (step == wanted_.steps[at(next)]) {
      Dynamics::Record& record = out.records.emplace_back();
      record.step = step;
      record.train = outputs_of(train_);
      if (test_) record.test = outputs_of(*test_);
      ++next;
    }
    if (step == last) break;
    stop_if_asked(train_.comm());
    this->step(step, out.learning_rate);
    progress.show(step + 1);
  }
  out.parameters = std::move(now_);
  return out;
}

}  // namespace

Dynamics train(FiniteReading const& reading, Data const& data, Job::Dynamics const& wanted, Communicator const& comm) {
  return Training(reading, data, wanted, comm).run();
}

double training_numbers(FiniteReading const& reading, Job::Dynamics const& wanted, long rows) {
  int const order = wanted.orders.empty() ? 1 : wanted.orders.back();
  double const states = 6, sums = 6;  // θ, ω, displacement, gradients of pieces, sums and what is done with them
  double const records = static_cast<double>(wanted.steps.size()) * (2 + static_cast<double>(wanted.orders.size()));
  return (states + sums) * static_cast<double>(reading.parameter_count())
         + (2.0 + order) * SharedRows::most_rows * sample_size(reading.program).all
         + records * static_cast<double>(rows) * static_cast<double>(product_of(reading.program.output_shape));
}

double mean_square(std::vector<double> const& a, std::vector<double> const& b) {
  INFINITILE_EXPECT(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

}  // namespace infinitile
