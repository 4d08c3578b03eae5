#include <cmath>
#include <span>

#include "base/error.hpp"
#include "base/text.hpp"
#include "drivers/bench.hpp"
#include "drivers/bench_support.hpp"
#include "infinite/compile_positions.hpp"
#include "kernels/activation.hpp"
#include "kernels/lanes.hpp"
#include "kernels/plane_plan.hpp"
#include "kernels/position_tile.hpp"
#include "net/reader.hpp"

namespace infinitile {

namespace {

/// One tile of rows x columns per rank, of pairs of different inputs.
template <class T>
class PairsOfImages {
public:
  PairsOfImages(Context const& context, std::string const& yaml, std::vector<long> const& shape, int rows, int cols)
      : context_(context), rows_(rows), cols_(cols) {
    auto const signatures = activation_signatures();
    program_ = compile_position_program(read_network(parse_yaml(yaml, "bench"), {"bench", "", {shape}, signatures}));
    long width = 1;
    for (long const size : shape) width *= size;
    InputRows inputs{width, random_numbers(static_cast<std::size_t>((rows + cols) * width))};
    table_ = tabulate_positions(program_, {std::move(inputs)}, sizeof(T) == 4 ? Precision::float32 : Precision::float64);
    nngp_.resize(static_cast<std::size_t>(rows * cols));
    ntk_.resize(nngp_.size());
  }

  /// Seconds per pair, all ranks and threads together.
  double seconds_per_pair() {
    // Columns first, since strips begin at multiples of a vector.
    TileTask<T> const task{cols_, 0, rows_, cols_, nngp_.data(), ntk_.data()};
    double const seconds = best_seconds(context_.comm, 2, [&] { compute_position_tiles(Exec(), program_, table_, std::span(&task, 1)); });
    return seconds / (static_cast<double>(rows_) * cols_ * context_.comm.size());
  }

  /// Pairs of positions that go through a convolution and its activation, per pair of images.
  double element_layers() const {
    PlanePlan const plan = *plan_planes(program_);
    double count = 0;
    for (PlaneStage const& stage : plan.stages)
      for (std::size_t n = stage.first; n < stage.sink; ++n)
        if (program_.steps[n].kind == PositionStep::Kind::activate) count += entries_of(stage.planes, stage.end_sizes);
    return count;
  }

private:
  Context const& context_;
  int rows_, cols_;
  PositionProgram program_;
  PositionTable table_;
  std::vector<T> nngp_, ntk_;
};

/// Twelve chains keep two units busy for four cycles each. Returns what nobody knows beforehand.
template <class T>
T run_chains(long times) {
  constexpr int chains = 12;
  using V = Lanes<T, 64 / sizeof(T)>;
  V const factor = V{} + static_cast<T>(0.999), term = V{} + static_cast<T>(0.001);
  V x[chains], sum{};
  for (int i = 0; i < chains; ++i) x[i] = V{} + static_cast<T>(i);
  for (long t = 0; t < times; t += chains) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) x[i] = x[i] * factor + term;
  }
  for (int i = 0; i < chains; ++i) sum += x[i];
  return sum[0];
}

/// Vectors of multiply-adds per second, on all ranks and threads.
template <class T>
double multiply_adds(Context const& context) {
  constexpr long times = 12'000'000;
  T last = 0;
  double const seconds = best_seconds(context.comm, 5, [&] { last = run_chains<T>(times); });
  INFINITILE_EXPECT(std::isfinite(last));
  return static_cast<double>(times) / seconds * context.comm.size() * context.threads;
}

std::string deep(int layers, std::string const& end) {
  return text("{layers: [{repeat: {times: ", layers, ", layers: [{conv: {filter_shape: [3, 3]}}, relu]}}, ", end,
              ", dense], defaults: {padding: SAME, w_std: 1.4142, b_std: 0.1}}");
}

/// Images against each other, and what one vector multiply-add or its like per operation (kernels/plane_relu.hpp) would allow.
template <class T>
void measure(Context const& context, std::string const& name, std::string const& yaml, long side, int rows, int cols,
             std::vector<Measurement>& out) {
  PairsOfImages<T> pairs(context, yaml, {side, side, 3}, rows, cols);
  double const seconds = pairs.seconds_per_pair(), operations = sizeof(T) == 8 ? 74 : 49, lanes = 64 / sizeof(T);
  std::string const type = sizeof(T) == 8 ? ", float64" : ", float32";
  out.push_back({name + type, pairs.element_layers() / seconds, "element-layers/s", multiply_adds<T>(context) * lanes / operations,
                 "two vector operations per cycle"});
  out.push_back({name + type + ", per pair", seconds * 1e3, "ms", 0, ""});
}

}  // namespace

std::vector<Measurement> convolutions(Context const& context, BenchSize size) {
  bool const full = size == BenchSize::full;
  long const side = full ? 32 : 6;
  int const layers = full ? 21 : 3, threads = context.threads, many = full ? 32 : 2;
  std::string const depth = text(layers, " x [3 x 3, ReLU], ");
  std::vector<Measurement> out;
  measure<float>(context, depth + "global average", deep(layers, "global_avg_pool"), side, threads, 16, out);
  measure<double>(context, depth + "global average", deep(layers, "global_avg_pool"), side, threads, 8, out);
  measure<float>(context, depth + "flatten", deep(layers, "flatten"), side, many, 64, out);
  measure<double>(context, depth + "flatten", deep(layers, "flatten"), side, many, 64, out);
  for (int const myrtle : {5, 7, 10})
    measure<double>(context, text("Myrtle-", myrtle), text("{family: myrtle, depth: ", myrtle, "}"), full ? 32 : 8, threads, 8, out);
  return out;
}

}  // namespace infinitile
