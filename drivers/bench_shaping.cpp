#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <functional>

#include <fmt/format.h>

#include "drivers/bench.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "shaping/local_maps.hpp"
#include "shaping/network_maps.hpp"
#include "shaping/shape_network.hpp"
#include "shaping/subnetworks.hpp"

// Solves, maps and walks of DKS and TAT, each by one thread: processor time.

namespace infinitile {

namespace {

std::vector<std::string> const shapeable{
    "tanh",  "sigmoid",  "erf", "softplus", "silu", "{gelu: {approximate: true}}", "gelu", "elu", "selu", "bent_identity", "atan",
    "asinh", "softsign", "sin", "cos",      "relu", "{leaky_relu: {alpha: 0.1}}"};

Network network_of(std::string const& words) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(words, "bench"), {"bench", "", {{64}}, signatures});
}

std::string chain(int depth, std::string const& activation) {
  return fmt::format("[{{repeat: {{times: {}, layers: [dense, {}]}}}}, dense]", depth, activation);
}

/// So many equal blocks, x + branch of three activations, variance split 0.64 to 0.36.
std::string equal_blocks(int count, std::string const& activation) {
  std::string const pair = activation + ", dense, ";
  return fmt::format(
      "{{repeat: {{times: {}, layers: [{{sum: [[{{monomial: {{degree: 1, output_scale: 0.8}}}}], [{}{}{}, {{dense: {{w_std: "
      "0.6}}}}]]}}]}}}}",
      count, pair, pair, activation);
}

/// The residual network of 152 layers whose blocks activate first: a projection in the first block of each of four groups.
std::string resnet152(std::string const& activation) {
  std::string layers = "[dense";
  for (int const blocks : {3, 8, 36, 3}) {
    layers += fmt::format(", {0}, {{sum: [[{{dense: {{w_std: 0.8}}}}], [dense, {0}, dense, {0}, {{dense: {{w_std: 0.6}}}}]]}}", activation);
    layers += ", " + equal_blocks(blocks - 1, activation);
  }
  return layers + ", " + activation + ", dense]";
}

/// Processor seconds of this thread, on the slowest rank; the best of five. A solve is a few milliseconds, which another program that wants
/// the core would stretch to tens.
template <class Work>
double own_seconds(Communicator const& comm, Work const& work) {
  auto const now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  double best = 1e300;
  for (int i = 0; i < 5; ++i) {
    double const start = now();
    work();
    best = std::min(best, comm.all_reduce(now() - start, Reduction::max));
  }
  return best;
}

bool can_shape(std::string const& activation, ShapeGoal::Method method) {
  return method == ShapeGoal::Method::dks || (activation != "relu" && activation != "selu");
}

/// The slowest and the mean of all activations; a goal from the whole network's graph to every activation's scaling.
void measure_solves(Context const& context, std::string const& name, std::function<std::string(std::string const&)> const& words,
                    std::vector<Measurement>& out) {
  constexpr double wanted = 5e-3;
  for (auto const method : {ShapeGoal::Method::dks, ShapeGoal::Method::tat}) {
    double slowest = 0, total = 0;
    int count = 0;
    std::string which;
    for (std::string const& activation : shapeable) {
      if (!can_shape(activation, method)) continue;
      Network const network = network_of(words(activation));
      ShapeGoal goal;
      goal.method = method;
      goal.c_val_0_target = 0.7;  // within the reach of ten layers
      double const seconds = own_seconds(context.comm, [&] { static_cast<void>(shape_network(network, goal)); });
      total += seconds;
      ++count;
      if (seconds <= slowest) continue;
      slowest = seconds;
      which = activation;
    }
    std::string const title = fmt::format("{}, {}", method == ShapeGoal::Method::dks ? "dks" : "tat", name);
    out.push_back({title + ", mean of all", total / count, "s", 0, ""});
    out.push_back({fmt::format("{}, slowest ({})", title, which), slowest, "s", wanted, "5 ms"});
  }
}

void measure_maps(Context const& context, int repeats, std::vector<Measurement>& out) {
  Scaling const scaling{0.1, 0.5, 15, -0.5};
  std::vector<AnyActivation> activations;
  for (char const* const name : {"tanh", "softplus", "gelu", "relu", "softsign", "sin"})
    activations.push_back(make_activation(name, {}, scaling));
  double const maps = static_cast<double>(activations.size()) * repeats;
  for (auto const& [accuracy, title] :
       {std::pair(Accuracy::full, "local maps, to 1e-13"), std::pair(Accuracy::coarse, "local maps, to 1e-6")}) {
    double const seconds = own_seconds(context.comm, [&] {
      for (int i = 0; i < repeats; ++i)
        for (AnyActivation const& f : activations) static_cast<void>(local_moments(f, accuracy));
    });
    out.push_back({title, maps / seconds, "1/s", 0, ""});
  }
  std::vector<double> c(static_cast<std::size_t>(1000 * repeats));
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = std::cos(static_cast<double>(i));
  PreparedActivation const tanh = prepare(activations.front(), 1, 1);
  double const seconds = own_seconds(context.comm, [&] {
    std::vector<double> values = c;
    map_correlations(tanh, 1, values);
  });
  out.push_back({"values of a C map (tanh)", static_cast<double>(c.size()) / seconds, "1/s", 0, ""});
}

/// Seconds per node for networks of more and more blocks: level where the walk is linear. The variance stays 1, so one activation is
/// integrated once.
void measure_walks(Context const& context, std::vector<int> const& blocks, std::vector<Measurement>& out) {
  std::array<double, 3> first{};
  for (int const count : blocks) {
    Network const network = network_of("[dense, " + equal_blocks(count, "{relu: {output_scale: 1.4142135623730951}}") + ", dense]");
    Subnetworks const subnetworks(network);
    NetworkMaps const maps(network);
    std::array<double, 3> const seconds{
        own_seconds(context.comm, [&] { static_cast<void>(Subnetworks(network)); }),
        own_seconds(context.comm, [&] { static_cast<void>(subnetworks.largest(1, [](double x) { return 1.0001 * x; })); }),
        own_seconds(context.comm, [&] { static_cast<void>(maps.at_one()); })};
    std::array<char const*, 3> const titles{"finding the subnetworks", "their largest value", "Q, C and their derivatives"};
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      double const per_node = seconds[i] / network.size();
      if (first[i] == 0) first[i] = per_node;
      out.push_back({fmt::format("{}, {} blocks", titles[i], count), per_node, "s per node", first[i],
                     fmt::format("that of {} blocks", blocks.front())});
    }
  }
}

}  // namespace

std::vector<Measurement> shaping(Context const& context, BenchSize size) {
  std::vector<Measurement> out;
  bool const full = size == BenchSize::full;
  for (int const depth : full ? std::vector<int>{10, 50, 100, 200} : std::vector<int>{10})
    measure_solves(
        context, fmt::format("{} layers", depth), [=](std::string const& f) { return chain(depth, f); }, out);
  if (full) measure_solves(context, "152 layers in residual blocks", resnet152, out);
  measure_maps(context, full ? 100 : 1, out);
  measure_walks(context, full ? std::vector<int>{10, 100, 1000} : std::vector<int>{3}, out);
  return out;
}

}  // namespace infinitile
