// Tangent kernels of finite networks: each method and the choice among them, with the rate of gemm in the same minutes.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "drivers/bench.hpp"
#include "drivers/bench_support.hpp"
#include "finite/compile.hpp"
#include "finite/empirical_kernel.hpp"
#include "finite/program_builder.hpp"
#include "kernels/activation.hpp"
#include "kernels/linear_algebra.hpp"
#include "net/reader.hpp"

namespace infinitile {

namespace {

/// A block of samples with themselves.
struct Block {
  std::string name;
  FiniteProgram program;
  int samples = 1;
  KernelAxes axes{{}, {}};
};

struct Way {
  char const* name;
  NtkMethod method;
};
constexpr std::array<Way, 4> ways{{{"choice", NtkMethod::automatic},
                                   {"structured derivatives", NtkMethod::structured_derivatives},
                                   {"Jacobian contraction", NtkMethod::jacobian_contraction},
                                   {"NTK-vector products", NtkMethod::ntk_vector_products}}};

/// Random parameters, random samples.
class Subject {
public:
  Subject(Context const& context, Block const& block) : context_(context), block_(block), program_(block.program) {
    values_ = draw_parameters(program_.parameters, {});
    long const size = program_.value(program_.inputs[0]).size;
    for (double const x : random_numbers(static_cast<std::size_t>(block.samples * size))) samples_.push_back(static_cast<float>(x));
    samples_of_program_ = {samples_.data(), 1, block.samples, size};
  }

