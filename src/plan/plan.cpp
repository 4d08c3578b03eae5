#include "plan/plan.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

std::vector<Block> blocks_of(JobSize const& size) {
  std::vector<Block> blocks{Block::train_train};
  if (size.grid.test() > 0) blocks.push_back(Block::test_train);
  if (size.test_test) blocks.push_back(Block::test_test);
  return blocks;
}

/// Tiles and entries of the rank that owns most entries.
struct Share {
  long tiles = 0;
  double entries = 0;
};

Share largest_share(JobSize const& size, Distribution const& distribution) {
  TileGrid const& grid = size.grid;
  std::vector<Share> shares(static_cast<std::size_t>(distribution.ranks()));
  for (Block const block : blocks_of(size)) {
    for (TileIndex const t : grid.tiles_of(block)) {
      Share& share = shares[static_cast<std::size_t>(distribution.owner(t))];
      ++share.tiles;
      share.entries += static_cast<double>(grid.height(t)) * grid.width(t);
    }
  }
  return *std::max_element(shares.begin(), shares.end(), [](Share const& a, Share const& b) { return a.entries < b.entries; });
}

/// Cholesky of the train block with the test rows and targets appended: n³/3 + n² (m + outputs) flops each; the ntk covariance adds a
/// backward sweep and a product. Full blocks of outputs are rows of one target.
double solve_flops(JobSize const& size) {
  double const n = size.blocks * static_cast<double>(size.grid.train()), m = size.blocks * static_cast<double>(size.grid.test());
  double flops = size.factorizations * (n * n * n / 3 + n * n * (m + (size.blocks > 1 ? 1 : size.outputs)));
  if (size.ntk_posterior) flops += 4 * n * n * m;
  if (size.full_covariance) flops += size.factorizations * n * m * m;
  return flops;
}

/// What a rank has in hand of random networks: running means of its tiles and values of their rows, as far as a group may go.
double group_bytes(JobSize const& size, double own_entries) {
  if (!size.sampling) return 0;
  double const rows = static_cast<double>(size.grid.train() + size.grid.test());
  return std::min(8 * size.sampling->group_numbers,
                  own_entries * size.sampling->entry_bytes + rows * size.sampling->row_numbers * size.entry_bytes);
}

/// Calls of primitives on the rank with the most tiles.
double calls_of(JobSize const& size, Machine const& machine, Share const& share) {
  double const calls =
      static_cast<double>(share.tiles) * size.tile_calls + static_cast<double>(size.grid.test()) / machine.ranks * size.own_calls;
  return calls + (size.sampling ? size.grid.tiles() * size.sampling->side_calls : 0);
}

/// Every rank draws all networks, and runs its rows through them.
double sampling_seconds(JobSize const& size, Machine const& machine, double gemm) {
  if (!size.sampling) return 0;
  double const rows = static_cast<double>(size.grid.train() + size.grid.test()), networks = static_cast<double>(size.sampling->networks);
  return (rows * size.sampling->row_flops + networks * size.sampling->draw_flops) / gemm
         + networks * size.sampling->parameters / (machine.rates.draw * machine.threads);
}

/// What goes through memory between the products of finite networks.
double pass_seconds(JobSize const& size, Machine const& machine, Share const& share) {
  double const tests = static_cast<double>(size.grid.test()), rows = static_cast<double>(size.grid.train()) + tests;
  double const numbers =
      share.entries * size.pass_numbers + tests / machine.ranks * size.own_numbers + (size.sampling ? rows * size.sampling->row_passes : 0);
  return numbers * size.entry_bytes / (machine.rates.memory * machine.threads);
}

void add_memory(Plan& plan, JobSize const& size, Machine const& machine, double own_entries) {
  double const rows = static_cast<double>(size.grid.train() + size.grid.test());
  double const side = size.grid.side();
  bool const single = size.entry_bytes == 4;
  plan.data_bytes = rows * (static_cast<double>(size.features) * (single ? 12 : 8) + size.outputs * 8.0);
  plan.row_bytes = rows * size.row_numbers * (single ? 12 : 8);
  // A posterior holds its own tiles of one kernel at a time; they become the factor.
  double const blocks = size.blocks, tests = blocks * static_cast<double>(size.grid.test());
  plan.tile_bytes = size.factorizations > 0 ? own_entries * blocks * blocks * 8 : 0;
  if (size.ntk_posterior)
    plan.tile_bytes += tests * blocks * static_cast<double>(size.grid.train()) * 8 / machine.ranks;  // the test rows of the NNGP too
  if (size.full_covariance) plan.tile_bytes += tests * tests * 8 * (1 + 0.5 / machine.ranks);        // on rank 0 as a whole
  // Tiles being computed; panels of the factorization and the messages on their way, as measured (docs/performance.md).
  double const in_flight = (machine.threads + 1.0) * side * side * size.kept * size.kernels * size.entry_bytes
                           + machine.threads * size.strip_bytes + size.network_bytes + group_bytes(size, own_entries);
  double const panels = 2.5 * rows * side * blocks * blocks * 8 / std::min(plan.distribution.rows(), plan.distribution.cols());
  plan.buffer_bytes = in_flight + (size.factorizations > 0 ? panels : 0);
  plan.program_bytes = 52e6;
  plan.memory_bytes = plan.data_bytes + plan.row_bytes + plan.tile_bytes + plan.buffer_bytes + plan.program_bytes;
}

}  // namespace

/// Of the rate of products, what the layers of finite networks reach, between their passes over memory: docs/performance.md.
constexpr double of_layers = 0.65;

