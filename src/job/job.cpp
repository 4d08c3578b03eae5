#include "job/job.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/data_keys.hpp"
#include "job/keys.hpp"
#include "job/onnx_keys.hpp"
#include "job/saves.hpp"
#include "job/scale_keys.hpp"
#include "job/settings.hpp"
#include "job/shape_keys.hpp"
#include "kernels/series.hpp"
#include "net/yaml.hpp"
#include "plan/tile_grid.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

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

/// Is another init asked for than the one that all runs had before there was a choice?
bool draws_anew(Job::Parameters const& parameters) {
  return parameters.init != find_key("parameters.init")->standard;
}

Job::Parameters read_parameter_source(Settings const& settings, fs::path const& base) {
  Job::Parameters parameters;
  if (settings.given("parameters.skip")) parameters.skip = read_words(settings.at("parameters.skip"));
  parameters.seed = settings.at("parameters.seed").as<long>();
  parameters.init = word_at(settings, "parameters.init");
  parameters.file = complete_path(word_at(settings, "parameters.file"), base);
  parameters.group = word_at(settings, "parameters.group");
  parameters.save = complete_path(word_at(settings, "parameters.save"), fs::current_path());
  if (!parameters.save.empty() && parameters.save == parameters.file)
    settings.refuse("parameters.save", "parameters.file names the same file. Save to another one.");
  for (auto const& [key, drawn] :
       {std::pair("parameters.seed", parameters.seed != 0), std::pair("parameters.init", draws_anew(parameters))})
    if (!parameters.file.empty() && drawn)
      settings.refuse(key, "parameters.file is given too. Leave one of them out: parameters are drawn or read.");
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
  if (job.onnx.empty()) return;
  for (char const* const path : {"data.train.mask", "data.padding"})
    if (settings.given(path)) settings.refuse(path, "an ONNX network takes inputs without masks, or masks them itself. Leave it out.");
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
    if (!source.has_targets) values[section + ".y"] = YAML::Node(YAML::NodeType::Null);
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
  if (job.parameters.skip && job.parameters.skip->empty()) values.erase("parameters.skip");  // the same as none given
  if (!draws_anew(job.parameters)) values.erase("parameters.init");                          // fingerprints of earlier runs do not have it
  if (YAML::Node const scale = complete_scale(job.data); scale.IsMap()) values["data.scale"] = scale;
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

bool has_masks(Job const& job) {
  return !job.data.train.mask.empty() || job.data.padding;
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
