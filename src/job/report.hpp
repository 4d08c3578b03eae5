#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "comm/communicator.hpp"

namespace infinitile {

/// Wall time of one phase of a run and of the phases inside it.
struct Phase {
  std::string name;
  double seconds = 0;
  long times = 0;  ///< how often it was entered
  std::vector<Phase> parts;
};

/// Adds up wall time per phase. Phases nest; one that is entered again goes on where it stopped.
class PhaseTimer {
public:
  /// Times the scope it lives in.
  class [[nodiscard]] Scope {
  public:
    Scope(PhaseTimer& timer, std::string const& name);
    Scope(Scope const&) = delete;
    Scope& operator=(Scope const&) = delete;
    ~Scope();

  private:
    PhaseTimer& timer_;
    Stopwatch clock_;
  };

  std::vector<Phase> const& phases() const { return root_.parts; }

private:
  Phase& current();

  Phase root_;
  std::vector<std::size_t> open_;  ///< places of the open phases, from the outermost
};

/// What a run tells scripts: OUTPUT/report.json. Every rank fills its own; collect() adds up, rank 0 writes.
/// The members of the JSON have the names of the members here; phases are {name: {seconds, times, parts: {...}}}.
struct Report {
  /// Counted by this rank.
  struct Tiles {
    long total = 0;     ///< of the job; the same on every rank
    long computed = 0;  ///< by this run
    long reused = 0;    ///< finished by an earlier run
    double bytes_written = 0;
  };
  /// Of one posterior. Scores are there when the test data have labels.
  struct Posterior {
    double ridge = 0;  ///< what was added to the diagonal
    double log_marginal_likelihood = 0;
    double log_determinant = 0;
    double residual = 0;
    std::optional<double> accuracy, nll, ece, rmse;  ///< of classes: the first three; of numbers: rmse and nll
  };

  std::string command;
  std::string job;  ///< the echo, YAML; in the JSON as an object
  int ranks = 1;
  int threads = 1;
  std::array<int, 2> grid{1, 1};
  std::vector<std::string> devices;
  std::string precision;
  std::string start = utc_now();
  std::vector<double> peak_memory;  ///< bytes, per rank
  Tiles tiles;
  std::map<std::string, Posterior> posterior;           ///< by kind: nngp, ntk, ntkgp
  std::vector<std::pair<std::string, double>> numbers;  ///< what else is worth knowing, such as rates
  std::optional<Failure> error;

  PhaseTimer timer;
  Stopwatch clock;
  std::filesystem::path directory;  ///< where it belongs; empty until the run owns one

  /// `auto const phase = report.phase("cholesky");` times the rest of the scope.
  PhaseTimer::Scope phase(std::string const& name) { return {timer, name}; }

  /// Adds the tiles of all ranks and gathers their peak memory. Collective.
  void collect(Communicator const& comm);

  /// As JSON, two spaces deep.
  std::string to_json() const;
};

/// The largest memory this process has had so far, in bytes.
double peak_memory();

}  // namespace infinitile
