#include "store/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "store/hdf5.hpp"
#include "store/mask.hpp"
#include "store/raw_array.hpp"
#include "store/scaling.hpp"

namespace infinitile {

namespace {

InputArray load_input(std::string const& file, std::string const& path, std::vector<long> const& wanted) {
  RawArray array = read_array(file, path);
  std::string const name = array.source.name();
  if (array.shape.size() < 2)
    throw Error(
        text(name, " has shape ", shape_text(array.shape),
             "; inputs need one row per sample: (rows, features) or (rows, height, width, channels); single numbers are (rows, 1)."));
  if (array.values.empty())
    throw Error(text(name, " has shape ", shape_text(array.shape), ", so no values. At least one row and one feature are needed."));
  std::vector<long> const stored(array.shape.begin() + 1, array.shape.end());
  if (!wanted.empty() && product(wanted) != product(stored))
    throw Error(text("data.shape ", shape_text(wanted), " has ", product(wanted), " values, but a sample of ", name, " has shape ",
                     shape_text(stored), " with ", product(stored), ". Correct data.shape or leave it out."));
  return {std::move(array.source), wanted.empty() ? stored : wanted, std::move(array.values)};
}

/// What covers an input, as a job says it.
struct Cover {
  std::string key;  ///< "data.train.mask"
  std::vector<std::string> masks;
  std::optional<double> padding;
};

/// What is masked becomes 0; the rest has to be finite.
void cover_input(InputArray& input, std::string const& file, Cover const& cover, std::size_t number) {
  if (!cover.masks.empty()) take_mask(input, read_array(file, cover.masks[number]), cover.key);
  if (cover.padding) mask_padding(input, *cover.padding);
  clear_masked(input);
  expect_finite(input.source, {std::ssize(input.values) / input.features(), input.features()}, input.values);
}

void load_pattern(Dataset& dataset, RawArray array, std::string const& key) {
  if (array.shape.empty() || array.shape[0] != dataset.rows)
    throw Error(text(key, ", ", array.source.name(), ", has shape ", shape_text(array.shape), "; its first axis has to be the ",
                     dataset.rows, " rows of ", dataset.inputs[0].source.name(), ", one graph for each."));
  expect_finite(array.source, array.shape, array.values);
  dataset.pattern = GraphArray{std::move(array.source), std::move(array.shape), array.integral, std::move(array.values)};
}

/// Labels as they stand; what their classes are is known when train is.
void take_labels(Dataset& dataset, RawArray const& array) {
  constexpr double most = 1e6;  // a column per class: more is a mistake, such as an id in place of a label
  for (std::size_t row = 0; row < array.values.size(); ++row) {
    double const label = array.values[row];
    if (label < 0 || label > most)
      throw Error(text("the label at row ", row, " of ", array.source.name(), " is ", label, "; labels are counted from 0 without gaps."));
    dataset.labels.push_back(static_cast<long>(label));
  }
}

void load_targets(Dataset& dataset, RawArray array) {
  std::string const name = array.source.name();
  if (array.shape.empty() || array.shape.size() > 2)
    throw Error(text(name, " has shape ", shape_text(array.shape), "; targets need (rows, outputs) floats or (rows,) integer labels."));
  if (array.shape[0] != dataset.rows)
    throw Error(text(name, " has ", array.shape[0], " rows, but ", dataset.inputs[0].source.name(), " has ", dataset.rows,
                     ". Each input needs its target."));
  if (array.values.empty()) throw Error(text(name, " has shape ", shape_text(array.shape), ", so no outputs. At least one is needed."));
  expect_finite(array.source, array.shape, array.values);
  long const outputs = product(array.shape, 1);
  dataset.target_source = array.source;
  if (array.integral && outputs == 1) return take_labels(dataset, array);
  auto const whole = [](double value) { return value >= 0 && value == std::floor(value); };
  if (outputs == 1 && dataset.rows > 2 && std::all_of(array.values.begin(), array.values.end(), whole))
    log_warning(text(name, " holds whole numbers as floats and is taken as one real output; labels of classes must be integers"));
  dataset.outputs = outputs;
  dataset.y = std::move(array.values);
}

/// The path of the targets, or nothing.
std::optional<std::string> target_path(DatasetSpec const& spec) {
  if (spec.y || spec.file.empty() || !spec.has_targets) return spec.y;
  auto const paths = h5::dataset_paths(h5::open_file(spec.file));
  return std::find(paths.begin(), paths.end(), "y") != paths.end() ? std::optional<std::string>("y") : std::nullopt;
}

std::vector<std::string> input_paths(DatasetSpec const& spec) {
  return spec.x.empty() ? std::vector<std::string>{"x"} : spec.x;
}

std::vector<std::string> files_of(DatasetSpec const& spec) {
  if (!spec.file.empty()) return {spec.file};
  std::vector<std::string> files = input_paths(spec);
  if (spec.y) files.push_back(*spec.y);
  files.insert(files.end(), spec.mask.begin(), spec.mask.end());
  if (spec.pattern) files.push_back(*spec.pattern);
  return files;
}

Dataset load_one(DatasetSpec const& spec, std::string const& key, DataSpec const& all) {
  std::vector<std::vector<long>> const& shapes = all.shapes;
  std::vector<std::string> const paths = input_paths(spec);
  if (spec.file.empty() && !paths[0].ends_with(".npy"))
    throw Error(
        text("data.", key, " has neither an HDF5 file nor a .npy file. Write {file: data.h5, x: x, y: y} or {x: x.npy, y: y.npy}."));
  if (!shapes.empty() && shapes.size() != paths.size())
    throw Error(text("data.shape has ", shapes.size(), " shapes, but data.", key, " has ", paths.size(),
                     " inputs. One shape per input is needed."));
  Cover const cover{text("data.", key, ".mask"), spec.mask, all.padding};
  if (!spec.mask.empty() && spec.mask.size() != paths.size())
    throw Error(text(cover.key, " has ", spec.mask.size(), " names, but data.", key, " has ", paths.size(),
                     " inputs. One mask per input is needed."));
  Dataset dataset;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    dataset.inputs.push_back(load_input(spec.file, paths[i], shapes.empty() ? std::vector<long>{} : shapes[i]));
    InputArray &input = dataset.inputs.back(), &first = dataset.inputs.front();
    cover_input(input, spec.file, cover, i);
    long const rows = std::ssize(input.values) / input.features();
    if (i > 0 && rows != dataset.rows)
      throw Error(text(input.source.name(), " has ", rows, " rows, but ", first.source.name(), " has ", dataset.rows,
                       ". All inputs need the same rows."));
    dataset.rows = rows;
  }
  if (all.padding && std::ranges::all_of(dataset.inputs, [](InputArray const& input) { return input.shape.size() < 2; }))
    throw Error(text("data.padding masks positions, but a sample of ", dataset.inputs[0].source.name(), " has shape ",
                     shape_text(dataset.inputs[0].shape),
                     ", channels alone. Give data.shape, such as [8, 8, 1], or leave data.padding out."));
  if (spec.pattern) load_pattern(dataset, read_array(spec.file, *spec.pattern), text("data.", key, ".pattern"));
  if (auto const path = target_path(spec)) load_targets(dataset, read_array(spec.file, *path));
  return dataset;
}

void expect_same_inputs(Dataset const& train, Dataset const& test) {
  if (train.inputs.size() != test.inputs.size())
    throw Error(text("data.train has ", train.inputs.size(), " inputs, but data.test has ", test.inputs.size(), ". Both need the same."));
  for (std::size_t i = 0; i < train.inputs.size(); ++i) {
    InputArray const &a = train.inputs[i], &b = test.inputs[i];
    if (a.shape != b.shape)
      throw Error(text("a sample of ", b.source.name(), " has shape ", shape_text(b.shape), ", but one of ", a.source.name(), " has ",
                       shape_text(a.shape), ". Test and train need the same."));
  }
}

/// Centred one-hot rows. `classes` are those of train.
void encode_labels(Dataset& dataset, long classes) {
  auto const too_large = std::find_if(dataset.labels.begin(), dataset.labels.end(), [&](long label) { return label >= classes; });
  if (too_large != dataset.labels.end())
    throw Error(text("the label at row ", too_large - dataset.labels.begin(), " of ", dataset.target_source->name(), " is ", *too_large,
                     ", but the labels of train go from 0 to ", classes - 1, ". Every class needs rows in train."));
  double const share = 1.0 / static_cast<double>(classes);
  dataset.classes = dataset.outputs = classes;
  dataset.y.assign(static_cast<std::size_t>(dataset.rows * classes), -share);
  for (long row = 0; row < dataset.rows; ++row)
    dataset.y[static_cast<std::size_t>(row * classes + dataset.labels[static_cast<std::size_t>(row)])] = 1 - share;
}

void settle_targets(Data& data) {
  Dataset& train = data.train;
  if (!train.labels.empty()) {
    long const classes = 1 + *std::max_element(train.labels.begin(), train.labels.end());
    if (classes > train.rows)
      throw Error(text("the labels of ", train.target_source->name(), " go up to ", classes - 1, " with ", train.rows,
                       " rows; labels are counted from 0 without gaps. Number them anew, or store y as floats for regression."));
    if (classes < 2) throw Error(text("all labels of ", train.target_source->name(), " are 0. At least two classes are needed."));
    encode_labels(train, classes);
  }
  if (!data.test || !data.test->target_source) return;
  Dataset& test = *data.test;
  if (!train.target_source) {
    log_warning(text(test.target_source->name(), " is not used: train has no targets"));
    test.target_source.reset();
    test.outputs = 0;
    test.y.clear();
    test.labels.clear();
    return;
  }
  if (test.labels.empty() != train.labels.empty())
    throw Error(text(test.target_source->name(), " holds ", test.labels.empty() ? "floats" : "integer labels", ", but ",
                     train.target_source->name(), " holds ", train.labels.empty() ? "floats" : "integer labels", ". Both need the same."));
  if (train.classes > 0) return encode_labels(test, train.classes);
  if (test.outputs != train.outputs)
    throw Error(text(test.target_source->name(), " has ", test.outputs, " outputs, but ", train.target_source->name(), " has ",
                     train.outputs, ". Both need the same."));
}

}  // namespace