  /// The fastest of all rounds so far, and one round more; every rank computes the same block.
  void time_once(std::size_t way) {
    EmpiricalKernel<float> const kernel(program_, values_, block_.axes, ways[way].method);
    int const times = seconds_[way] > 1 ? 1 : 2;  // the first of a kernel gets its memory
    double const now = best_seconds(context_.comm, times, [&] { static_cast<void>(kernel.within({&samples_of_program_, 1})); });
    seconds_[way] = std::min(seconds_[way], now);
  }
  /// Two ways that are compared, again and again for some seconds: a core that slows down for a while is not what either of them takes.
  void time_in_turns(std::array<std::size_t, 2> two, double seconds) {
    double spent = 0;
    while (spent < seconds)
      for (std::size_t const way : two) {
        time_once(way);
        spent += seconds_[way];
      }
  }
  double seconds(std::size_t way) const { return seconds_[way]; }
  Cost cost(std::size_t way) const {
    OutputSplit const outputs = KernelLayout(program_.output_shape, block_.axes).split();
    return block_cost(program_, {outputs, block_.samples, block_.samples, BlockSize::Sides::same}, ways[way].method);
  }

private:
  Context const& context_;
  Block const& block_;
  FiniteProgram const& program_;
  ParameterValues values_;
  std::vector<float> samples_;
  Batch<float const> samples_of_program_;
  std::array<double, ways.size()> seconds_{1e300, 1e300, 1e300, 1e300};
};

/// flop/s of sgemm, all ranks and threads together.
double gemm_rate(Context const& context, BenchSize size) {
  int const side = size == BenchSize::full ? 768 : 64;
  auto const count = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  std::vector<float> const numbers(count, 1.0F);
  std::vector<float> products(count * static_cast<std::size_t>(context.threads));
  double const seconds = best_seconds(context.comm, 5, [&] {
    parallel_for_tiles(context.threads, [&](int thread) {
      BasicMatrix<float const> const a(numbers.data(), side, side);
      gemm(1.0F, a, a, 0.0F, SingleMatrix(products.data() + static_cast<std::size_t>(thread) * count, side, side));
    });
  });
  return 2.0 * std::pow(side, 3) * context.threads * context.comm.size() / seconds;
}

/// Methods that would take longer than `most_seconds` are named with what they would take. Rounds go through all of them in turn, so that
/// they meet the same disturbances.
void measure(Context const& context, Block const& block, double most_seconds, BenchSize size, std::vector<Measurement>& out) {
  Subject subject(context, block);
  subject.time_once(0);
  std::array<double, ways.size()> planned{};
  double round = 0;
  for (std::size_t w = 0; w < ways.size(); ++w) {
    planned[w] = subject.seconds(0) * subject.cost(w).total() / subject.cost(0).total();
    if (planned[w] <= most_seconds) round += planned[w];
  }
  int const rounds = static_cast<int>(std::clamp(3 / round, 1.0, 5.0));
  double gemm = gemm_rate(context, size);
  for (int r = 0; r < rounds; ++r) {
    for (std::size_t w = 0; w < ways.size(); ++w)
      if (planned[w] <= most_seconds) subject.time_once(w);
    gemm = std::max(gemm, gemm_rate(context, size));
  }
  std::size_t fastest = 1;
  for (std::size_t w = 2; w < ways.size(); ++w)
    if (subject.seconds(w) < subject.seconds(fastest)) fastest = w;
  subject.time_in_turns({0, fastest}, size == BenchSize::full ? 2 : 0);
  for (std::size_t w = 0; w < ways.size(); ++w) {
    std::string const name = text(block.name, ", ", ways[w].name);
    if (planned[w] > most_seconds) {
      out.push_back({name + ", not run", planned[w], "s by its cost", 0, ""});
      continue;
    }
    out.push_back({name, subject.seconds(w), "s", 0, ""});
  }
  double const rate = 2 * subject.cost(0).multiplications * context.comm.size() / subject.seconds(0);
  out.push_back({text(block.name, ", products of the choice"), rate, "flop/s", gemm, "sgemm"});
  out.push_back({text(block.name, ", choice / fastest method"), subject.seconds(0) / subject.seconds(fastest), "", 0, ""});
}

FiniteProgram program_of(std::string const& layers, std::vector<long> const& input) {
  std::string const network = text("{layers: [", layers, "], defaults: {w_std: 1.4142, b_std: 0.1, padding: SAME}}");
  auto const signatures = activation_signatures();
  return compile_finite(read_network(parse_yaml(network, "bench"), {"bench", "", {input}, signatures}));
}

std::string dense_layers(int layers, int width, int outputs) {
  return text("{repeat: {times: ", layers, ", layers: [{dense: {out_dim: ", width, "}}, relu]}}, {dense: {out_dim: ", outputs, "}}");
}

/// 3 x 3 convolutions; `end` is what becomes of the positions.
std::string convolution_layers(int layers, int channels, std::string const& end, int outputs) {
  return text("{repeat: {times: ", layers, ", layers: [{conv: {filter_shape: [3, 3], out_chan: ", channels, "}}, relu]}}, ", end,
              ", {dense: {out_dim: ", outputs, "}}");
}

/// A residual network of 18 layers that activates in front of its convolutions, its pool an average one, without normalization.
/// Source: He et al. 2016, Identity Mappings in Deep Residual Networks.
std::string resnet_18(int channels, int outputs) {
  auto const conv = [](int out, int side, int stride) {
    return text("{conv: {out_chan: ", out, ", filter_shape: [", side, ", ", side, "], strides: [", stride, ", ", stride, "]}}");
  };
  std::string layers = text(conv(channels, 7, 2), ", {avg_pool: {window_shape: [3, 3], strides: [2, 2], padding: SAME}}");
  for (int stage = 0; stage < 4; ++stage) {
    int const out = channels << stage;
    for (int block = 0; block < 2; ++block) {
      int const stride = stage > 0 && block == 0 ? 2 : 1;
      std::string const beside = stride == 2 ? conv(out, 1, 2) : "";
      layers += text(", {sum: [[", beside, "], [relu, ", conv(out, 3, stride), ", relu, ", conv(out, 3, 1), "]]}");
    }
  }
  return text(layers, ", relu, global_avg_pool, {dense: {out_dim: ", outputs, "}}");
}

/// A weight that is applied again and again, to `positions` positions of a sample.
FiniteProgram tied_layers(int times, int width, int positions, int outputs) {
  ProgramBuilder b;
  Tensor h = b.input({positions, width});
  Tensor const w = b.parameter({"w", {width, width}});
  for (int i = 0; i < times; ++i) h = b.activate(b.dense(h, w, std::sqrt(2.0 / width)), make_activation("relu", {}));
  Tensor const end = b.parameter({"end", {positions * width, outputs}});
  return std::move(b).finish(b.dense(h.reshaped({positions * width}), end));
}

/// 3 x 3 convolutions in groups on a square, of `channels` channels.
FiniteProgram grouped_layers(int times, int channels, int groups, int side, int outputs) {
  WindowPicks picks{9, {}};
  for (int o = 0; o < side * side; ++o)
    for (int t = 0; t < 9; ++t) {
      int const row = o / side + t / 3 - 1, col = o % side + t % 3 - 1;
      picks.picks.push_back(row < 0 || row >= side || col < 0 || col >= side ? -1 : row * side + col);
    }
  ProgramBuilder b;
  Tensor h = b.input({side * side, channels});
  for (int i = 0; i < times; ++i) {
    Tensor const w = b.parameter({text(i, "/w"), {9, channels / groups, channels}});
    h = b.activate(b.convolve(h, w, picks, std::sqrt(2.0 * groups / (9 * channels)), groups), make_activation("relu", {}));
  }
  Tensor const end = b.parameter({"end", {side * side * channels, outputs}});
  return std::move(b).finish(b.dense(h.reshaped({side * side * channels}), end));
}

/// What the choice has to get right: few and many samples, outputs, channels, positions; axes kept and traced.
std::vector<Block> table(BenchSize size) {
  auto const small = [&](int full, int tiny) { return size == BenchSize::full ? full : tiny; };
  std::vector<Block> out;
  KernelAxes const kept{{}, {}}, traced{{-1}, {}}, diagonal{{}, {-1}};
  auto const dense = [&](int layers, int width, int samples, int outputs, KernelAxes const& axes, char const* which) {
    int const w = small(width, 8), n = small(samples, 2), o = small(outputs, 2);
    out.push_back({text("dense ", layers, " x ", w, ", ", n, " samples, ", o, " outputs ", which),
                   program_of(dense_layers(layers, w, o), {small(512, 6)}), n, axes});
  };
  auto const conv = [&](int layers, int channels, int side, char const* end, int samples, int outputs, KernelAxes const& axes,
                        char const* which) {
    int const c = small(channels, 3), s = small(side, 4), n = small(samples, 2), o = small(outputs, 2);
    out.push_back({text("conv ", layers, " x ", c, " on ", s, " x ", s, ", ", end, ", ", n, " samples, ", o, " outputs ", which),
                   program_of(convolution_layers(layers, c, end, o), {s, s, 3}), n, axes});
  };
  dense(3, 512, 64, 1, kept, "kept");
  dense(3, 512, 64, 10, traced, "traced");
  dense(3, 512, 32, 10, kept, "kept");
  dense(3, 512, 2, 10, kept, "kept");
  dense(3, 512, 1, 10, kept, "kept");
  dense(3, 512, 2, 100, kept, "kept");
  dense(3, 512, 32, 10, diagonal, "diagonal");
  dense(2, 2048, 8, 1, kept, "kept");
  dense(8, 64, 256, 4, traced, "traced");
  dense(1, 32, 64, 32, kept, "kept");
  conv(4, 64, 16, "global_avg_pool", 8, 1, kept, "kept");
  conv(4, 64, 16, "global_avg_pool", 8, 10, traced, "traced");
  conv(4, 64, 16, "global_avg_pool", 1, 10, kept, "kept");
  conv(4, 64, 16, "flatten", 4, 10, kept, "kept");
  conv(4, 16, 32, "global_avg_pool", 8, 10, kept, "kept");
  conv(4, 256, 4, "global_avg_pool", 8, 10, kept, "kept");
  conv(4, 256, 8, "flatten", 4, 2, kept, "kept");
  conv(4, 8, 8, "global_avg_pool", 64, 10, traced, "traced");
  conv(2, 512, 4, "global_avg_pool", 2, 2, kept, "kept");
  conv(4, 64, 16, "global_avg_pool", 4, 10, diagonal, "diagonal");
  auto const tied = [&](int times, int width, int positions, int samples, int outputs) {
    int const w = small(width, 4), p = small(positions, 2), n = small(samples, 2), o = small(outputs, 2);
    out.push_back(
        {text("tied dense ", times, " x ", w, " on ", p, ", ", n, " samples, ", o, " outputs kept"), tied_layers(times, w, p, o), n});
  };
  auto const grouped = [&](int channels, int groups, int side, int samples, int outputs) {
    int const c = small(channels, 4), g = std::min(groups, c), s = small(side, 3), n = small(samples, 2), o = small(outputs, 2);
    out.push_back({text("conv 3 x ", c, " in ", g, " groups on ", s, " x ", s, ", ", n, " samples, ", o, " outputs kept"),
                   grouped_layers(3, c, g, s, o), n});
  };
  tied(2, 512, 1, 16, 8);
  tied(8, 256, 1, 16, 8);
  tied(4, 256, 16, 4, 4);
  grouped(256, 4, 4, 8, 4);
  grouped(64, 8, 16, 4, 4);
  grouped(64, 64, 16, 4, 4);
  return out;
}

}  // namespace

std::vector<Measurement> empirical(Context const& context, BenchSize size) {
  bool const full = size == BenchSize::full;
  std::vector<Measurement> out;
  int const width = full ? 2048 : 8, channels = full ? 128 : 4;
  measure(context, {text("MLP 3 x ", width), program_of(dense_layers(3, width, 8), {full ? 3072 : 12}), full ? 16 : 2}, 60, size, out);
  measure(context,
          {text("CNN 8 x ", channels),
           program_of(convolution_layers(8, channels, "global_avg_pool", 10), {full ? 32 : 4, full ? 32 : 4, 3}), full ? 8 : 2},
          60, size, out);
  int const side = full ? 224 : 16;
  measure(context,
          {text("ResNet-18 on ", side, " x ", side), program_of(resnet_18(full ? 64 : 2, full ? 8 : 2), {side, side, 3}), full ? 8 : 2}, 60,
          size, out);
  return out;
}

std::vector<Measurement> empirical_shapes(Context const& context, BenchSize size) {
  std::vector<Measurement> out;
  for (Block const& block : table(size)) measure(context, block, 30, size, out);
  return out;
}

}  // namespace infinitile
