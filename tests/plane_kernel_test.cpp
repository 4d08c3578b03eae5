// The body of the GPU's launch, thread by thread on the host, against the planes and the layers of the host.
#include <cmath>
#include <random>
#include <set>

#include "base/text.hpp"
#include "infinite/compile_positions.hpp"
#include "kernels/activation.hpp"
#include "kernels/cuda/plane_block.hpp"
#include "kernels/cuda/plane_upload.hpp"
#include "kernels/cuda/summed_tile.hpp"
#include "kernels/position_tile.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/turn_block.hpp"

using namespace infinitile;
using namespace infinitile::plane_kernel;

namespace {

template <class R>
PlaneJob<R> job_of(PlaneArrays<R> const& a) {
  return {a.height,        a.width,         a.channels,    a.planes, a.slots, static_cast<int>(a.layers.size()),
          a.layers.data(), a.inputs.data(), a.roots.data()};
}

/// What the launch does.
template <class R, bool with_ntk>
std::vector<PlaneSums> sum_planes(PlaneArrays<R> const& arrays, std::vector<PlanePair> const& pairs, Turns turns) {
  PlaneJob<R> const job = job_of(arrays);
  Seating const seating(job.height, job.width, job.planes);
  std::vector<PlaneSums> sums(pairs.size());
  std::vector<double> room(static_cast<std::size_t>(seating.bytes<R>()) / sizeof(double) + 1);
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    std::ranges::fill(room, std::nan(""));  // shared memory begins with anything
    TurnBlock<R> block(seating.threads(), turns);
    if (job.height == most_side && job.width == most_side) {
      PairRun<R, with_ntk, most_side>(job, pairs[n], room.data()).run(block, &sums[n]);
    } else {
      PairRun<R, with_ntk, 0>(job, pairs[n], room.data()).run(block, &sums[n]);
    }
  }
  return sums;
}

Network network_of(std::string const& yaml, std::vector<long> const& shape) {
  auto const signatures = activation_signatures();
  return read_network(parse_yaml(yaml, "test"), ReadContext{"test", "", {shape}, signatures});
}

/// A program, its table on random images, of which the second is a near duplicate of the first and half of the third is black.
struct Images {
  PositionProgram program;
  PositionTable table;
  PlanePlan plan;

  Images(std::string const& network, std::vector<long> const& shape, long rows)
      : program(compile_position_program(network_of(network, shape))), plan(*plan_planes(program)) {
    long width = 1;
    for (long const size : shape) width *= size;
    std::mt19937 random(static_cast<unsigned>(width));
    std::normal_distribution<double> normal;
    std::vector<double> x(static_cast<std::size_t>(rows * width));
    for (double& each : x) each = normal(random);
    for (long k = 0; k < width; ++k)
      x[static_cast<std::size_t>(width + k)] = x[static_cast<std::size_t>(k)] * (1 + 1e-4 * static_cast<double>(k % 3));
    std::fill(x.begin() + 2 * width, x.begin() + 2 * width + width / 2, 0.0);
    table = tabulate_positions(program, {{width, x}}, Precision::float32);
  }
};

struct Kernels {
  std::vector<double> nngp, ntk;
};

TileTask<double> task_of(Kernels& to, long row0, long col0, int rows, int cols) {
  to.nngp.assign(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols), 0);
  to.ntk = to.nngp;
  return {row0, col0, rows, cols, to.nngp.data(), to.ntk.data()};
}

/// A tile from the sums of its planes, as compute_position_tiles fills it, without the diagonal.
Kernels finish(Images const& images, TileTask<double> const& task, std::vector<PlaneSums> const& sums, Kernels to) {
  SummedTile const tile(images.program, images.plan, images.table, task, sums);
  SummedTile::Head head(tile, true);
  for (int i = 0; i < task.rows; ++i)
    for (int j = 0; j < (task.row0 == task.col0 ? i : task.cols); ++j) {
      long const col = task.col0 + j, lane = col % SummedTile::Head::lanes;
      head.start(task.row0 + i, 1, col - lane);
      auto& pass = head.finish(0);
      auto const v = pass.value(images.program.output);
      auto const roots = pass.sides(images.program.output_slot);
      auto const place = static_cast<std::size_t>(i * task.cols + j);
      to.nngp[place] = 0.5 * (roots.row_at(0) * roots.row_at(0) + roots.col_at(0)[lane] * roots.col_at(0)[lane]) - v.h[lane];
      to.ntk[place] = v.ntk[lane];
    }
  return to;
}

template <class R>
Kernels by_twin(Images const& images, long row0, long col0, int rows, int cols, Turns turns = Turns::forward) {
  Kernels out;
  TileTask<double> const task = task_of(out, row0, col0, rows, cols);
  auto const arrays = plane_arrays<R>(images.program, images.plan, images.table);
  auto const sums = sum_planes<R, true>(arrays, pairs_of(task), turns);
  return finish(images, task, sums, out);
}

