#include "job/keys.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace infinitile {

namespace {

char const* const example_network = R"(
  - flatten
  - dense: {w_std: 1.4142135623730951, b_std: 0.1}
  - relu
  - dense: {w_std: 1.4142135623730951, b_std: 0.1}
  - relu
  - dense)";

std::vector<Key> make_table() {
  using enum Needs;
  using enum Touches;
  std::vector<std::string> const finite{"empirical", "monte_carlo"};
  return {
      {"name", text, nothing, "", "digits", "of the run; default: the stem of this file's name", {}},
      {"output",
       text,
       nothing,
       "",
       "digits.run",
       "directory of the results; default: NAME.run in the current directory; --output wins",
       {}},
      {"data", section, nothing, "", "", "paths are relative to this file", {}},
      {"data.train", section, nothing, "", "", "", {}},
      {"data.train.file", text, sources, "", "data/digits.h5", "HDF5; left out when x and y are .npy files", {}},
      {"data.train.x", names, sources, "x", "train/x", "(n, ...) numbers; a list for a network with several inputs; default: x", {}},
      {"data.train.y",
       text,
       results,
       "",
       "train/y",
       "(n, outputs) numbers or (n) integer labels; default: y where it exists; null: none",
       {}},
      {"data.train.mask",
       names,
       sources,
       "",
       "",
       "(n, positions...) truth values or integers: not 0 where a position is padding (masked); a list for several inputs",
       {}},
      {"data.train.pattern", text, sources, "", "", "graphs of aggregate layers: (n, v, v) weights, or (n, edges, axes, 2) integers", {}},
      {"data.test", section, nothing, "", "", "may be left out", {}},
      {"data.test.file", text, sources, "", "data/digits.h5", "", {}},
      {"data.test.x", names, sources, "x", "test/x", "default: x", {}},
      {"data.test.y", text, results, "", "test/y", "for a score of the predictions; default: y where it exists; null: none", {}},
      {"data.test.mask", names, sources, "", "", "needed where train has one: not 0 where a position is padding (masked)", {}},
      {"data.test.pattern", text, sources, "", "", "needed where train has one", {}},
      {"data.padding",
       number,
       tiles,
       "",
       "",
       "instead of masks: a position is padding (masked) where all its channels have this value, as stored",
       {}},
      {"data.shape",
       shape,
       tiles,
       "",
       "[8, 8, 1]",
       "of one input, channels last; default: as stored; a list of shapes for several inputs",
       {}},
      {"data.scale",
       scale,
       tiles,
       "none",
       "",
       "none, unit_sphere (each input to norm sqrt(d)), standardize (each feature, from train) or {per_location: {homog_mode: one, "
       "homog_scale: 1.0}} (each position, with h as one more channel, to mean square 1)",
       {"none", "unit_sphere", "standardize", "per_location"}},
      {"network",
       network,
       sources,
       "",
       example_network,
       "layers in order, {file: net.yaml}, {family: myrtle} or {onnx: net.onnx}; docs/layers.md lists them",
       {}},
      {"kernel", section, nothing, "", "", "", {}},
      {"kernel.kind",
       one_of,
       tiles,
       "infinite",
       "",
       "infinite: networks of infinite width; empirical: a finite network with its parameters; monte_carlo: the mean over random ones",
       {"infinite", "empirical", "monte_carlo"}},
      {"kernel.get", some_of, tiles, "[nngp, ntk]", "", "nngp, ntk or both", {"nngp", "ntk"}},
      {"kernel.output", whole_from_0, tiles, "", "", "of a network that ends with several outputs (parallel): which, counted from 0", {}},
      {"kernel.precision", one_of, tiles, "float64", "", "of the tiles: float64 or float32", {"float64", "float32"}},
      {"kernel.tile", auto_or_from_1, tiles, "auto", "", "rows and columns of a tile; auto: from the number of train rows", {}},
      {"kernel.test_test", one_of, results, "diagonal", "", "diagonal, full or none", {"diagonal", "full", "none"}},
      {"kernel.store",
       one_of,
       tiles,
       "full",
       "",
       "of a symmetric block write both halves (full) or the lower tiles only (lower; the rest reads as 0)",
       {"full", "lower"}},
      {"kernel.method",
       one_of,
       tiles,
       "auto",
       "",
       "of empirical tangent kernels; auto: the cheapest, layer by layer",
       {"auto", "jacobian_contraction", "ntk_vector_products", "structured_derivatives"},
       finite},
      {"kernel.trace_axes",
       axes,
       tiles,
       "[-1]",
       "",
       "of empirical kernels: output axes (batch 0, channels -1) over which the mean is taken",
       {},
       finite},
      {"kernel.diagonal_axes", axes, tiles, "[]", "", "of empirical kernels: output axes that are kept once", {}, finite},
      {"kernel.samples",
       whole_from_2,
       means,
       "100",
       "",
       "of kind monte_carlo: networks that are drawn; may be raised later, and the run goes on",
       {},
       {"monte_carlo"}},
      {"parameters", section, nothing, "", "", "of finite networks", {}},
      {"parameters.seed", seed, tiles, "0", "", "they are drawn with this seed, where no file is named", {}, finite},
      {"parameters.init",
       one_of,
       tiles,
       "gaussian",
       "",
       "how they are drawn: gaussian (deviations w_std and b_std say), suo (scaled uniform orthogonal), fan_in or lecun; biases of the "
       "last three are 0",
       {"gaussian", "suo", "fan_in", "lecun"},
       finite},
      {"parameters.file",
       text,
       sources,
       "",
       "",
       "HDF5: one dataset for each parameter, at its path, such as 3/1/0/w; or .safetensors: 3.1.0.w",
       {},
       {"empirical"}},
      {"parameters.group", text, sources, "/", "", "of the file: where these paths begin", {}, {"empirical"}},
      {"parameters.skip",
       any_names,
       tiles,
       "",
       "",
       "of an ONNX file: a list of float initializers that are constants; [] where all are parameters",
       {},
       {"empirical"}},
      {"parameters.save",
       text,
       nothing,
       "",
       "",
       "a file, .safetensors or HDF5, to write the parameters to, in float64; relative to the current directory",
       {},
       {"empirical"}},
      {"shape", section, nothing, "", "", "read by the command shape: what the maps of the whole network are to be like", {}},
      {"shape.method",
       one_of,
       nothing,
       "dks",
       "",
       "dks: slopes of C maps; tat: curvatures of C maps, of leaky_relu alone C(0)",
       {"dks", "tat"}},
      {"shape.c_slope_1_target", number, nothing, "1.5", "", "dks: the largest C'(1) of all subnetworks, above 1", {}},
      {"shape.local_q_slope_target", number, nothing, "1.0", "", "dks: Q'(1) of every activation", {}},
      {"shape.c_val_0_target", number, nothing, "0.9", "", "tat of leaky_relu: the largest C(0), from 0 to below 1", {}},
      {"shape.c_curve_target", number, nothing, "0.3", "", "tat of all others: the largest C''(1), above 0", {}},
      {"shape.subnetworks",
       mapping,
       nothing,
       "",
       "",
       "instead of those of the graph: {chain: 100}, or {blocks: [{activations: 3, shortcut_weight: 0.6, projection: false, then: 0, "
       "times: 16}], then: 1}",
       {}},
      {"posterior", section, nothing, "", "", "read by the command posterior", {}},
      {"posterior.get",
       some_of,
       results,
       "",
       "[nngp, ntk]",
       "nngp, ntk (needs both kernels), ntkgp; default: those of nngp and ntk that kernel.get allows",
       {"nngp", "ntk", "ntkgp"}},
      {"posterior.diag_reg", number_from_0, results, "1.0e-4", "", "added to the diagonal, times the mean of the train diagonal", {}},
      {"posterior.diag_reg_absolute_scale", flag, results, "false", "", "true: diag_reg is added as it is", {}},
      {"posterior.covariance", one_of, results, "diagonal", "", "diagonal, or full (needs kernel.test_test: full)", {"diagonal", "full"}},
      {"dynamics",
       section,
       nothing,
       "",
       "",
       "read by the command posterior: full-batch gradient descent of the network of an empirical kernel",
       {}},
      {"dynamics.steps",
       counts,
       results,
       "",
       "",
       "the steps at which outputs are kept, such as [0, 10, 100]; none: no training",
       {},
       {"empirical"}},
      {"dynamics.learning_rate",
       auto_or_number,
       results,
       "auto",
       "",
       "of the loss |f(x) - y|^2 / 2M, M being the number of targets; auto: half of the largest that is stable at the beginning",
       {},
       {"empirical"}},
      {"dynamics.orders",
       counts,
       results,
       "[1, 2]",
       "",
       "of Taylor expansions in the parameters, from where they began to where training has brought them",
       {},
       {"empirical"}},
      {"dynamics.save", text, nothing, "", "", "a file, as parameters.save, for the parameters after the last step", {}, {"empirical"}},
  };
}

}  // namespace

