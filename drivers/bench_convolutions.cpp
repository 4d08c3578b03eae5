#include <random>
#include <span>

#include "base/text.hpp"
#include "drivers/bench.hpp"
#include "drivers/bench_support.hpp"
#include "infinite/compile_positions.hpp"
#include "kernels/activation.hpp"
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
    TileTask<T> const task{cols_, 0, rows_, cols_, nngp_.data(), ntk_.data()};  // columns first, since strips begin at multiples of 16
    double const seconds = best_seconds(context_.comm, 2, [&] { compute_position_tiles(Exec(), program_, table_, std::span(&task, 1)); });
    return seconds / (static_cast<double>(rows_) * cols_ * context_.comm.size());
  }

private:
  Context const& context_;
  int rows_, cols_;
  PositionProgram program_;
  PositionTable table_;
  std::vector<T> nngp_, ntk_;
};

std::string deep(int layers, std::string const& end) {
  return text("{layers: [{repeat: {times: ", layers, ", layers: [{conv: {filter_shape: [3, 3]}}, relu]}}, ", end,
              ", dense], defaults: {padding: SAME, w_std: 1.4142, b_std: 0.1}}");
}

template <class T>
void measure(Context const& context, std::string const& name, std::string const& yaml, std::vector<long> const& shape, int rows, int cols,
             double element_layers, std::vector<Measurement>& out) {
  double const seconds = PairsOfImages<T>(context, yaml, shape, rows, cols).seconds_per_pair();
  std::string const type = sizeof(T) == 8 ? " float64" : " float32";
  if (element_layers > 0) out.push_back({name + type, element_layers / seconds, "element-layers/s", 0, ""});
  out.push_back({name + type + ", per pair", seconds * 1e3, "ms", 0, ""});
}

}  // namespace

std::vector<Measurement> convolutions(Context const& context, BenchSize size) {
  bool const full = size == BenchSize::full;
  long const side = full ? 32 : 6;
  int const layers = full ? 21 : 3;
  double const pixels = static_cast<double>(side) * static_cast<double>(side);
  std::vector<long> const shape{side, side, 3};
  std::vector<Measurement> out;
  std::string const depth = text(layers, " x [3 x 3 convolution, ReLU], ");
  int const threads = context.threads;
  measure<float>(context, depth + "global average,", deep(layers, "global_avg_pool"), shape, threads, 16, pixels * pixels * layers, out);
  measure<double>(context, depth + "global average,", deep(layers, "global_avg_pool"), shape, threads, 8, pixels * pixels * layers, out);
  int const rows = full ? 32 : 2;
  measure<float>(context, depth + "flatten,", deep(layers, "flatten"), shape, rows, 64, pixels * layers, out);
  measure<double>(context, depth + "flatten,", deep(layers, "flatten"), shape, rows, 64, pixels * layers, out);
  return out;
}

}  // namespace infinitile
