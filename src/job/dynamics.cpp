#include "job/dynamics.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/index.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/agreed_stop.hpp"
#include "finite/ntk_cost.hpp"
#include "finite/taylor.hpp"
#include "job/shared_rows.hpp"
#include "job/training_state.hpp"
#include "kernels/philox.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

using Piece = SharedRows::Piece;

/// The network and its linearization, on their ways.
class Training {
public:
  Training(FiniteReading const& reading, Data const& data, Job::Dynamics const& wanted, TrainingFile file, Communicator const& comm)
      : start_(reading.parameters),
        wanted_(wanted),
        train_(reading.program, data.train, comm),
        targets_(data.train.y),
        file_(std::move(file)) {
    if (data.test) test_.emplace(reading.program, *data.test, comm);
    state_.now = state_.moved = start_;
    for (auto& each : state_.moved) std::ranges::fill(each, 0);
  }

  Dynamics run();

private:
  using Gradients = std::vector<Numbers<double>>;
  FiniteProgram const& program() const { return train_.program(); }
  double target_count() const { return static_cast<double>(train_.numbers()); }

  void begin();
  bool go_on();
  bool serves(TrainingState const& found) const;
  Dynamics::Record record() const;
  void save_now_and_then();
  double largest_eigenvalue() const;
  void step();
  Gradients network_gradient(Piece const& piece) const;
  Gradients linear_gradient(Piece const& piece) const;
  Numbers<double> slopes_of_loss(Piece const& piece, Batch<double const> outputs) const;
  Dynamics::Outputs outputs_of(SharedRows const& rows) const;

  ParameterValues const& start_;
  Job::Dynamics const& wanted_;
  SharedRows train_;
  std::optional<SharedRows> test_;
  std::vector<double> const& targets_;
  TrainingFile file_;
  TrainingState state_;
  Stopwatch since_saved_;
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
  for (std::size_t i = 0; i < v.size(); ++i) {
    auto const [first, second] = random.normals(i / 2);
    v[i] = i % 2 == 0 ? first : second;
  }
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
  auto const parameters = batches_of(state_.now);
  Linearization<double> const here(program(), parameters, piece.inputs);
  return here.gradient(slopes_of_loss(piece, here.value()).batch());
}

Training::Gradients Training::linear_gradient(Piece const& piece) const {
  auto const parameters = batches_of(start_);
  Linearization<double> const start(program(), parameters, piece.inputs);
  return start.gradient(slopes_of_loss(piece, start.value_at(batches_of(state_.moved)).batch()).batch());
}

/// One step of both.
void Training::step() {
  auto const take = [&](char const* what, double& bound, ParameterValues& from, auto const& gradient_of) {
    GradientSum sum(bound);
    auto const gradient = sum.over(train_, gradient_of);
    if (!gradient)
      throw NumericalAnswer(text("the gradient of the ", what, " is beyond 1e60 or not a number after ", state_.step,
                                 " steps of training, with the learning rate ", state_.learning_rate,
                                 ". Set dynamics.learning_rate to auto or to less."));
    bound = sum.bound();
    descend(from, state_.learning_rate, *gradient);
  };
  take("network", state_.network_bound, state_.now, [&](Piece const& piece) { return network_gradient(piece); });
  take("linearization", state_.linear_bound, state_.moved, [&](Piece const& piece) { return linear_gradient(piece); });
  ++state_.step;
}

Dynamics::Outputs Training::outputs_of(SharedRows const& rows) const {
  std::vector<int> const& orders = wanted_.orders;
  ParameterValues displacement = state_.now;
  descend(displacement, 1, start_);
  auto const start = batches_of(start_), now = batches_of(state_.now), away = batches_of(displacement), moved = batches_of(state_.moved);
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

Dynamics::Record Training::record() const {
  Dynamics::Record out{state_.step, outputs_of(train_), {}};
  if (test_) out.test = outputs_of(*test_);
  return out;
}

void Training::begin() {
  double const eigenvalue = largest_eigenvalue();
  state_.largest_learning_rate = 2 * target_count() / eigenvalue;
  state_.learning_rate = wanted_.learning_rate.value_or(state_.largest_learning_rate / 2);
  if (!std::isfinite(state_.learning_rate) || state_.learning_rate <= 0)
    throw NumericalAnswer(text("the largest eigenvalue of the tangent kernel is ", eigenvalue,
                               ", which leaves no learning rate. Check the network and its parameters."));
}

/// Has it the records that are wanted so far, and is the last step still to come?
bool Training::serves(TrainingState const& found) const {
  std::vector<int> due;
  std::ranges::copy_if(wanted_.steps, std::back_inserter(due), [&](int step) { return step <= found.step; });
  return found.step <= wanted_.steps.back() && std::ranges::equal(due, found.records, {}, {}, &Dynamics::Record::step);
}

/// From where an earlier run was stopped, if it was.
bool Training::go_on() {
  auto const empty = [&](SharedRows const& rows) {
    std::vector<double> const zeros(at(rows.numbers()));
    return Dynamics::Outputs{zeros, zeros, std::vector(wanted_.orders.size(), zeros)};
  };
  TrainingState like = state_;
  Dynamics::Record& record = like.records.emplace_back();
  record.train = empty(train_);
  if (test_) record.test = empty(*test_);
  auto found = file_.load(std::move(like));
  if (!found || !serves(*found)) return false;
  state_ = std::move(*found);
  log_info(text("training goes on from step ", state_.step));
  return true;
}

/// Every five minutes by the first rank's clock, and when a signal asks to stop. Collective.
void Training::save_now_and_then() {
  try {
    stop_if_asked(train_.comm());
  } catch (Stopped const&) {
    file_.save(state_);
    throw;
  }
  double due = since_saved_.seconds() > 300 ? 1 : 0;
  train_.comm().broadcast(std::span(&due, 1), 0);
  if (due == 0) return;
  file_.save(state_);
  since_saved_ = Stopwatch();
}

Dynamics Training::run() {
  if (!go_on()) begin();
  int const last = wanted_.steps.back();
  log_info(text("training to step ", last, " with the learning rate ", state_.learning_rate));
  Progress progress("steps of training", std::max(last, 1));
  for (;;) {
    std::size_t const next = state_.records.size();
    if (next < wanted_.steps.size() && state_.step == wanted_.steps[next]) state_.records.push_back(record());
    if (state_.step == last) break;
    save_now_and_then();
    step();
    progress.show(state_.step);
  }
  return {state_.learning_rate, state_.largest_learning_rate, std::move(state_.records), std::move(state_.now)};
}

}  // namespace

Dynamics train(FiniteReading const& reading, Data const& data, Job::Dynamics const& wanted, TrainingFile const& file,
               Communicator const& comm) {
  return Training(reading, data, wanted, file, comm).run();
}

std::uint64_t training_key(std::uint64_t fingerprint, Dataset const& train, Job::Dynamics const& wanted) {
  double const rate = wanted.learning_rate.value_or(0);
  std::uint64_t key = checksum(std::as_bytes(std::span(train.y)), fingerprint);
  key = checksum(std::as_bytes(std::span(wanted.orders)), key);
  return checksum(std::as_bytes(std::span(&rate, 1)), key);
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