std::vector<Key> const& job_keys() {
  static std::vector<Key> const table = make_table();
  return table;
}

Key const* find_key(std::string_view path) {
  auto const found = std::ranges::find(job_keys(), path, &Key::path);
  return found == job_keys().end() ? nullptr : &*found;
}

std::vector<std::string> keys_below(std::string_view section) {
  std::string const prefix = section.empty() ? "" : std::string(section) + ".";
  std::vector<std::string> out;
  for (Key const& key : job_keys())
    if (key.path.starts_with(prefix) && key.path.find('.', prefix.size()) == std::string::npos)
      out.push_back(key.path.substr(prefix.size()));
  return out;
}

std::string default_job() {
  std::string out = "# A complete job. Only data.train and network have no default.\n";
  for (Key const& key : job_keys()) {
    auto const depth = static_cast<std::size_t>(std::ranges::count(key.path, '.'));
    std::string const name = key.path.substr(key.path.rfind('.') + 1);  // npos + 1 is 0
    bool const block = key.needs == Needs::network;
    std::string line = std::string(2 * depth, ' ') + name + ":";
    if (!block && key.needs != Needs::section) line += " " + (key.example.empty() ? key.standard : key.example);
    out += key.comment.empty() ? line : fmt::format("{:<36}# {}", line, key.comment);
    out += block ? key.example + "\n" : "\n";
  }
  return out;
}

}  // namespace infinitile
