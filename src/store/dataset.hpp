#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace infinitile {

/// Where one data set lies, as a job file says it.
struct DatasetSpec {
  std::string file;                      ///< an HDF5 file; empty when x and y are .npy files
  std::vector<std::string> x;            ///< one for each input of the network: path in the file, or .npy file; empty: `x`
  std::optional<std::string> y;          ///< not named: `y` of the file where it exists
  std::vector<std::string> mask{};       ///< one for each input, as x; empty: nothing is padding
  std::optional<std::string> pattern{};  ///< the graphs of aggregate layers
  bool has_targets = true;               ///< false: none, also where the file has a `y`
};

/// What is done to the inputs: nothing; each input to norm sqrt(d); each feature to mean 0 and deviation 1, both taken from train; each position
/// of each input to mean square 1.
enum class Scale { none, unit_sphere, standardize, per_location };
Scale parse_scale(std::string_view word);

/// What is put beside the channels of each position before they are divided by the root of their mean square.
struct PerLocation {
  enum class Mode {
    one,    ///< `scale`
    avg_q,  ///< `scale` times the root of the input's mean square
    off     ///< nothing
  };
  Mode mode = Mode::one;
  double scale = 1;

  /// Of one sample, with the channel that comes to it.
  std::vector<long> shape_after(std::vector<long> shape) const {
    shape.back() += mode == Mode::off ? 0 : 1;
    return shape;
  }
};

struct DataSpec {
  DatasetSpec train;
  std::optional<DatasetSpec> test;
  std::vector<std::vector<long>> shapes;  ///< of one sample of each input, channels last; empty: as in the file
  Scale scale = Scale::none;
  std::optional<double> padding{};  ///< positions all of whose channels have this value are masked
  PerLocation per_location{};       ///< of that scale
};

/// Where an array came from.
struct ArraySource {
  std::string file;
  std::string path;    ///< empty for .npy
  std::string sha256;  ///< empty until give_hashes

  /// For messages: train/x of digits.h5.
  std::string name() const;
};

/// What one input of a network gets.
struct InputArray {
  ArraySource source;
  std::vector<long> shape;              ///< of one sample
  std::vector<double> values;           ///< [rows, features], row by row; 0 at masked positions
  std::vector<unsigned char> masked{};  ///< [rows, positions], 1 where a position is padding; empty without a mask
  std::optional<ArraySource> mask_source{};

  long features() const;
  /// Is the number at values[i] part of the padding?
  bool is_masked(std::size_t i) const { return !masked.empty() && masked[i / static_cast<std::size_t>(shape.back())] != 0; }
};

/// The graphs of aggregate layers as their file has them; what the shape means depends on the layer.
struct GraphArray {
  ArraySource source;
  std::vector<long> shape;  ///< begins with the rows
  bool integral = false;
  std::vector<double> values;
};

/// Inputs and, where there are any, targets.
struct Dataset {
  long rows = 0;
  std::vector<InputArray> inputs;  ///< at least one
  std::optional<GraphArray> pattern;

  std::optional<ArraySource> target_source;
  long outputs = 0;          ///< 0 without targets
  std::vector<double> y;     ///< [rows, outputs]; of labels the centred one-hot rows
  long classes = 0;          ///< 0 unless the targets are labels
  std::vector<long> labels;  ///< [rows] where there are classes
};

struct Data {
  Dataset train;
  std::optional<Dataset> test;
};

/// Reads, checks and scales the data of a job. Whatever is wrong with it throws an Error of one line that names file, dataset, what was
/// found and what is needed. Labels become rows of 1 - 1/C and -1/C, where C is one more than the largest label of train.
Data load_data(DataSpec const& spec);

/// The SHA-256 of each file of the data, by its name. Apart from load_data, because it takes longer than reading: another rank has time.
using FileHashes = std::map<std::string, std::string>;
FileHashes hash_files(DataSpec const& spec);
void give_hashes(Data& data, FileHashes const& hashes);

}  // namespace infinitile