/// The lower triangle alone where the tile is on the diagonal.
Kernels by_host(Images const& images, long row0, long col0, int rows, int cols, PositionPath path) {
  Kernels out;
  TileTask<double> const task = task_of(out, row0, col0, rows, cols);
  REQUIRE(compute_position_tiles(Exec(), images.program, images.table, std::span(&task, 1), path) == 0);
  for (int i = 0; row0 == col0 && i < rows; ++i)
    for (int j = i; j < cols; ++j) out.nngp[static_cast<std::size_t>(i * cols + j)] = out.ntk[static_cast<std::size_t>(i * cols + j)] = 0;
  return out;
}

double difference(std::vector<double> const& a, std::vector<double> const& b) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return a[i];
    most = std::max(most, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return most / largest;
}

std::string const conv = "{conv: {filter_shape: [3, 3], padding: SAME, w_std: 1.3, b_std: 0.2}}";
// With a bias, since positions of one channel are at angles of 0 and π, where one rounding of k is an angle of √ε.
std::string const narrow = "{conv: {filter_shape: [1, 1], w_std: 1.1, b_std: 0.3}}";

std::vector<std::string> networks() {
  return {"[" + conv + ", relu, " + conv + ", relu, global_avg_pool, {dense: {b_std: 0.1}}]",
          "[" + conv + ", relu, " + conv + ", relu, " + conv + ", {leaky_relu: {alpha: 0.3}}, flatten, dense, erf, dense]",
          "[" + narrow + ", abs, " + conv + ", " + narrow + ", {relu: {input_scale: -0.7, output_scale: 1.2}}, " + conv
              + ", global_sum_pool, dense]",
          "[" + conv + ", relu, {dense: {w_std: 0.9, b_std: 0.3}}, relu, global_avg_pool, dense]", "[flatten, dense]"};
}

std::vector<std::vector<long>> shapes() {
#ifdef INFINITILE_TRAP_NAN
  return {{1, 1, 2}, {3, 2, 1}, {9, 5, 3}};
#else
  return {{1, 1, 2}, {1, 5, 1}, {2, 2, 3}, {3, 2, 1}, {7, 5, 3}, {8, 8, 1}, {9, 10, 3}, {17, 16, 1}};
#endif
}

}  // namespace

TEST_CASE("the planes of a torus have every pair of positions once, and the places around them none", "[plane_kernel]") {
  for (int const size : {1, 2, 3, 8, 9}) {
    std::set<std::pair<int, int>> pairs;
    for (int shift = 0; shift < size; ++shift) {
      CAPTURE(size, shift);
      TorusAxis const axis{size, shift};
      std::set<int> places;
      for (int y = 0; y < size; ++y) {
        int const other = y + axis.apart(y);
        CHECK(axis.inside(other));
        pairs.insert({y, other});
        places.insert(axis.place(y));
        TorusAxis::Sides const sides = axis.at(axis.place(y));
        CHECK((sides.own == y && sides.theirs == other));
        for (int const step : {-1, 1}) {  // a neighbour has the same displacement, or is a ring where one side has left its image
          TorusAxis::Sides const near = axis.at(axis.place(y) + step);
          CHECK((near.own == y + step && near.theirs == other + step));
        }
      }
      CHECK(static_cast<int>(places.size()) == size);
      for (int line = 0; line < 4; ++line) {
        TorusAxis::Sides const sides = axis.at(axis.ring(line));
        CHECK_FALSE((axis.inside(sides.own) && axis.inside(sides.theirs)));
        CHECK((places.count(axis.ring(line)) == 0 && axis.ring(line) < axis.room()));
      }
    }
    CHECK(static_cast<int>(pairs.size()) == size * size);
  }
}

TEST_CASE("a block seats every entry of every plane once", "[plane_kernel]") {
  for (auto const& [height, width] : {std::pair{1, 1}, {3, 2}, {8, 8}, {9, 5}, {32, 32}, {31, 17}}) {
    CAPTURE(height, width);
    // Inputs 0 and 1 everywhere and no layers: h is ½ at every entry of every plane.
    PlaneArrays<double> arrays{height, width, 1, height * width, 0, {}, {}, {}};
    arrays.inputs.assign(static_cast<std::size_t>(2 * height * width), 0);
    std::fill_n(arrays.inputs.begin(), height * width, 1.0);
    auto const sums = sum_planes<double, false>(arrays, {{0, 1}}, Turns::forward);
    CHECK(sums[0].h == 0.5 * height * width * height * width);
  }
}

TEST_CASE("every image that fits has a block that fits", "[plane_kernel]") {
  int wrong = 0;
  for (int height = 1; height <= most_side; ++height)
    for (int width = 1; width <= most_side; ++width)
      for (int const planes : {1, height * width}) {
        Seating const seating(height, width, planes);
        bool const fits = seating.seats >= 1 && seating.threads() <= Seating::most_threads && seating.bytes<double>() <= 48 * 1024;
        wrong += fits ? 0 : 1;
      }
  CHECK(wrong == 0);
}

