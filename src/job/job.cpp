#include "job/job.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/keys.hpp"
#include "job/onnx_keys.hpp"
#include "job/saves.hpp"
#include "job/settings.hpp"
#include "job/shape_keys.hpp"
#include "kernels/series.hpp"
#include "net/yaml.hpp"
#include "plan/tile_grid.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

std::string word_at(Settings const& settings, std::string const& path) {
  YAML::Node const node = settings.at(path);
  return node.IsNull() ? "" : node.Scalar();
}

std::string complete_path(std::string const& path, fs::path const& base) {
  return path.empty() ? "" : fs::absolute(base / path).lexically_normal().string();
}

Job::Source read_source(Settings const& settings, std::string const& section, fs::path const& base) {
  Job::Source source;
  source.file = complete_path(word_at(settings, section + ".file"), base);
  source.x = read_words(settings.at(section + ".x"));
  source.y = word_at(settings, section + ".y");
  if (settings.given(section + ".mask")) source.mask = read_words(settings.at(section + ".mask"));
  source.pattern = word_at(settings, section + ".pattern");
  if (!source.file.empty()) return source;
  source.y = complete_path(source.y, base);
  source.pattern = complete_path(source.pattern, base);
  for (auto* const arrays : {&source.x, &source.mask})
    for (std::string& array : *arrays) {
      if (!array.ends_with(".npy"))
        throw Error(text(settings.origin(section), ": ", section, ".file is missing. Name an HDF5 file that holds the dataset ", array,
                         ", or give x and y as .npy files."));
      array = complete_path(array, base);
    }
  return source;
}

std::vector<std::vector<long>> read_shapes(YAML::Node const& node) {
  if (node.IsNull()) return {};
  if (node.size() == 0 || node[0].IsScalar()) return {node.as<std::vector<long>>()};
  return node.as<std::vector<std::vector<long>>>();
}

/// What covers train has to cover test: a mask that was forgotten would count padding as data.
void check_covers(Settings const& settings, Job::Data const& data) {
  for (auto const& [section, source] : {std::pair("data.train", &data.train), std::pair("data.test", data.test ? &*data.test : nullptr)}) {
    if (source == nullptr || source->mask.empty()) continue;
    std::string const key = text(section, ".mask");
    if (data.padding) settings.refuse("data.padding", text(key, " is given too; one of them says what is padding. Leave the other out."));
    if (source->mask.size() != source->x.size())
      settings.refuse(
          key, text(source->x.size(), source->x.size() == 1 ? " name is" : " names are", " needed, as many as ", section, ".x has."));
  }
  if (!data.test) return;
  auto const check_both = [&](std::string_view key, bool train, bool test) {
    if (train == test) return;
    std::string const given = text("data.", train ? "train" : "test", ".", key),
                      missing = text("data.", train ? "test" : "train", ".", key);
    settings.refuse(given, text(missing, " is not given. Name one for both", key == "mask" ? "; it is 0 where nothing is padding." : "."));
  };
  check_both("mask", !data.train.mask.empty(), !data.test->mask.empty());
  check_both("pattern", !data.train.pattern.empty(), !data.test->pattern.empty());
}

Job::Data read_data(Settings const& settings, fs::path const& base) {
  Job::Data data;
  data.train = read_source(settings, "data.train", base);
  if (settings.given("data.test")) data.test = read_source(settings, "data.test", base);
  data.shapes = read_shapes(settings.at("data.shape"));
  data.scale = word_at(settings, "data.scale");
  if (settings.given("data.padding")) data.padding = settings.at("data.padding").as<double>();
  auto const inputs = data.train.x.size();
  if (data.test && data.test->x.size() != inputs)
    settings.refuse("data.test.x", text(inputs, inputs == 1 ? " name is" : " names are", " needed, as many as data.train.x has."));
  if (!data.shapes.empty() && data.shapes.size() != inputs)
    settings.refuse("data.shape", text(inputs, inputs == 1 ? " shape is" : " shapes are", " needed, as many as data.train.x has names."));
  check_covers(settings, data);
  return data;
}

/// Does a kernel of this kind read the key?
bool is_read(Key const& key, Job::Kernel const& kernel) {
  return key.kinds.empty() || wants(key.kinds, kernel.kind);
}

/// The words that were given, in the order of the table, so that spelling makes no difference.
std::vector<std::string> read_choices(Settings const& settings, std::string const& path) {
  auto const given = read_words(settings.at(path));
  std::vector<std::string> out;
  for (auto const& choice : find_key(path)->choices)
    if (wants(given, choice)) out.push_back(choice);
  return out;
}

Job::Kernel read_kernel(Settings const& settings) {
  Job::Kernel kernel;
  kernel.kind = word_at(settings, "kernel.kind");
  kernel.get = read_choices(settings, "kernel.get");
  if (settings.given("kernel.output")) kernel.output = settings.at("kernel.output").as<int>();
  kernel.precision = word_at(settings, "kernel.precision");
  if (word_at(settings, "kernel.tile") != "auto") kernel.tile = settings.at("kernel.tile").as<int>();
  kernel.test_test = word_at(settings, "kernel.test_test");
  kernel.store = word_at(settings, "kernel.store");
  kernel.method = word_at(settings, "kernel.method");
  kernel.trace_axes = settings.at("kernel.trace_axes").as<std::vector<int>>();
  kernel.diagonal_axes = settings.at("kernel.diagonal_axes").as<std::vector<int>>();
  kernel.samples = settings.at("kernel.samples").as<int>();
  return kernel;
}