std::string ArraySource::name() const {
  return path.empty() ? file : path + " of " + file;
}

long InputArray::features() const {
  return product(shape);
}

Scale parse_scale(std::string_view word) {
  std::vector<std::string> const names{"none", "unit_sphere", "standardize", "per_location"};
  auto const at = std::find(names.begin(), names.end(), word);
  if (at == names.end())
    throw Error(text("data.scale ", word, " is not known; it is one of ", join(names, ", ", " or "), ".", did_you_mean(word, names)));
  return static_cast<Scale>(at - names.begin());
}

Data load_data(DataSpec const& spec) {
  Data data{load_one(spec.train, "train", spec), std::nullopt};
  if (spec.test) {
    data.test = load_one(*spec.test, "test", spec);
    expect_same_inputs(data.train, *data.test);
  }
  settle_targets(data);
  scale_inputs(data, spec.scale, spec.per_location);
  return data;
}

FileHashes hash_files(DataSpec const& spec) {
  FileHashes hashes;
  auto const add = [&](DatasetSpec const& part) {
    for (std::string const& file : files_of(part))
      if (!hashes.contains(file)) hashes.emplace(file, file_sha256(file));
  };
  add(spec.train);
  if (spec.test) add(*spec.test);
  return hashes;
}

void give_hashes(Data& data, FileHashes const& hashes) {
  auto const give = [&](Dataset& dataset) {
    for (InputArray& input : dataset.inputs) {
      input.source.sha256 = hashes.at(input.source.file);
      if (input.mask_source) input.mask_source->sha256 = hashes.at(input.mask_source->file);
    }
    if (dataset.pattern) dataset.pattern->source.sha256 = hashes.at(dataset.pattern->source.file);
    if (dataset.target_source) dataset.target_source->sha256 = hashes.at(dataset.target_source->file);
  };
  give(data.train);
  if (data.test) give(*data.test);
}

}  // namespace infinitile