TEST_CASE("the twin of the planes has the kernels of planes and layers", "[plane_kernel]") {
  for (auto const& network : networks())
    for (auto const& shape : shapes()) {
      CAPTURE(network, shape);
      Images const images(network, shape, 5);
      REQUIRE(fits_plane_kernel(images.program, images.plan));
      Kernels const twin = by_twin<double>(images, 0, 0, 5, 5);
      for (PositionPath const path : {PositionPath::fused, PositionPath::general}) {
        CAPTURE(path);
        Kernels const host = by_host(images, 0, 0, 5, 5, path);
        CHECK(difference(twin.nngp, host.nngp) < 1e-12);
        CHECK(difference(twin.ntk, host.ntk) < 1e-12);
        Kernels const single = by_twin<float>(images, 0, 0, 5, 5);
        CHECK(difference(single.nngp, host.nngp) < 1e-5);
        CHECK(difference(single.ntk, host.ntk) < 1e-5);
      }
    }
}

TEST_CASE("the twin of the planes takes the largest images", "[plane_kernel]") {
  Images const images(networks().front(), {32, 32, 3}, 3);
  Kernels const twin = by_twin<double>(images, 2, 0, 1, 1), host = by_host(images, 2, 0, 1, 1, PositionPath::fused);
  CHECK(difference(twin.nngp, host.nngp) < 1e-12);
  CHECK(difference(twin.ntk, host.ntk) < 1e-12);
}

TEST_CASE("any tile is made of its own pairs", "[plane_kernel]") {
  Images const images(networks().front(), {4, 3, 2}, 21);
  for (auto const& [row0, col0, rows, cols] : {std::array<int, 4>{13, 3, 5, 9}, {3, 3, 11, 11}, {20, 0, 1, 20}, {7, 7, 1, 1}}) {
    CAPTURE(row0, col0, rows, cols);
    Kernels const twin = by_twin<double>(images, row0, col0, rows, cols);
    Kernels const host = by_host(images, row0, col0, rows, cols, PositionPath::fused);
    if (rows * cols == 1) continue;  // nothing below the diagonal
    CHECK(difference(twin.nngp, host.nngp) < 1e-12);
    CHECK(difference(twin.ntk, host.ntk) < 1e-12);
  }
}

TEST_CASE("no thread waits for another one within a phase", "[plane_kernel]") {
  Images const images(networks()[2], {9, 5, 2}, 3);
  Kernels const forward = by_twin<float>(images, 0, 0, 3, 3), backward = by_twin<float>(images, 0, 0, 3, 3, Turns::backward);
  CHECK(forward.nngp == backward.nngp);
  CHECK(forward.ntk == backward.ntk);
}

TEST_CASE("without the tangent kernel the twin has the same covariances", "[plane_kernel]") {
  Images const images(networks().front(), {5, 4, 2}, 3);
  auto const arrays = plane_arrays<float>(images.program, images.plan, images.table);
  std::vector<PlanePair> const pairs{{0, 1}, {2, 0}};
  auto const both = sum_planes<float, true>(arrays, pairs, Turns::forward), one = sum_planes<float, false>(arrays, pairs, Turns::forward);
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    CHECK(one[n].h == both[n].h);
    CHECK(one[n].ntk == 0);
  }
}

TEST_CASE("what the twin does not have goes by the host", "[plane_kernel]") {
  auto const fits = [](std::string const& network, std::vector<long> const& shape) {
    PositionProgram const program = compile_position_program(network_of(network, shape));
    auto const plan = plan_planes(program);
    return plan && fits_plane_kernel(program, *plan);
  };
  std::string const end = ", relu, global_avg_pool, dense]";
  CHECK(fits("[" + conv + end, {32, 32, 3}));
  CHECK(fits("[" + conv + ", relu, flatten, dense]", {6, 6, 3}));
  CHECK_FALSE(fits("[" + conv + end, {33, 32, 3}));
  CHECK_FALSE(fits("[" + conv + ", erf, global_avg_pool, dense]", {6, 6, 1}));
  CHECK_FALSE(fits("[" + conv + ", {relu: {input_shift: 0.1}}, global_avg_pool, dense]", {6, 6, 1}));
  CHECK_FALSE(fits("[{conv: {filter_shape: [3, 3], padding: VALID}}" + end, {6, 6, 1}));
  CHECK_FALSE(fits("[{conv: {filter_shape: [3, 3], padding: CIRCULAR}}" + end, {6, 6, 1}));
  CHECK_FALSE(fits("[{conv: {filter_shape: [3, 3], padding: SAME, strides: [2, 2]}}" + end, {6, 6, 1}));
  CHECK_FALSE(fits("[{conv: {filter_shape: [5, 5], padding: SAME}}" + end, {6, 6, 1}));
  CHECK_FALSE(fits("[" + conv + ", relu, {avg_pool: {window_shape: [2, 2], strides: [2, 2]}}, " + conv + end, {6, 6, 1}));
  CHECK_FALSE(fits("[" + conv + ", {sum: [[], [relu, " + conv + "]]}" + end, {6, 6, 1}));
  CHECK_FALSE(fits("[" + conv + ", layer_norm" + end, {6, 6, 1}));
  CHECK_FALSE(fits("[{conv: {filter_shape: [3, 3, 3], padding: SAME}}" + end, {4, 4, 4, 1}));
}
