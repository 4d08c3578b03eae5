#include "solve/posterior.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"
#include "drivers/commands.hpp"
#include "drivers/dynamics_output.hpp"
#include "job/kernel_run.hpp"
#include "job/saves.hpp"
#include "job/text_file.hpp"
#include "job/training_state.hpp"
#include "solve/calibration.hpp"

namespace infinitile {

namespace {

PosteriorKind kind_from(std::string const& word) {
  return word == "nngp" ? PosteriorKind::nngp : word == "ntk" ? PosteriorKind::ntk : PosteriorKind::ntkgp;
}

std::string name_of(PosteriorKind kind) {
  return kind == PosteriorKind::nngp ? "nngp" : kind == PosteriorKind::ntk ? "ntk" : "ntkgp";
}

PosteriorOptions options_from(Job const& job) {
  PosteriorOptions options;
  for (auto const& word : job.posterior.get) options.get.push_back(kind_from(word));
  options.diag_reg = job.posterior.diag_reg;
  options.scale = job.posterior.absolute ? RidgeScale::absolute : RidgeScale::relative;
  options.covariance = job.posterior.covariance == "full" ? Covariance::full : Covariance::diagonal;
  return options;
}

/// Lower tiles from all ranks, as a whole symmetric matrix on rank 0: [row input][column input][row output][column output].
std::vector<double> gather(Communicator const& comm, Distribution const& distribution, TileGrid const& grid, TileMatrix const& lower,
                           long outputs) {
  long const inputs = grid.test() / outputs;
  std::vector<double> out(comm.is_first() ? static_cast<std::size_t>(grid.test() * grid.test()) : 0);
  auto const entry = [&](long row, long col) -> double& {
    long const pair = row / outputs * inputs + col / outputs;
    return out[static_cast<std::size_t>((pair * outputs + row % outputs) * outputs + col % outputs)];
  };
  for (TileIndex const t : grid.tiles_of(Block::test_test)) {
    int const owner = distribution.owner(t);
    std::vector<double> tile;
    if (comm.rank() == owner) {
      ConstMatrix const from = lower.at(t);
      for (int i = 0; i < from.rows; ++i) tile.insert(tile.end(), from.row(i), from.row(i) + from.cols);
    }
    if (owner != 0 && comm.rank() == owner) static_cast<void>(comm.start_send(std::move(tile), 0, 1).wait());
    if (!comm.is_first()) continue;
    if (owner != 0) {
      tile.resize(static_cast<std::size_t>(grid.height(t)) * static_cast<std::size_t>(grid.width(t)));
      tile = comm.start_receive(std::move(tile), owner, 1).wait();
    }
    Range const rows = grid.range(t.row), cols = grid.range(t.col);
    for (long i = 0; i < rows.size(); ++i)
      for (long j = 0; j < cols.size(); ++j) {
        if (t.row == t.col && j > i) continue;
        double const value = tile[static_cast<std::size_t>(i * cols.size() + j)];
        entry(rows.first + i, cols.first + j) = entry(cols.first + j, rows.first + i) = value;
      }
  }
  return out;
}

/// What a posterior leaves in result.h5 and in the report.
class Output {
public:
  Output(Job const& job, Context const& context, KernelRun const& run) : job_(job), context_(context), run_(run) {}

  void add(Posterior const& posterior) {
    std::string const path = "posterior/" + name_of(posterior.kind);
    add_arrays(path, posterior);
    Report::Posterior summary{
        posterior.ridge, posterior.log_marginal_likelihood, posterior.log_determinant, posterior.residual, {}, {}, {}, {}};
    add_scores(posterior, summary);
    std::vector<h5::Attribute> attributes{{"diag_reg", job_.posterior.diag_reg},
                                          {"diag_reg_absolute_scale", static_cast<long>(job_.posterior.absolute)},
                                          {"ridge", posterior.ridge},
                                          {"log_marginal_likelihood", posterior.log_marginal_likelihood},
                                          {"log_determinant", posterior.log_determinant},
                                          {"residual", posterior.residual}};
    for (auto const& [name, value] : {std::pair("accuracy", summary.accuracy), std::pair("rmse", summary.rmse),
                                      std::pair("nll", summary.nll), std::pair("ece", summary.ece)})
      if (value) attributes.push_back({name, *value});
    notes.push_back({path, std::move(attributes)});
    context_.report.posterior[name_of(posterior.kind)] = summary;
  }

  void add(DynamicsResult dynamics) {
    std::ranges::move(dynamics.arrays, std::back_inserter(arrays));
    std::ranges::move(dynamics.notes, std::back_inserter(notes));
  }

