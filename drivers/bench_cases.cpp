#include <algorithm>
#include <filesystem>
#include <random>
#include <span>

#include "base/text.hpp"
#include "drivers/bench.hpp"
#include "drivers/bench_support.hpp"
#include "infinite/compile_pairs.hpp"
#include "infinite/infinite_kernel.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "plan/distribution.hpp"
#include "solve/cholesky.hpp"
#include "store/tile_store.hpp"

namespace infinitile {

namespace {

PairProgram program_of(std::string const& network, long width) {
  auto const signatures = activation_signatures();
  return compile_pair_program(read_network(parse_yaml(network, "bench"), {"bench", "", {{width}}, signatures}));
}

char const* const three_relu = "[dense, relu, dense, relu, dense, relu, dense]";

/// A symmetric kernel matrix, its tiles shared out to the ranks as a run would.
template <class T>
class SymmetricKernel {
public:
  SymmetricKernel(Context const& context, std::string const& network, long n, long width)
      : context_(context), grid_(n, 0, automatic_side(n)), program_(program_of(network, width)) {
    Precision const precision = sizeof(T) == 4 ? Precision::float32 : Precision::float64;
    std::vector<InputRows> inputs(1);
    inputs[0] = {width, random_numbers(static_cast<std::size_t>(n * width))};
    rows_ = tabulate_rows(program_, std::move(inputs), precision);
    Distribution const distribution(context.comm.size());
    for (TileIndex const t : grid_.tiles_of(Block::train_train))
      if (distribution.owner(t) == context.comm.rank()) own_.push_back(t);
    auto const most =
        static_cast<std::size_t>(grid_.side()) * static_cast<std::size_t>(grid_.side()) * static_cast<std::size_t>(context.threads);
    nngp_.resize(most);
    ntk_.resize(most);
  }

  double seconds_of_products() {
    return in_batches([&](std::span<TileTask<T> const> tasks) { correlate_tiles(rows_, tasks); });
  }
  double seconds_of_kernel() {
    return in_batches([&](std::span<TileTask<T> const> tasks) { compute_tiles(Exec(), program_, rows_, tasks); });
  }

private:
  template <class Work>
  double in_batches(Work work) {
    return best_seconds(context_.comm, 3, [&] {
      auto const in_flight = static_cast<std::size_t>(context_.threads);
      for (std::size_t next = 0; next < own_.size(); next += in_flight) {
        std::vector<TileTask<T>> tasks;
        for (std::size_t t = next; t < std::min(own_.size(), next + in_flight); ++t) {
          std::size_t const place = (t - next) * static_cast<std::size_t>(grid_.side()) * static_cast<std::size_t>(grid_.side());
          TileIndex const tile = own_[t];
          tasks.push_back({grid_.range(tile.row).first, grid_.range(tile.col).first, grid_.height(tile), grid_.width(tile),
                           nngp_.data() + place, ntk_.data() + place});
        }
        work(std::span<TileTask<T> const>(tasks));
      }
    });
  }