Job::Parameters read_parameter_source(Settings const& settings, fs::path const& base) {
  Job::Parameters parameters;
  if (settings.given("parameters.skip")) parameters.skip = read_words(settings.at("parameters.skip"));
  parameters.seed = settings.at("parameters.seed").as<long>();
  parameters.file = complete_path(word_at(settings, "parameters.file"), base);
  parameters.group = word_at(settings, "parameters.group");
  parameters.save = complete_path(word_at(settings, "parameters.save"), fs::current_path());
  if (!parameters.save.empty() && parameters.save == parameters.file)
    settings.refuse("parameters.save", "parameters.file names the same file. Save to another one.");
  if (!parameters.file.empty() && parameters.seed != 0)
    settings.refuse("parameters.seed", "parameters.file is given too. Leave one of them out: parameters are drawn or read.");
  if (parameters.file.empty() && parameters.group != find_key("parameters.group")->standard)
    settings.refuse("parameters.group", "parameters.file is not given. Name the file that has the group.");
  return parameters;
}

/// What another kind of kernel reads may stand there with its default, as --defaults prints it. Anything else was meant for that kind.
void check_kind(Settings const& settings, Job const& job) {
  for (Key const& key : job_keys())
    if (!is_read(key, job.kernel) && settings.given(key.path) && flow_text(settings.at(key.path)) != flow_text(YAML::Load(key.standard)))
      settings.refuse(key.path, text("kernel.kind is ", job.kernel.kind, " and does not read it. Set kernel.kind to ",
                                     join(key.kinds, " or ", " or "), ", or leave it out."));
  if (!job.kernel.is_finite()) return;
  for (char const* const path : {"data.train.mask", "data.padding"})
    if (settings.given(path))
      settings.refuse(path, text("kernel.kind is ", job.kernel.kind,
                                 ", and finite networks take inputs without masks. Leave it out, or set kernel.kind to infinite."));
}

/// The kernels that a posterior is made of.
std::vector<std::string> kernels_for(std::string const& posterior) {
  if (posterior == "ntk") return {"nngp", "ntk"};
  return {posterior == "ntkgp" ? "ntk" : "nngp"};
}

bool is_possible(std::string const& posterior, Job::Kernel const& kernel) {
  return std::ranges::all_of(kernels_for(posterior), [&](auto const& needed) { return wants(kernel.get, needed); });
}

std::vector<std::string> default_posteriors(Job::Kernel const& kernel) {
  std::vector<std::string> out;
  for (char const* const kind : {"nngp", "ntk"})
    if (is_possible(kind, kernel)) out.emplace_back(kind);
  return out.empty() ? std::vector<std::string>{"ntkgp"} : out;
}

Job::Posterior read_posterior(Settings const& settings, Job::Kernel const& kernel) {
  Job::Posterior posterior;
  posterior.get = settings.given("posterior.get") ? read_choices(settings, "posterior.get") : default_posteriors(kernel);
  posterior.diag_reg = settings.at("posterior.diag_reg").as<double>();
  posterior.absolute = settings.at("posterior.diag_reg_absolute_scale").as<bool>();
  posterior.covariance = word_at(settings, "posterior.covariance");
  for (auto const& kind : posterior.get)
    if (!is_possible(kind, kernel))
      settings.refuse("posterior.get", text(kind, " is made of ", join(kernels_for(kind)), " and kernel.get is ",
                                            show_value(settings.at("kernel.get")), ". Add what is missing to kernel.get."));
  if (posterior.covariance == "full" && kernel.test_test != "full")
    settings.refuse("posterior.covariance", text("kernel.test_test is ", kernel.test_test, ". Set kernel.test_test to full."));
  return posterior;
}

Job::Dynamics read_dynamics(Settings const& settings, Job const& job) {
  Job::Dynamics dynamics;
  if (settings.given("dynamics.steps")) dynamics.steps = settings.at("dynamics.steps").as<std::vector<int>>();
  if (word_at(settings, "dynamics.learning_rate") != "auto") dynamics.learning_rate = settings.at("dynamics.learning_rate").as<double>();
  dynamics.orders = settings.at("dynamics.orders").as<std::vector<int>>();
  dynamics.save = complete_path(word_at(settings, "dynamics.save"), fs::current_path());
  if (!dynamics.orders.empty() && (dynamics.orders.front() < 1 || dynamics.orders.back() > Series::most_order))
    settings.refuse("dynamics.orders", text("orders from 1 to ", Series::most_order, " are needed."));
  if (dynamics.steps.empty() && !dynamics.save.empty())
    settings.refuse("dynamics.save", "dynamics.steps is not given, so nothing is trained. Name the steps.");
  if (!dynamics.save.empty() && (dynamics.save == job.parameters.file || dynamics.save == job.parameters.save))
    settings.refuse("dynamics.save", "another key of parameters names the same file. Save to another one.");
  return dynamics;
}

