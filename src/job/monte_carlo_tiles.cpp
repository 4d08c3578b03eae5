#include "job/monte_carlo_tiles.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "job/open_tiles.hpp"
#include "job/text_file.hpp"
#include "kernels/running_mean.hpp"

namespace infinitile {

namespace {

/// Each kernel, and its error.
std::vector<std::string> with_errors(std::vector<std::string> const& kernels) {
  std::vector<std::string> names;
  for (auto const& kernel : kernels) names.insert(names.end(), {kernel, kernel + "_error"});
  return names;
}

/// One rank's way through its groups of tiles, network by network. What it has in hand is saved now and then, and at the end of its life,
/// also on the way out after an error: only a kill loses networks.
template <class T>
class Sampling {
public:
  Sampling(RandomNetworks<T> const& networks, TileStore& store, std::vector<std::vector<TileIndex>> groups, int samples)
      : networks_(networks), store_(store), groups_(std::move(groups)), samples_(samples), progress_("networks", total()) {
    for (auto const& group : groups_)
      for (TileIndex const tile : group) done_ += store_.samples(tile);
  }
  Sampling(Sampling const&) = delete;
  Sampling& operator=(Sampling const&) = delete;
  ~Sampling() {
    try {
      save();
    } catch (std::exception const&) {  // what ended the run is told already
    }
  }

  bool is_done() const { return next_ == groups_.size(); }
  double total() const {
    double tiles = 0;
    for (auto const& group : groups_) tiles += static_cast<double>(group.size());
    return tiles * samples_;
  }
  double done() const { return done_; }
  long networks_drawn() const { return drawn_; }

  /// The next network, for all tiles of the group in hand.
  void step() {
    if (group_.empty())
      for (TileIndex const tile : groups_[next_]) group_.push_back(RunningTile::load(store_, tile));
    int const sample = std::ranges::min(group_, {}, &RunningTile::samples).samples;
    if (sample < samples_) {
      changed_ = true;
      done_ += static_cast<double>(std::ranges::count(group_, sample, &RunningTile::samples));
      networks_.add(sample, group_);
      ++drawn_;
      progress_.show(done_);
    }
    bool const complete = std::ranges::all_of(group_, [this](RunningTile const& t) { return t.samples == samples_; });
    if (complete || since_saved_.seconds() > limits_.seconds) save();
    if (!complete) return;
    group_.clear();
    ++next_;
  }

private:
  void save() {
    if (!std::exchange(changed_, false)) return;
    for (RunningTile const& running : group_)
      if (running.samples > store_.samples(running.tile)) running.save(store_);
    store_.flush();
    since_saved_ = {};
  }

