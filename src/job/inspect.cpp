#include "job/inspect.hpp"

#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "finite/compile.hpp"
#include "infinite/compile_positions.hpp"
#include "infinite/program.hpp"
#include "job/data.hpp"
#include "job/inspect_finite.hpp"
#include "job/inspect_onnx.hpp"
#include "job/network.hpp"
#include "job/onnx_reading.hpp"
#include "job/parameters_file.hpp"
#include "job/problem.hpp"
#include "job/safetensors.hpp"
#include "job/text_file.hpp"
#include "kernels/activation.hpp"
#include "net/print.hpp"
#include "net/reader.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

using Shapes = std::vector<std::vector<long>>;

/// How pairs of inputs with positions are computed, and what that costs; or why they are not. `compile` makes the program.
template <class Compile>
std::string cost_in_words(Network const& network, Compile compile) {
  try {
    InfiniteProgram const program = compile();
    if (!acts_on_positions(network)) return "";
    InfiniteCost const cost = cost_of(program);
    std::string const way = cost.stages == 0   ? "layer by layer"
                            : cost.stages == 1 ? "plane by plane"
                                               : fmt::format("plane by plane, in {} stages between pools", cost.stages);
    return fmt::format("infinite width: {}; {} flops per pair of inputs, {} in hand per pair, {} kept per input\n", way,
                       format_count(cost.pair_flops), format_bytes(8 * cost.pair_numbers), format_bytes(8 * cost.row_numbers));
  } catch (Error const& error) {
    return text("infinite width: no. ", error.what(), "\n");
  }
}

/// A column with these words, one for each node.
TableColumn column_of(Network const& network, std::string title, std::vector<std::string> words) {
  return {std::move(title), [&network, words = std::move(words)](Node const& node) {
            return words[static_cast<std::size_t>(&node - network.nodes().data())];
          }};
}

std::string describe_infinite(Job const& job, Network const& network) {
  auto const compile = [&] {
    bool const graphs = !job.data.train.pattern.empty();
    return compile_infinite(network, masks_of(job), graphs ? graphs_of(network, load_data(data_spec(job))) : std::vector<Graphs>{});
  };
  return describe(network, {column_of(network, "infinite", infinite_support(network))}) + cost_in_words(network, compile);
}

/// The finite network of a job, or why there is none.
std::string describe_finite(Job const& job, Network const& network) {
  TableColumn const support = column_of(network, "finite", finite_support(network));
  try {
    FiniteReading const reading = read_finite(job, network, Communicator::self());
    int const side = job.kernel.tile.value_or(automatic_side(reading, 0));
    return describe(network, {support, column_of(network, "tangent kernel", ways_in_words(network, reading, side))})
           + (job.kernel.is_sampled() ? fmt::format("{} random networks, each:\n", job.kernel.samples) : "")
           + cost_in_words(reading, side, precision_of(job), job.parameters.init == "gaussian" ? "" : job.parameters.init);
  } catch (Error const& error) {
    return describe(network, {support}) + text("finite network: no. ", error.what(), "\n");
  }
}

Shapes read_shape_option(std::string const& words) {
  YAML::Node const node = parse_yaml(words, "--shape " + words);
  try {
    if (node.IsSequence() && node.size() > 0 && node[0].IsSequence()) return node.as<Shapes>();
    return {node.as<std::vector<long>>()};
  } catch (YAML::Exception const&) {
    throw Error(text("--shape is ", words, ", but a list of sizes is needed, such as [8, 8, 1], or a list of such lists."));
  }
}

std::string describe_onnx_job(Job const& job, Shapes const& shapes) {
  OpenedOnnx opened = open_onnx(job, shapes, Communicator::self());
  if (job.parameters.skip) opened.network.doubtful.clear();  // they were thought of
  FiniteReading const reading = read_program(job, opened.network.program);
  int const side = job.kernel.tile.value_or(automatic_side(reading, 0));
  return describe_onnx(opened.network, reading.axes, reading.method, side) + cost_in_words(reading, side, precision_of(job));
}

