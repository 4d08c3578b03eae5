#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "shaping/block_map.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// One checked job file: no key left unread, defaults filled in, paths complete. INTERFACE of the keys: job/keys.cpp, printed by
/// --defaults.
struct Job {
  struct Source {
    std::string file;               ///< HDF5; empty when x and y are .npy files
    std::vector<std::string> x;     ///< one per input of the network: datasets of `file`, or .npy files
    std::string y;                  ///< empty: not said
    bool has_targets = true;        ///< false: y is null, also where the file has a dataset of that name
    std::vector<std::string> mask;  ///< one per input, as x; empty: none
    std::string pattern;            ///< empty: none
  };
  struct Data {
    Source train;
    std::optional<Source> test;
    std::vector<std::vector<long>> shapes;  ///< of one sample, one per input; empty: as stored
    std::string scale;                      ///< none, unit_sphere, standardize, per_location
    PerLocation per_location;               ///< of scale per_location
    std::optional<double> padding;          ///< what stands at masked positions
  };
  struct Kernel {
    std::string kind;              ///< infinite, empirical, monte_carlo
    std::vector<std::string> get;  ///< nngp, ntk
    std::optional<int> output;     ///< of several: which
    std::string precision;         ///< float64, float32
    std::optional<int> tile;       ///< none: automatic
    std::string test_test;         ///< diagonal, full, none
    std::string store;             ///< full, lower
    // Of finite networks, kinds empirical and monte_carlo:
    std::string method;  ///< auto, jacobian_contraction, ntk_vector_products, structured_derivatives
    std::vector<int> trace_axes, diagonal_axes;
    int samples = 0;  ///< of kind monte_carlo: networks that are drawn
    bool is_finite() const { return kind != "infinite"; }
    bool is_sampled() const { return kind == "monte_carlo"; }
    /// The side of a tile for this many train rows.
    int side(long train, double pair_flops = 0) const;
  };
  /// Of a finite network.
  struct Parameters {
    long seed = 0;
    std::string init;  ///< gaussian, suo, fan_in, lecun
    std::string file;  ///< empty: they are drawn, or those of an ONNX file
    std::string group;
    /// Initializers of an ONNX file that are no parameters; not given: doubts about some are told.
    std::optional<std::vector<std::string>> skip;
    std::string save;  ///< where they are written to; empty: nowhere
  };
  struct Posterior {
    std::vector<std::string> get;  ///< nngp, ntk, ntkgp
    double diag_reg = 0;
    bool absolute = false;   ///< diag_reg is not relative to the mean of the train diagonal
    std::string covariance;  ///< diagonal, full
  };

  /// Gradient descent of a finite network.
  struct Dynamics {
    std::vector<int> steps;               ///< empty: none is wanted
    std::optional<double> learning_rate;  ///< none: automatic
    std::vector<int> orders;
    std::string save;  ///< empty: nowhere
  };

  /// Of the command shape.
  struct Shape {
    std::string method;  ///< dks, tat
    double c_slope_1_target = 0, local_q_slope_target = 0, c_val_0_target = 0, c_curve_target = 0;
    std::optional<BlockMap> subnetworks;  ///< none: read off the graph
  };

  std::filesystem::path file;  ///< where it was read from
  std::string name;
  std::filesystem::path output;  ///< absolute
  Data data;
  Kernel kernel;
  Parameters parameters;
  Posterior posterior;
  Shape shape;
  Dynamics dynamics;
  YAML::Node network;             ///< as written, with --set; build_network of job/network.hpp reads it
  std::filesystem::path onnx;     ///< of {onnx: net.onnx}, complete; empty: the network is in the network language
  std::string network_overrides;  ///< the --set options that changed the network, for messages
  YAML::Node complete;            ///< every key with its value, paths absolute: what job.yaml echoes
};

/// What the command line changes in a job file.
struct JobOptions {
  std::vector<std::string> overrides;           ///< key.path=value, of --set
  std::optional<std::filesystem::path> output;  ///< of --output; wins
};

/// Reads and checks a job file. Throws Error with file, line and key.
Job read_job(std::filesystem::path const& file, JobOptions const& options = {});

/// The same from text; `file` is for messages, and paths are relative to its directory.
Job parse_job(std::string const& words, std::filesystem::path const& file, JobOptions const& options = {});

/// Do the inputs of a job have masked positions?
bool has_masks(Job const& job);

/// True when `word` is in the list: wants(job.kernel.get, "ntk").
bool wants(std::vector<std::string> const& list, std::string_view word);

}  // namespace infinitile