Plan make_plan(JobSize const& size, Machine const& machine) {
  Plan plan;
  plan.distribution = Distribution(machine.ranks);
  double entries = 0, stored = 0;
  for (Block const block : blocks_of(size)) {
    double const here = size.grid.entries_of(block);
    entries += here;
    // Off-diagonal tiles of a symmetric block are written a second time, transposed.
    stored += block == Block::test_train || !size.mirrored
                  ? here
                  : static_cast<double>(block == Block::train_train ? size.grid.train() : size.grid.test())
                        * static_cast<double>(block == Block::train_train ? size.grid.train() : size.grid.test());
    plan.tiles += static_cast<long>(size.grid.tiles_of(block).size());
  }
  Share const share = largest_share(size, plan.distribution);
  plan.tiles_of_rank = share.tiles;
  double const own_flops = static_cast<double>(size.grid.test()) * size.own_flops;
  plan.gram_flops = entries * size.product_flops + own_flops;
  if (size.sampling) plan.gram_flops += static_cast<double>(size.grid.train() + size.grid.test()) * size.sampling->row_flops;
  plan.pair_flops = entries * size.pair_flops;
  plan.solve_flops = solve_flops(size);
  add_memory(plan, size, machine, share.entries);
  if (size.sampling) plan.means_bytes = entries * size.sampling->entry_bytes;
  plan.disk_bytes = stored * size.kept * size.kernels * size.entry_bytes + plan.means_bytes;

  Rates const& rates = machine.rates;
  double const gemm = (size.entry_bytes == 4 ? rates.gemm_single : rates.gemm) * machine.threads;
  double const products = gemm * (size.network_bytes > 0 ? of_layers : 1);
  plan.kernel_seconds = share.entries * (size.product_flops / products + size.pair_flops / (rates.pair * machine.threads))
                        + own_flops / machine.ranks / products + sampling_seconds(size, machine, products)
                        + pass_seconds(size, machine, share) + calls_of(size, machine, share) / rates.calls;
  plan.start_seconds = rates.start + plan.data_bytes / rates.data;
  plan.disk_seconds = plan.disk_bytes * (share.entries / entries) / rates.disk;
  double const n = size.blocks * static_cast<double>(size.grid.train());
  double const panel_bytes = n * n / 2 * 8 * (1.0 / plan.distribution.rows() + 1.0 / plan.distribution.cols());
  plan.message_bytes = machine.ranks > 1 ? size.factorizations * panel_bytes : 0;
  constexpr double of_gemm = 0.7;  // the rate of the factorization: docs/performance.md
  plan.solve_seconds = plan.solve_flops / machine.ranks / (of_gemm * rates.gemm * machine.threads) + plan.message_bytes / rates.network;
  return plan;
}

void require_memory(Plan const& plan, Machine const& machine) {
  if (machine.memory <= 0 || plan.memory_bytes <= machine.memory) return;
  throw Error(text("the plan needs ", format_bytes(plan.memory_bytes), " of memory per rank and a rank has ", format_bytes(machine.memory),
                   " (data ", format_bytes(plan.data_bytes), ", tiles ", format_bytes(plan.tile_bytes), ", buffers ",
                   format_bytes(plan.buffer_bytes + plan.row_bytes), ", program ", format_bytes(plan.program_bytes),
                   "). Use more nodes, fewer ranks per node, smaller tiles, or fewer rows."));
}

std::string describe(Plan const& plan, JobSize const& size, Machine const& machine) {
  std::string out;
  auto const line = [&out](std::string_view name, std::string const& value, std::string const& note) {
    out += fmt::format("{:<22} {:>12}{}{}\n", name, value, note.empty() ? "" : "   ", note);
  };
  TileGrid const& grid = size.grid;
  line("command", size.factorizations > 0 ? "posterior" : "kernel", size.outputs > 0 ? "" : "there are no targets");
  line("rows", fmt::format("{}", grid.train()), fmt::format("to train, {} to test, {} numbers each", grid.test(), size.features));
  line("tiles", fmt::format("{}", plan.tiles),
       fmt::format("of {} x {}{}; at most {} on one rank", grid.side(), grid.side(),
                   size.kept > 1 ? fmt::format(" pairs of {} numbers", size.kept) : "", plan.tiles_of_rank));
  if (size.sampling)
    line("networks", fmt::format("{}", size.sampling->networks),
         fmt::format("of {} parameters each; their running means {} of the disk", format_count(size.sampling->parameters),
                     format_bytes(plan.means_bytes)));
  line("ranks", fmt::format("{}", machine.ranks),
       fmt::format("as {} x {}, {} thread{} each", plan.distribution.rows(), plan.distribution.cols(), machine.threads,
                   machine.threads == 1 ? "" : "s"));
  line("memory per rank", format_bytes(plan.memory_bytes),
       fmt::format("data {}, layers {}, tiles {}, buffers {}, program {}", format_bytes(plan.data_bytes), format_bytes(plan.row_bytes),
                   format_bytes(plan.tile_bytes), format_bytes(plan.buffer_bytes), format_bytes(plan.program_bytes)));
  line("flops", format_count(plan.gram_flops + plan.pair_flops + plan.solve_flops),
       fmt::format("{} {}, layers {}, solve {}", size.network_bytes > 0 ? "matrix products" : "inner products",
                   format_count(plan.gram_flops), format_count(plan.pair_flops), format_count(plan.solve_flops)));
  line("messages per rank", format_bytes(plan.message_bytes), "");
  line("disk", format_bytes(plan.disk_bytes),
       size.mirrored ? "both halves of symmetric blocks (kernel.store: full)" : "lower tiles (kernel.store: lower)");
  line("time", format_seconds(plan.seconds()),
       fmt::format("start {}, kernel {}, disk {}, solve {}", format_seconds(plan.start_seconds), format_seconds(plan.kernel_seconds),
                   format_seconds(plan.disk_seconds), format_seconds(plan.solve_seconds)));
  return out;
}

}  // namespace infinitile
