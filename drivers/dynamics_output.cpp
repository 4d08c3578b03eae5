#include "drivers/dynamics_output.hpp"

#include <cmath>
#include <cstdio>
#include <functional>

#include <fmt/format.h>

#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

using Outputs = Dynamics::Outputs;

double distance(std::vector<double> const& a, std::vector<double> const& b) {
  return std::sqrt(mean_square(a, b));
}

/// The curves of one set of rows; `outputs_of` takes them out of a record.
class Curves {
public:
  Curves(std::string place, Dataset const& data, std::vector<Outputs const*> records, std::vector<int> const& orders)
      : place_(std::move(place)), data_(data), records_(std::move(records)), orders_(orders) {}

  std::vector<Array> arrays() const {
    std::vector<Array> out;
    auto const add_outputs = [&](std::string const& name, std::string const& description, auto const& values_of) {
      std::vector<double> all;
      for (Outputs const* const each : records_) all.insert(all.end(), values_of(*each).begin(), values_of(*each).end());
      out.push_back({text("dynamics/", place_, "/", name),
                     {{"record", std::ssize(records_)}, {place_ + "_index", data_.rows}, {"output", width()}},
                     std::move(all),
                     text(description, ", ", place_, " inputs"),
                     "",
                     {}});
    };
    auto const add_distance = [&](std::string const& name, auto const& values_of) {
      std::vector<double> all;
      for (Outputs const* const each : records_) all.push_back(distance(each->network, values_of(*each)));
      out.push_back({text("dynamics/", place_, "/", name, "_distance"),
                     {{"record", std::ssize(records_)}},
                     std::move(all),
                     text("root mean square of ", name, " - network over ", place_, " inputs and outputs"),
                     "",
                     {}});
    };
    auto const network = [](Outputs const& o) -> auto const& {
      return o.network;
    };
    auto const linearized = [](Outputs const& o) -> auto const& {
      return o.linearized;
    };
    add_outputs("network", "outputs of the network in training", network);
    add_outputs("linearized", "outputs of its linearization in training", linearized);
    add_distance("linearized", linearized);
    for (std::size_t k = 0; k < orders_.size(); ++k) {
      auto const expansion = [k](Outputs const& o) -> auto const& {
        return o.expansions[k];
      };
      std::string const name = text("order_", orders_[k]);
      add_outputs(name, text("Taylor expansion of order ", orders_[k], " at the network's parameters in training"), expansion);
      add_distance(name, expansion);
    }
    if (!data_.y.empty()) {
      out.push_back(loss("network", network));
      out.push_back(loss("linearized", linearized));
    }
    return out;
  }

private:
  long width() const { return std::ssize(records_[0]->network) / data_.rows; }

  template <class ValuesOf>
  Array loss(std::string const& name, ValuesOf const& values_of) const {
    std::vector<double> all;
    for (Outputs const* const each : records_) all.push_back(mean_square(values_of(*each), data_.y) / 2);
    return {text("dynamics/", place_, "/", name, "_loss"),
            {{"record", std::ssize(records_)}},
            std::move(all),
            text("half the mean square of outputs - targets, ", place_, " inputs"),
            "",
            {}};
  }

  std::string place_;
  Dataset const& data_;
  std::vector<Outputs const*> records_;
  std::vector<int> const& orders_;
};

}  // namespace

DynamicsResult describe_dynamics(Dynamics const& dynamics, Data const& data, std::vector<int> const& orders) {
  std::vector<Outputs const*> train, test;
  std::vector<double> steps, times;
  for (Dynamics::Record const& record : dynamics.records) {
    train.push_back(&record.train);
    if (record.test) test.push_back(&*record.test);
    steps.push_back(record.step);
    times.push_back(dynamics.learning_rate * record.step);
  }
  DynamicsResult out;
  Axis const axis{"record", std::ssize(steps)};
  out.arrays = Curves("train", data.train, train, orders).arrays();
  if (data.test) std::ranges::move(Curves("test", *data.test, test, orders).arrays(), std::back_inserter(out.arrays));
  out.arrays.push_back({"dynamics/steps", {axis}, std::move(steps), "steps of gradient descent", "", {}});
  out.arrays.push_back({"dynamics/times", {axis}, std::move(times), "steps times the learning rate", "", {}});
  out.notes.push_back(
      {"dynamics",
       {{"learning_rate", dynamics.learning_rate},
        {"largest_learning_rate", dynamics.largest_learning_rate},
        {"loss", std::string("|f - y|^2 / 2M over the train inputs, M being the number of targets; full-batch gradient descent")}}});
  return out;
}

void print_dynamics(Dynamics const& dynamics, Data const& data, std::vector<int> const& orders) {
  bool const has_test = data.test.has_value(), has_scores = has_test && !data.test->y.empty();
  fmt::print("gradient descent with learning rate {:.4g}; its linearization is stable up to {:.4g}\n", dynamics.learning_rate,
             dynamics.largest_learning_rate);
  fmt::print("{:>8} {:>23} {:>23}   distance from the network on {} inputs\n", "", "train loss", "test loss", has_test ? "test" : "train");
  fmt::print("{:>8} {:>11} {:>11} {:>11} {:>11} {:>11}", "step", "network", "linearized", "network", "linearized", "linearized");
  for (int const order : orders) fmt::print(" {:>11}", text("order ", order));
  fmt::print("\n");
  for (Dynamics::Record const& record : dynamics.records) {
    auto const loss = [](std::vector<double> const& outputs, Dataset const& set) {
      return fmt::format("{:.4e}", mean_square(outputs, set.y) / 2);
    };
    auto const test_loss = [&](auto const& outputs) { return has_scores ? loss(outputs, *data.test) : std::string("-"); };
    Outputs const& shown = has_test ? *record.test : record.train;
    fmt::print("{:>8} {:>11} {:>11} {:>11} {:>11} {:>11.3e}", record.step, loss(record.train.network, data.train),
               loss(record.train.linearized, data.train), test_loss(shown.network), test_loss(shown.linearized),
               distance(shown.network, shown.linearized));
    for (auto const& expansion : shown.expansions) fmt::print(" {:>11.3e}", distance(shown.network, expansion));
    fmt::print("\n");
  }
  std::fflush(stdout);
}

}  // namespace infinitile