std::string describe_onnx_file(fs::path const& file, std::optional<std::string> const& shape) {
  OnnxChoice choice;
  if (shape) choice.input_shapes = read_shape_option(*shape);
  constexpr int side = 256;
  OnnxModel const model = read_onnx(load_onnx(file), file.string());
  choice.output = 0;
  std::string const head =
      model.outputs.size() == 1 ? "" : text("output 0 of ", model.outputs.size(), "; a job chooses one by kernel.output\n\n");
  return head + describe_onnx(import_onnx(model, choice), {}, NtkMethod::automatic, side);
}

std::string describe_job(fs::path const& file, JobOptions const& options, std::optional<std::string> const& shape) {
  Job const job = read_job(file, options);
  Shapes const shapes = input_shapes(job, shape ? read_shape_option(*shape) : Shapes{});
  if (!job.onnx.empty()) return fmt::format("job {}, results in {}\n\n", job.name, shown(job.output)) + describe_onnx_job(job, shapes);
  Network const network = build_network(job, shapes, activation_signatures());
  return fmt::format("job {}, results in {}\n\n", job.name, shown(job.output))
         + (job.kernel.kind == "infinite" ? describe_infinite(job, network) : describe_finite(job, network));
}

std::string describe_safetensors(fs::path const& file) {
  std::string out = file.string() + "\n\n";
  Safetensors const open(file);
  for (auto const& [name, array] : open.arrays())
    out += fmt::format("{:<27} {:<9} ({})\n", one_line(name), one_line(array.type), fmt::join(array.shape, ", "));
  return out;
}

std::string describe_network(fs::path const& file, YAML::Node const& root, std::optional<std::string> const& shape) {
  bool const wrapped = root.IsMap() && root["network"];
  ReadContext const context{file.string(), file.parent_path().string(), shape ? read_shape_option(*shape) : Shapes{{1}},
                            activation_signatures(), 0};
  static constexpr std::string_view note = "for an input of one number; --shape [8, 8, 1] says another";
  try {
    Network const network = read_network(wrapped ? root["network"] : root, context);
    std::string head = shape ? "" : text(note, "\n\n");
    if (network.outputs() > 1) head += fmt::format("output 0 of {}; a job chooses one by kernel.output\n\n", network.outputs());
    return head
           + describe(network,
                      {column_of(network, "infinite", infinite_support(network)), column_of(network, "finite", finite_support(network))})
           + cost_in_words(network, [&] { return compile_infinite(network); });
  } catch (Error const& error) {
    if (shape) throw;
    throw Error(text(error.what(), " (That is ", note, ".)"), error.code());
  }
}

}  // namespace

fs::path file_to_inspect(fs::path const& path) {
  fs::path const file = fs::is_directory(path) ? path / "result.h5" : path;
  if (!fs::exists(file)) throw Error(text("there is no file ", file.string(), ". Check the path."));
  return file;
}

bool is_result(fs::path const& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string begin(8, '\0');
  stream.read(begin.data(), 8);
  return begin == "\x89HDF\r\n\x1a\n";
}

std::string describe_yaml(fs::path const& file, JobOptions const& options, std::optional<std::string> const& shape) {
  auto const expect_no_overrides = [&] {
    if (!options.overrides.empty())
      throw Error(text("--set changes keys of a job, and ", file.string(), " is none. Inspect a job that names it."));
  };
  bool const onnx = file.extension() == ".onnx", arrays = !onnx && is_safetensors(file);
  if (onnx || arrays) expect_no_overrides();
  if (onnx) return describe_onnx_file(file, shape);
  if (arrays) return describe_safetensors(file);
  YAML::Node const root = load_yaml(file.string());
  bool const job = root.IsMap() && (root["data"] || root["kernel"]);
  if (!job) expect_no_overrides();
  return job ? describe_job(file, options, shape) : describe_network(file, root, shape);
}

}  // namespace infinitile