  RandomNetworks<T> const& networks_;
  TileStore& store_;
  std::vector<std::vector<TileIndex>> groups_;
  int samples_;
  RunLimits limits_ = run_limits();
  Progress progress_;
  Stopwatch since_saved_;
  std::vector<RunningTile> group_;  ///< in hand
  std::size_t next_ = 0;
  bool changed_ = false;
  double done_ = 0;
  long drawn_ = 0;
};

/// Ranks take as many steps as a second or two has, then agree whether to go on.
template <class T>
void sample_together(Communicator const& comm, Sampling<T>& sampling) {
  long steps = 1;
  while (comm.any(!sampling.is_done())) {
    Stopwatch const clock;
    together(
        comm,
        [&] {
          for (long i = 0; i < steps && !sampling.is_done(); ++i) sampling.step();
        },
        no_hurry);
    double const slowest = comm.all_reduce(clock.seconds(), Reduction::max);
    steps = slowest < 1 ? 2 * steps : slowest > 4 ? std::max(1L, steps / 2) : steps;
  }
}

}  // namespace

MonteCarloTiles::MonteCarloTiles(Job const& job, TileGrid grid, FiniteReading reading, std::vector<InputRows> inputs)
    : TileKernel(with_errors(job.kernel.get)),
      grid_(grid),
      samples_(job.kernel.samples),
      kernels_(job.kernel.get),
      reading_(std::move(reading)),
      networks_([&]() -> decltype(networks_) {
        auto const seed = static_cast<std::uint64_t>(job.parameters.seed);
        if (precision_of(job) == Precision::float64) return RandomNetworks<double>(grid, reading_, kernels_, seed, std::move(inputs));
        return RandomNetworks<float>(grid, reading_, kernels_, seed, std::move(inputs));
      }()) {}

void MonteCarloTiles::prepare(TileWork const& work) {
  std::vector<TileIndex> wanted = work.missing;
  std::ranges::copy(own_test_tiles(work), std::back_inserter(wanted));
  std::ranges::sort(wanted);
  wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
  open_means(work, wanted);
  draw_networks(work, wanted);
  fill_test_diagonals(work);
  work.context.comm.barrier();  // what earlier runs left is outdated on all ranks
  together(work.context.comm, [&] {
    if (work.context.comm.is_first()) static_cast<void>(find_tiles(work.directory / "samples", means_->layout()));
  });
}

std::vector<TileIndex> MonteCarloTiles::own_test_tiles(TileWork const& work) const {
  std::vector<TileIndex> own;
  for (int t = grid_.train_tiles(); t < grid_.tiles(); ++t)
    if (work.distribution.owner({t, t}) == work.context.comm.rank()) own.push_back({t, t});
  return own;
}

void MonteCarloTiles::open_means(TileWork const& work, std::vector<TileIndex> const& wanted) {
  Communicator const& comm = work.context.comm;
  std::filesystem::path const directory = work.directory / "samples";
  means_ = open_tiles(comm, directory, layout_of_means(grid_, kernels_, work.fingerprint), wanted);
  together(comm, [&] {
    for (TileIndex const tile : wanted)
      if (int const there = means_->samples(tile); there > samples_)
        throw Error(text(shown(directory), " has means over ", there, " networks and kernel.samples is ", samples_,
                         "; means over fewer are not kept. Set kernel.samples to ", there, " or more, or choose another --output."));
  });
}

void MonteCarloTiles::draw_networks(TileWork const& work, std::vector<TileIndex> const& wanted) {
  Context const& context = work.context;
  auto const phase = context.report.phase("networks");
  std::visit(
      [&]<class T>(RandomNetworks<T> const& networks) {
        auto groups = together(context.comm, [&] { return groups_of(wanted, grid_, reading_, static_cast<int>(kernels_.size())); });
        Sampling<T> sampling(networks, *means_, std::move(groups), samples_);
        double const total = context.comm.all_reduce(sampling.total(), Reduction::sum),
                     done = context.comm.all_reduce(sampling.done(), Reduction::sum);
        if (done > 0) log_info(text(static_cast<long>(100 * done / total), " % of the networks are in the means already"));
        auto const count = [&] { context.report.numbers.emplace_back("networks_drawn", static_cast<double>(sampling.networks_drawn())); };
        try {
          sample_together(context.comm, sampling);
        } catch (std::exception const&) {
          count();
          throw;
        }
        count();
      },
      networks_);
}

void MonteCarloTiles::fill_test_diagonals(TileWork const& work) {
  Communicator const& comm = work.context.comm;
  for (auto const& name : names()) test_diagonals_[name].assign(at(grid_.test()), 0);
  together(comm, [&] {
    std::vector<Values<double>> values;
    for (TileIndex const tile : own_test_tiles(work)) {
      compute_as<double>({tile}, values);
      Range const rows = grid_.range(tile.row);
      for (std::size_t k = 0; k < names().size(); ++k)
        for (long i = 0; i < rows.size(); ++i)
          test_diagonals_[names()[k]][at(rows.first + i)] = values.front().kernels[k][at(i * (rows.size() + 1))];
    }
  });
  // All ranks but one have 0, so that the sum is that rank's number to the last bit.
  for (auto const& name : names()) comm.all_reduce(std::span(test_diagonals_[name]), Reduction::sum);
}

template <class T>
void MonteCarloTiles::compute_as(std::vector<TileIndex> const& tiles, std::vector<Values<T>>& values) const {
  values.resize(tiles.size());
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    RunningTile const running = RunningTile::load(*means_, tiles[t]);
    INFINITILE_EXPECT(running.samples == samples_);
    values[t].tile = tiles[t];
    values[t].kernels.resize(names().size());
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      auto const& [means, squares] = running.kernels[k];
      LaunchVector<T>& errors = values[t].kernels[2 * k + 1];
      values[t].kernels[2 * k].assign(means.begin(), means.end());
      errors.resize(squares.size());
      standard_errors<T>(squares, samples_, errors);
    }
  }
}

std::string MonteCarloTiles::describe(std::string_view kind) const {
  std::string const kernel =
      kind.starts_with("nngp") ? "mean over the outputs of f(x) f(x')" : "empirical tangent kernel, mean over the outputs";
  std::string const mean = text("mean over ", samples_, " random finite networks of the ", kernel);
  return kind.ends_with("_error") ? text("standard error of the ", mean) : mean;
}

}  // namespace infinitile