/// Lists of words and numbers in one line.
YAML::Node in_line(YAML::Node node) {
  if (node.IsSequence()) node.SetStyle(YAML::EmitterStyle::Flow);
  return node;
}

/// The network with the path of another file made absolute, so that it can be read from anywhere.
YAML::Node with_complete_path(YAML::Node const& network, fs::path const& base) {
  YAML::Node out = YAML::Clone(network);
  for (char const* const key : {"file", "onnx"})
    if (out.IsMap() && out[key] && out[key].IsScalar()) out[key] = complete_path(out[key].Scalar(), base);
  return out;
}

void put(YAML::Node root, std::string const& path, YAML::Node const& value) {
  auto const cut = path.find('.');
  if (cut == std::string::npos) {
    root[path] = value;
  } else {
    put(root[path.substr(0, cut)], path.substr(cut + 1), value);
  }
}

/// Every key that has a value, in the order of the table.
YAML::Node complete_job(Settings const& settings, Job const& job, fs::path const& base) {
  std::map<std::string, YAML::Node> values;
  for (Key const& key : job_keys()) {
    YAML::Node const value = settings.at(key.path);
    if (key.needs != Needs::section && !value.IsNull() && is_read(key, job.kernel)) values[key.path] = in_line(YAML::Clone(value));
  }
  auto const put_source = [&](std::string const& section, Job::Source const& source) {
    if (!source.file.empty()) values[section + ".file"] = YAML::Node(source.file);
    if (!source.y.empty()) values[section + ".y"] = YAML::Node(source.y);
    for (auto const& [key, arrays] : {std::pair(".x", &source.x), std::pair(".mask", &source.mask)})
      if (!arrays->empty()) values[section + key] = arrays->size() == 1 ? YAML::Node(arrays->front()) : in_line(YAML::Node(*arrays));
    if (!source.pattern.empty()) values[section + ".pattern"] = YAML::Node(source.pattern);
  };
  put_source("data.train", job.data.train);
  if (job.data.test) put_source("data.test", *job.data.test);
  if (!job.data.test) values.erase("data.test.x");  // its default
  values["name"] = YAML::Node(job.name);
  values["output"] = YAML::Node(job.output.string());
  values["kernel.get"] = in_line(YAML::Node(job.kernel.get));
  values["posterior.get"] = in_line(YAML::Node(job.posterior.get));
  if (!job.parameters.file.empty()) values["parameters.file"] = YAML::Node(job.parameters.file);
  if (!job.dynamics.save.empty()) values["dynamics.save"] = YAML::Node(job.dynamics.save);
  if (!job.parameters.save.empty()) values["parameters.save"] = YAML::Node(job.parameters.save);
  values.erase(job.parameters.file.empty() ? "parameters.group" : "parameters.seed");
  if (!job.onnx.empty()) values.erase("parameters.seed");
  values["network"] = with_complete_path(job.network, base);
  YAML::Node out(YAML::NodeType::Map);
  for (Key const& key : job_keys())
    if (values.contains(key.path)) put(out, key.path, values[key.path]);
  return out;
}

Job make_job(YAML::Node const& root, fs::path const& file, JobOptions const& options) {
  Settings const settings(root, file.string(), options.overrides);
  fs::path const base = file.parent_path();
  Job job;
  job.file = file;
  job.name = settings.given("name") ? word_at(settings, "name") : file.stem().string();
  std::string const output = settings.given("output") ? word_at(settings, "output") : job.name + ".run";
  if (options.output.value_or(output).empty()) throw Error("--output is empty; it names the directory of the run.");
  job.output = fs::absolute(options.output.value_or(output)).lexically_normal();
  if (job.output.filename().empty()) job.output = job.output.parent_path();  // a slash at the end
  job.data = read_data(settings, base);
  job.kernel = read_kernel(settings);
  job.onnx = complete_path(read_onnx_path(settings, job.kernel.kind), base);
  job.parameters = read_parameter_source(settings, base);
  job.posterior = read_posterior(settings, job.kernel);
  job.shape = read_shape(settings);
  job.dynamics = read_dynamics(settings, job);
  check_kind(settings, job);
  job.network = settings.at("network");
  job.network_overrides = settings.overrides_of("network");
  check_saves(settings, job);
  job.complete = complete_job(settings, job, base);
  return job;
}

}  // namespace

int Job::Kernel::side(long train, double pair_flops) const {
  return tile ? *tile : automatic_side(train, pair_flops);
}

bool wants(std::vector<std::string> const& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

Job read_job(fs::path const& file, JobOptions const& options) {
  return make_job(load_yaml(file.string()), file, options);
}

Job parse_job(std::string const& words, fs::path const& file, JobOptions const& options) {
  return make_job(parse_yaml(words, file.string()), file, options);
}

}  // namespace infinitile