  Context const& context_;
  TileGrid grid_;
  PairProgram program_;
  RowTable rows_;
  std::vector<TileIndex> own_;
  LaunchVector<T> nngp_, ntk_;
};

template <class T>
void measure_fully_connected(Context const& context, long n, long width, std::vector<Measurement>& out) {
  SymmetricKernel<T> kernel(context, three_relu, n, width);
  double const products = kernel.seconds_of_products(), whole = kernel.seconds_of_kernel();
  std::string const type = sizeof(T) == 8 ? "float64" : "float32";
  double const flops = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(width);  // of the lower half
  out.push_back({type + " inner products alone", flops / products, "flop/s", 0, ""});
  out.push_back({type + " kernel, inner products counted", flops / whole, "flop/s", flops / products, "inner products alone"});
  out.push_back({type + " kernel", whole, "s", 0, ""});
}

std::vector<Measurement> fully_connected(Context const& context, BenchSize size) {
  long const n = size == BenchSize::full ? 8192 : 300, width = size == BenchSize::full ? 784 : 50;
  std::vector<Measurement> out;
  measure_fully_connected<double>(context, n, width, out);
  measure_fully_connected<float>(context, n, width, out);
  return out;
}

/// The pass alone, on short inputs, for one activation: nanoseconds per entry and layer on one core.
std::vector<Measurement> activations(Context const& context, BenchSize size) {
  long const n = size == BenchSize::full ? 1500 : 100, width = 4;
  std::vector<Measurement> out;
  for (std::string const name : {"relu", "erf", "gelu", "sin", "rbf", "exp", "gaussian", "tanh", "sigmoid", "softplus", "silu", "elu",
                                 "selu", "softsign", "atan", "asinh"}) {
    SymmetricKernel<double> kernel(context, text("[{dense: {w_std: 1.5}}, ", name, ", dense]"), n, width);
    double const seconds = kernel.seconds_of_kernel() * context.threads * context.comm.size();
    out.push_back({name, seconds / (0.5 * static_cast<double>(n) * static_cast<double>(n)) * 1e9, "ns per pair of inputs and core", 0, ""});
  }
  return out;
}

/// Finished tiles into a directory below the current one, as a run writes them: both halves, both kernels.
std::vector<Measurement> tile_files(Context const& context, BenchSize size) {
  int const side = size == BenchSize::full ? 512 : 64;
  TileGrid const grid(side * (size == BenchSize::full ? 12L : 3L), 0, side);
  std::filesystem::path const directory = "infinitile-bench.tiles";
  std::vector<double> const values = random_numbers(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
  std::span<double const> const one(values);
  std::vector<std::span<double const>> const kernels{one, one};
  Distribution const distribution(context.comm.size());
  double written = 0;
  double const seconds = best_seconds(context.comm, 1, [&] {
    if (context.comm.is_first()) prepare_tile_directory(directory);
    context.comm.barrier();
    TileStore store(directory, {grid, {"nngp", "ntk"}, Precision::float64, true, 1}, context.comm.rank(), std::vector<TileRecord>{});
    for (TileIndex const t : grid.tiles_of(Block::train_train))
      if (distribution.owner(t) == context.comm.rank()) store.put<double>(t, std::span<std::span<double const> const>(kernels));
    store.flush();
    written = store.bytes_written();
  });
  double const bytes = context.comm.all_reduce(written, Reduction::sum);
  if (context.comm.is_first()) std::filesystem::remove_all(directory);
  return {{"written, all ranks", bytes / seconds, "B/s", 0, ""}};
}

/// The factorization of the Brownian covariance min(i, j) + 1, whose factor is all ones, against the rate of gemm on tiles of the same
/// side.
std::vector<Measurement> cholesky_rate(Context const& context, BenchSize size) {
  long const n = size == BenchSize::full ? 6144 : 200;
  TileGrid const tiles(n, 0, size == BenchSize::full ? automatic_side(n) : 64);
  ProcessGrid const grid(context.comm);
  TileMatrix matrix(grid.distribution, context.comm.rank(), tiles, Block::train_train);
  auto const fill = [&] {
    for (TileIndex const t : matrix.mine()) {
      Matrix const tile = matrix.at(t);
      long const row0 = tiles.range(t.row).first, col0 = tiles.range(t.col).first;
      for (int i = 0; i < tile.rows; ++i)
        for (int j = 0; j < tile.cols; ++j) tile(i, j) = static_cast<double>(std::min(row0 + i, col0 + j) + 1);
    }
  };
  double seconds = 1e300;
  for (int i = 0; i < 3; ++i) {
    fill();
    seconds = std::min(seconds, best_seconds(context.comm, 1, [&] { static_cast<void>(cholesky(grid, matrix, {}, pivot_tolerance(n))); }));
  }
  int const side = tiles.side(), repeats = size == BenchSize::full ? 40 : 1;
  auto const numbers = random_numbers(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
  std::vector<double> product(numbers.size() * static_cast<std::size_t>(context.threads));
  double const gemm_seconds = best_seconds(context.comm, 3, [&] {
    parallel_for_tiles(context.threads, [&](int thread) {
      ConstMatrix const a(numbers.data(), side, side);
      Matrix const c(product.data() + static_cast<std::size_t>(thread) * numbers.size(), side, side);
      for (int r = 0; r < repeats; ++r) gemm(-1, a, transposed(a), 1, c);
    });
  });
  double const gemm_rate = 2.0 * side * side * static_cast<double>(side) * repeats * context.threads * context.comm.size() / gemm_seconds;
  double const order = static_cast<double>(n);
  return {{text("gemm of tiles of ", side), gemm_rate, "flop/s", 0, ""},
          {text("Cholesky factorization, n = ", n), order * order * order / 3 / seconds, "flop/s", gemm_rate, "gemm"}};
}

}  // namespace

std::vector<Benchmark> const& benchmarks() {
  static std::vector<Benchmark> const all{
      {"fully_connected", "NNGP and NTK, 3 hidden ReLU layers, n = 8192, d = 784, symmetric", fully_connected},
      {"activations", "one hidden layer, NNGP and NTK, one core", activations},
      {"convolutions", "convolutional kernels of 32 x 32 x 3 images, NNGP and NTK", convolutions},
      {"empirical", "tangent kernels of finite networks, all outputs, float32: each method and the choice", empirical},
      {"shaping", "DKS and TAT: solves from the whole network's goal, maps per second, walks through the graph", shaping},
      {"empirical_shapes", "the choice of the method on 26 shapes, float32", empirical_shapes},
      {"cholesky", "distributed Cholesky factorization in float64", cholesky_rate},
      {"tile_files", "finished tiles, both halves of NNGP and NTK, to disk", tile_files},
  };
  return all;
}

}  // namespace infinitile
