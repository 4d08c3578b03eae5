#include "plan/plan.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

JobSize size_of(long train, long test, int side) {
  JobSize size{.grid = TileGrid(train, test, side)};
  size.features = 784;
  size.product_flops = 2 * 784;
  size.outputs = 10;
  size.row_numbers = 10;
  size.pair_flops = 200;
  size.factorizations = 2;
  return size;
}

}  // namespace

TEST_CASE("the plan counts what can be counted by hand", "[plan]") {
  // 10 train and 3 test rows in tiles of 4: train tiles 4 4 2, test tile 3.
  JobSize size = size_of(10, 3, 4);
  Plan const plan = make_plan(size, {1, 1, 0, {}});
  double const train = 16 + 16 + 4 + 16 + 8 + 8, test = 3 * 10;  // lower tiles, diagonal ones whole
  CHECK(plan.tiles == 6 + 3);
  CHECK(plan.tiles_of_rank == 9);
  CHECK(plan.gram_flops == 2 * (train + test) * 784);
  CHECK(plan.pair_flops == (train + test) * 200);
  CHECK(plan.disk_bytes == (10 * 10 + test) * 2 * 8);
  CHECK(plan.solve_flops == Approx(2 * (1000.0 / 3 + 100.0 * 13)));
  size.mirrored = false;
  CHECK(make_plan(size, {1, 1, 0, {}}).disk_bytes == (train + test) * 2 * 8);
  size.entry_bytes = 4;
  CHECK(make_plan(size, {1, 1, 0, {}}).disk_bytes == (train + test) * 2 * 4);
}

TEST_CASE("numbers that pairs keep are stored, and full blocks of outputs are rows of the posterior", "[plan]") {
  JobSize size = size_of(10, 3, 4);
  Plan const mean = make_plan(size, {1, 1, 0, {}});
  size.kept = 9;
  size.blocks = 3;
  Plan const blocks = make_plan(size, {1, 1, 0, {}});
  CHECK(blocks.disk_bytes == 9 * mean.disk_bytes);
  CHECK(blocks.tile_bytes == 9 * mean.tile_bytes);
  CHECK(blocks.gram_flops == mean.gram_flops);
  CHECK(blocks.solve_flops == Approx(2 * (27000.0 / 3 + 900.0 * (9 + 1))));
  size.own_flops = 7;
  CHECK(make_plan(size, {1, 1, 0, {}}).gram_flops == mean.gram_flops + 3 * 7);
}

TEST_CASE("means over random networks are planned too", "[plan]") {
  JobSize size = size_of(10, 3, 4);
  double const train = 16 + 16 + 4 + 16 + 8 + 8, test = 3 * 10, rows = 13;
  Machine const machine{1, 1, 0, {}};
  Plan const without = make_plan(size, machine);
  size.sampling = JobSize::Sampling{100, 5000, 300, 7, 32, 1e6};
  Plan const plan = make_plan(size, machine);
  CHECK(plan.gram_flops == without.gram_flops + rows * 300);
  CHECK(plan.means_bytes == (train + test) * 32);
  CHECK(plan.disk_bytes == without.disk_bytes + plan.means_bytes);
  CHECK(plan.buffer_bytes == without.buffer_bytes + (train + test) * 32 + rows * 7 * 8);
  CHECK(plan.kernel_seconds == Approx(without.kernel_seconds + rows * 300 / machine.rates.gemm + 100 * 5000 / machine.rates.draw));
  size.sampling->draw_flops = 5e9;
  CHECK(make_plan(size, machine).kernel_seconds == Approx(plan.kernel_seconds + 100 * 5e9 / machine.rates.gemm));
  size.sampling->group_numbers = 100;
  CHECK(make_plan(size, machine).buffer_bytes == without.buffer_bytes + 800);
}

TEST_CASE("what is called and what every run does takes time, however little there is to compute", "[plan]") {
  JobSize size = size_of(10, 3, 4);
  size.network_bytes = 1;
  Machine const machine{1, 1, 0, {}};
  Plan const without = make_plan(size, machine);
  CHECK(without.start_seconds == Approx(machine.rates.start + without.data_bytes / machine.rates.data));
  CHECK(without.seconds() >= without.start_seconds + without.kernel_seconds);
  size.tile_calls = 1000;  // 9 tiles, as above
  size.own_calls = 50;
  CHECK(make_plan(size, machine).kernel_seconds == Approx(without.kernel_seconds + (9 * 1000 + 3 * 50) / machine.rates.calls));
  CHECK(make_plan(size, {1, 16, 0, {}}).kernel_seconds > (9 * 1000 + 3 * 50) / machine.rates.calls);
  size.pass_numbers = 1e6;
  size.own_numbers = 2e6;
  double const pairs = 16 + 16 + 4 + 16 + 8 + 8 + 3 * 10;
  CHECK(make_plan(size, machine).kernel_seconds
        == Approx(without.kernel_seconds + (9 * 1000 + 3 * 50) / machine.rates.calls + (pairs * 1e6 + 3 * 2e6) * 8 / machine.rates.memory));
  Plan const sampled_without = [&] {
    JobSize sampled = size;
    sampled.sampling = JobSize::Sampling{.networks = 100, .side_calls = 0};
    return make_plan(sampled, machine);
  }();
  size.sampling = JobSize::Sampling{.networks = 100, .side_calls = 700};  // 3 train and 1 test row of tiles
  CHECK(make_plan(size, machine).kernel_seconds == Approx(sampled_without.kernel_seconds + 4 * 700 / machine.rates.calls));
}

TEST_CASE("a plan for 4,096 ranks is made in one process, and shares the work out", "[plan]") {
  JobSize const size = size_of(250'000, 10'000, 1024);
  Plan const one = make_plan(size, {1, 16, 0, {}}), many = make_plan(size, {4096, 16, 0, {}});
  CHECK(many.distribution.rows() == 64);
  CHECK(many.distribution.cols() == 64);
  CHECK(many.tiles == one.tiles);
  CHECK(static_cast<double>(many.tiles_of_rank) < 1.7 * static_cast<double>(one.tiles) / 4096);
  CHECK(many.tile_bytes < one.tile_bytes / 1000);
  CHECK(many.seconds() < one.seconds());
}

TEST_CASE("more memory than there is is an error that says how much", "[plan]") {
  JobSize const size = size_of(60'000, 0, 1024);
  Machine machine{2, 1, 4e9, {}};
  CHECK_THROWS_WITH(require_memory(make_plan(size, machine), machine),
                    Catch::Contains("needs") && Catch::Contains("GiB of memory per rank") && Catch::Contains("more nodes"));
  machine.ranks = 64;
  CHECK_NOTHROW(require_memory(make_plan(size, machine), machine));
}
