#include "job/kernel_run.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/index.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/agreed_stop.hpp"
#include "job/open_tiles.hpp"
#include "job/saves.hpp"
#include "job/settings.hpp"
#include "job/source_notes.hpp"
#include "net/shapes.hpp"
#include "store/number_file.hpp"
#include "version.hpp"

namespace infinitile {

namespace {

/// Pairs as a tile has them, one after the other, become blocks of `into`: row (i, o), column (j, o').
void spread_outputs(std::span<double> values, int outputs, std::vector<long> const& places, Matrix into) {
  std::vector<double> const pairs(values.begin(), values.end());
  std::size_t const block = places.size();
  int const cols = into.cols / outputs;
  for (int row = 0; row < into.rows; ++row)
    for (int col = 0; col < into.cols; ++col)
      into(row, col) = pairs[at(static_cast<long>(row / outputs) * cols + col / outputs) * block
                             + at(places[at((row % outputs) * outputs + col % outputs)])];
}

}  // namespace

KernelRun::KernelRun(Job const& job, Context const& context, Purpose purpose)
    : job_(job),
      context_(context),
      problem_([&] {
        auto const phase = context.report.phase("data");
        return open_problem(job, context.comm);
      }()),
      machine_{context.comm.size(), context.threads, memory_for_one_rank(context.comm), {}},
      plan_(make_plan(size_of(job, problem_, purpose), machine_)),
      distribution_(context.comm.size()),
      layout_{problem_.grid, job.kernel.get, precision_of(job), job.kernel.store == "full", 0, problem_.kept()} {
  auto const hindrance = purpose == Purpose::posterior ? why_no_posterior(job, problem_) : std::nullopt;
  if (hindrance) throw Error(*hindrance);
  require_trainable(purpose);
  together(context.comm, [&] { require_memory(plan_, machine_); });
  {  // an empty network, or one that fails, says so before anything is written
    auto const phase = context.report.phase("rows");
    kernel_ = make_tile_kernel(job, problem_, context.comm);
  }
  directory_ = std::make_unique<RunDirectory>(job, problem_.sources, context);
  layout_.kernels = kernel_->names();
  layout_.fingerprint = directory_->tiles_fingerprint();
  context.report.grid = {distribution_.rows(), distribution_.cols()};
  context.report.precision = job.kernel.precision;
}

void KernelRun::require_trainable(Purpose purpose) const {
  if (purpose != Purpose::posterior || job_.dynamics.steps.empty()) return;
  long const outputs = product_of(std::get<FiniteReading>(problem_.reading).program.output_shape), targets = problem_.data.train.outputs;
  if (outputs != targets)
    throw Error(text(job_.file.string(), ": dynamics trains the outputs of the network on the targets of each input, but it has ", outputs,
                     " outputs and ", targets, " targets. Give the last layer as many outputs, or leave dynamics.steps out."));
}

std::vector<Block> KernelRun::blocks() const {
  std::vector<Block> blocks{Block::train_train};
  if (problem_.has_test()) blocks.push_back(Block::test_train);
  if (problem_.has_test() && job_.kernel.test_test == "full") blocks.push_back(Block::test_test);
  return blocks;
}

std::vector<TileIndex> KernelRun::own_tiles() const {
  std::vector<TileIndex> own;
  for (Block const block : blocks())
    for (TileIndex const t : problem_.grid.tiles_of(block))
      if (distribution_.owner(t) == context_.comm.rank()) own.push_back(t);
  return own;
}

template <class T>
void KernelRun::compute(std::vector<TileIndex> const& missing) {
  // Ranks agree between rounds whether to stop. With several threads as many tiles are in flight; their order and bits stay.
  std::size_t const in_flight = static_cast<std::size_t>(kernel_->tiles_at_once(context_.threads)),
                    tiles_per_round = std::max<std::size_t>(8, 2 * in_flight);
  long const mine = static_cast<long>((missing.size() + tiles_per_round - 1) / tiles_per_round);
  long const rounds = context_.comm.all_reduce(mine, Reduction::max);
  Progress progress("kernel tiles", static_cast<double>(missing.size()));
  std::vector<TileKernel::Values<T>> values;
  std::size_t next = 0;
  auto const compute_some = [&](std::size_t last) {
    stop_if_signalled();
    {
      auto const phase = context_.report.phase("compute");
      kernel_->compute({missing.begin() + static_cast<long>(next), missing.begin() + static_cast<long>(last)}, values);
    }
    auto const phase = context_.report.phase("write");
    for (auto const& v : values) {
      std::vector<std::span<T const>> const kernels(v.kernels.begin(), v.kernels.end());
      store_->put<T>(v.tile, kernels);
      ++context_.report.tiles.computed;
    }
    next = last;
    progress.show(static_cast<double>(next));
  };
  for (long round = 0; round < rounds; ++round)
    together(
        context_.comm,
        [&] {  // a full disk on one rank, or a signal, ends the round on all; their stores close their runs
          std::size_t const end = std::min(missing.size(), next + tiles_per_round);
          while (next < end) compute_some(std::min(end, next + in_flight));
        },
        no_hurry);
}

void KernelRun::warn_of_little_space(double missing_share) const {
  std::error_code unknown;
  auto const space = std::filesystem::space(directory_->tiles(), unknown);
  double const needed = missing_share * plan_.disk_bytes;
  if (unknown || !context_.comm.is_first() || needed <= static_cast<double>(space.available)) return;
  std::vector<std::string> ways;  // to need half
  if (layout_.mirrored) ways.emplace_back("kernel.store: lower");
  if (layout_.precision == Precision::float64) ways.emplace_back("kernel.precision: float32");
  std::string const hint = ways.empty() ? "" : text("; ", join(ways, " or ", " or "), ways.size() > 1 ? " need half" : " needs half");
  log_warning(text("the tiles to come need ", format_bytes(needed), " and the disk of ", directory_->tiles().string(), " has ",
                   format_bytes(static_cast<double>(space.available)), ". The run will stop when it is full, and keep what is finished",
                   hint, "."));
}

void KernelRun::save_parameters() const {
  if (job_.parameters.save.empty()) return;
  FiniteReading const& reading = std::get<FiniteReading>(problem_.reading);
  together(context_.comm, [&] {
    if (context_.comm.is_first()) infinitile::save_parameters(job_.parameters.save, reading, reading.parameters);
  });
}

void KernelRun::fill() {
  auto const phase = context_.report.phase("kernel");
  save_parameters();
  {
    auto const check = context_.report.phase("check finished tiles");
    store_ = open_tiles(context_.comm, directory_->tiles(), layout_, own_tiles());
  }
  std::vector<TileIndex> const own = own_tiles(), missing = store_->missing(own);
  context_.report.tiles.total = plan_.tiles;
  context_.report.tiles.reused = static_cast<long>(own.size() - missing.size());
  long const reused = context_.comm.all_reduce(context_.report.tiles.reused, Reduction::sum);
  if (reused > 0) log_info(text(reused, " of ", plan_.tiles, " tiles are finished already"));
  warn_of_little_space(static_cast<double>(plan_.tiles - reused) / static_cast<double>(plan_.tiles));
  kernel_->prepare({context_, directory_->path(), directory_->fingerprint(), distribution_, missing});
  if (layout_.precision == Precision::float32) {
    compute<float>(missing);
  } else {
    compute<double>(missing);
  }
  auto const write = context_.report.phase("write");
  together(
      context_.comm, [&] { store_->flush(); }, no_hurry);
  context_.report.tiles.bytes_written = store_->bytes_written();
}

KernelSource KernelRun::source() {
  int const outputs = outputs_in_rows();
  std::vector<long> const places = layout_.kept.as_matrix();
  auto const load = [this, outputs, places](KernelKind kind, TileIndex tile, Matrix into) {
    auto const& kernels = layout_.kernels;
    auto const kernel =
        static_cast<std::size_t>(std::find(kernels.begin(), kernels.end(), kind == KernelKind::nngp ? "nngp" : "ntk") - kernels.begin());
    INFINITILE_EXPECT(kernel < kernels.size() && into.stride == into.cols);
    std::span<double> const values(into.data, static_cast<std::size_t>(into.rows) * static_cast<std::size_t>(into.cols));
    if (layout_.precision == Precision::float64) {
      store_->get<double>(tile, kernel, values);
    } else {
      auto const single = store_->get<float>(tile, kernel);
      std::copy(single.begin(), single.end(), values.begin());
    }
    if (outputs > 1) spread_outputs(values, outputs, places, into);
  };
  auto const test_variance = [this, outputs, places](KernelKind kind) {
    auto const pairs = test_diagonal(kind == KernelKind::nngp ? "nngp" : "ntk");
    std::vector<double> variances;
    for (std::size_t first = 0; first < pairs.size(); first += places.size())
      for (int o = 0; o < outputs; ++o) variances.push_back(pairs[first + at(places[at(o * (outputs + 1))])]);
    return variances;
  };
  TileGrid const& grid = problem_.grid;
  return {TileGrid(outputs * grid.train(), outputs * grid.test(), outputs * grid.side()), load, test_variance};
}

std::string KernelRun::describe(std::string_view kind, Block block) const {
  return text(kernel_->describe(kind), ", ",
              block == Block::train_train  ? "train inputs"
              : block == Block::test_train ? "test inputs (rows) and train inputs (columns)"
                                           : "test inputs");
}

/// How the outputs of a finite network were taken together.
std::vector<h5::Attribute> KernelRun::attributes() const {
  if (job_.kernel.kind != "empirical") return {};
  return {{"trace_axes", flow_text(YAML::Node(job_.kernel.trace_axes))},
          {"diagonal_axes", flow_text(YAML::Node(job_.kernel.diagonal_axes))}};
}

std::vector<double> KernelRun::test_diagonal(std::string_view kind) {
  Communicator const& comm = context_.comm;
  if (!kernel_->keeps_diagonal()) return kernel_->test_diagonal(kind, comm);
  auto const file = directory_->tiles() / text(kind, ".diagonal");
  std::uint64_t const identity = checksum(kind, layout_.identity());
  auto known = together(
      comm, [&] { return comm.is_first() ? read_numbers(file, identity).value_or(std::vector<double>{}) : std::vector<double>{}; });
  known = comm.broadcast(std::move(known), 0);
  if (!known.empty()) return known;
  known = kernel_->test_diagonal(kind, comm);
  together(comm, [&] {
    if (comm.is_first()) write_numbers(file, identity, known);
  });
  return known;
}

/// Collective.
std::vector<Array> KernelRun::test_diagonals() {
  if (!problem_.has_test() || job_.kernel.test_test != "diagonal") return {};
  std::vector<Axis> axes{{"test_index", problem_.grid.test()}};
  for (KeptAxis const& axis : layout_.kept.axes()) axes.push_back({axis.name, axis.size});
  std::vector<Array> out;
  for (auto const& kind : layout_.kernels)
    out.push_back({"test_test/" + kind, axes, test_diagonal(kind), "diagonal: " + describe(kind, Block::test_test), "", attributes()});
  return out;
}

void KernelRun::write_result(std::vector<Array> arrays, std::vector<Note> notes) {
  auto const phase = context_.report.phase("result");
  context_.comm.barrier();  // every rank's last run of tiles is closed
  std::vector<TileRecord> const records = find_tiles_once(context_.comm, directory_->tiles(), layout_);
  std::vector<Array> diagonals = test_diagonals();
  together(context_.comm, [&] {
    if (!context_.comm.is_first()) return;
    if (std::filesystem::exists(directory_->path() / "result.h5") && !result_is_intact(directory_->path()))
      log_warning(text((directory_->path() / "result.h5").string(),
                       " is damaged (its checksum does not hold); it is written again from the tiles"));
    ResultContents contents;
    contents.tiles = directory_->tiles().lexically_relative(directory_->path()).generic_string();
    for (Block const block : blocks())
      for (auto const& kind : layout_.kernels) contents.matrices.push_back({block, kind, describe(kind, block), attributes()});
    contents.arrays = std::move(diagonals);
    std::move(arrays.begin(), arrays.end(), std::back_inserter(contents.arrays));
    contents.notes = std::move(notes);
    std::ranges::move(note_sources(problem_.data), std::back_inserter(contents.notes));
    Report const& report = context_.report;
    contents.provenance = {{"program", std::string("infinitile")},
                           {"version", std::string(version)},
                           {"git_id", std::string(git_id)},
                           {"build", std::string(build_description)},
                           {"job", echo_job(job_, problem_.sources)},
                           {"network_hash", hexadecimal(problem_.sources.network)},
                           {"fingerprint", hexadecimal(layout_.fingerprint)},
                           {"ranks", static_cast<long>(context_.comm.size())},
                           {"threads_per_rank", static_cast<long>(context_.threads)},
                           {"grid", std::vector<long>{distribution_.rows(), distribution_.cols()}},
                           {"devices", std::string("none")},
                           {"precision", job_.kernel.precision},
                           {"start", report.start},
                           {"duration_seconds", report.clock.seconds()}};
    infinitile::write_result(directory_->path(), contents, layout_, records);
    directory_->remove_other_tiles();
  });
}

}  // namespace infinitile