  /// One line per kind, for people.
  void print() const {
    if (!context_.comm.is_first()) return;
    bool const classes = run_.problem().data.train.classes > 0;
    fmt::print("{:<7} {:>9} {:>8} {:>8} {:>24} {:>11}\n", "kind", classes ? "accuracy" : "rmse", "nll", classes ? "ece" : "",
               "log marginal likelihood", "residual");
    auto const score = [](std::optional<double> const& value) { return value ? fmt::format("{:.4f}", *value) : std::string("-"); };
    for (auto const& kind : job_.posterior.get) {
      Report::Posterior const& p = context_.report.posterior.at(kind);
      fmt::print("{:<7} {:>9} {:>8} {:>8} {:>24.2f} {:>11.1e}\n", kind, score(classes ? p.accuracy : p.rmse), score(p.nll),
                 classes ? score(p.ece) : "", p.log_marginal_likelihood, p.residual);
    }
    fmt::print("results in {}\n", shown(job_.output / "result.h5"));
    std::fflush(stdout);
  }

  std::vector<Array> arrays;
  std::vector<Note> notes;

private:
  void add_arrays(std::string const& path, Posterior const& posterior) {
    Problem const& problem = run_.problem();
    long const m = problem.grid.test(), rows = run_.outputs_in_rows();
    Axis const test{"test_index", m}, output{"output", problem.data.train.outputs};
    bool const blocks = rows > 1;
    arrays.push_back({path + "/mean", {test, output}, posterior.mean, "posterior mean of the outputs at the test inputs", "", {}});
    arrays.push_back({path + "/variance",
                      blocks ? std::vector{test, output} : std::vector{test},
                      posterior.variance,
                      text("posterior variance of ", blocks ? "each" : "an", " output at the test inputs, without noise"),
                      "",
                      {}});
    if (!posterior.covariance) return;
    TileGrid const grid(rows * problem.grid.train(), rows * m, static_cast<int>(rows) * problem.grid.side());
    arrays.push_back(
        {path + "/covariance",
         blocks ? std::vector{test, test, output, output} : std::vector{test, test},
         gather(context_.comm, run_.distribution(), grid, *posterior.covariance, rows),
         blocks ? "posterior covariance between the outputs at test inputs" : "posterior covariance of an output between test inputs",
         "",
         {}});
  }

  /// With labels or targets of the test inputs. Probabilities of classes are known for outputs that are independent and of one variance.
  void add_scores(Posterior const& posterior, Report::Posterior& summary) const {
    Dataset const& test = *run_.problem().data.test;
    if (test.classes > 0) {
      std::vector<int> const labels(test.labels.begin(), test.labels.end());
      int const outputs = static_cast<int>(run_.problem().data.train.outputs);
      summary.accuracy = share_of_right(posterior.mean, labels, outputs);
      if (run_.outputs_in_rows() > 1) return;
      Calibration const scores = calibration(posterior.mean, posterior.variance, posterior.ridge, labels, outputs);
      summary.nll = scores.negative_log_likelihood;
      summary.ece = scores.expected_calibration_error;
    } else if (!test.y.empty()) {
      Accuracy const scores = accuracy_of(posterior.mean, posterior.variance, posterior.ridge, test.y);
      summary.rmse = scores.root_mean_square_error;
      summary.nll = scores.negative_log_likelihood;
    }
  }

  Job const& job_;
  Context const& context_;
  KernelRun const& run_;
};

}  // namespace

namespace {

/// Training, and where its parameters are wanted.
Dynamics train_network(Job const& job, Context const& context, KernelRun const& run, TrainingFile const& file) {
  auto const phase = context.report.phase("dynamics");
  FiniteReading const& reading = std::get<FiniteReading>(run.problem().reading);
  Dynamics dynamics = train(reading, run.problem().data, job.dynamics, file, context.comm);
  together(context.comm, [&] {
    if (context.comm.is_first() && !job.dynamics.save.empty()) save_parameters(job.dynamics.save, reading, dynamics.parameters);
  });
  return dynamics;
}

}  // namespace

// infinitile posterior JOB.yaml: predictions at the test inputs, from the kernel blocks; those that are missing are computed first.
void predict(Job const& job, Context const& context) {
  if (!job.data.test)
    throw Error(text(job.file.string(), ": data.test is missing, and a posterior needs inputs to predict at. Add data.test."));
  KernelRun run(job, context, Purpose::posterior);
  run.fill();
  Output output(job, context, run);
  {
    auto const phase = context.report.phase("posterior");
    ProcessGrid const grid(context.comm, run.distribution());
    Dataset const& train = run.problem().data.train;
    Targets const targets{train.y, run.outputs_in_rows() > 1 ? 1 : static_cast<int>(train.outputs)};
    for (Posterior const& posterior : predict(grid, run.source(), targets, options_from(job))) output.add(posterior);
  }
  TrainingFile const file(run.directory().path() / "training.h5",
                          training_key(run.directory().fingerprint(), run.problem().data.train, job.dynamics), context.comm);
  std::optional<Dynamics> dynamics;
  if (!job.dynamics.steps.empty()) {
    dynamics = train_network(job, context, run, file);
    output.add(describe_dynamics(*dynamics, run.problem().data, job.dynamics.orders));
  }
  run.write_result(std::move(output.arrays), std::move(output.notes));
  if (dynamics) file.remove();
  if (dynamics && context.comm.is_first()) print_dynamics(*dynamics, run.problem().data, job.dynamics.orders);
  output.print();
}

}  // namespace infinitile
