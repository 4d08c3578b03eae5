#include "job/job.hpp"

#include <filesystem>

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/keys.hpp"
#include "job/network.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

std::string const start = "data: {train: {file: a.h5}}\nnetwork: [dense, relu, dense]\n";  // two lines

Job read(std::string const& words, std::vector<std::string> const& overrides = {}) {
  return parse_job(words, "jobs/a.yaml", {overrides, {}});
}

std::string message(std::string const& words, std::vector<std::string> const& overrides = {}) {
  return message_of<Error>([&] { read(words, overrides); });
}

}  // namespace

TEST_CASE("what a job leaves out has its default", "[job]") {
  Job const job = read(start);
  CHECK(job.name == "a");
  CHECK(job.output == std::filesystem::current_path() / "a.run");
  CHECK(job.data.train.file == (std::filesystem::current_path() / "jobs/a.h5").string());
  CHECK(job.data.train.x == std::vector<std::string>{"x"});
  CHECK(job.data.train.y.empty());
  CHECK(!job.data.test);
  CHECK(job.data.shapes.empty());
  CHECK(job.data.scale == "none");
  CHECK(job.kernel.kind == "infinite");
  CHECK(job.kernel.get == std::vector<std::string>{"nngp", "ntk"});
  CHECK(job.kernel.precision == "float64");
  CHECK(!job.kernel.tile);
  CHECK(job.kernel.side(1437) == 256);
  CHECK(job.kernel.test_test == "diagonal");
  CHECK(job.kernel.store == "full");
  CHECK(job.posterior.get == std::vector<std::string>{"nngp", "ntk"});
  CHECK(job.posterior.diag_reg == 1e-4);
  CHECK(!job.posterior.absolute);
  CHECK(job.posterior.covariance == "diagonal");
}

TEST_CASE("what a job says is what it gets", "[job]") {
  Job const job = read(
      "name: b\noutput: out/\ndata:\n  train: {x: [a.npy, /b.npy], y: y.npy}\n  test: {x: [c.npy, d.npy]}\n  shape: [[8, 8, 1], [3]]\n"
      "  scale: standardize\nnetwork: {file: net.yaml}\n"
      "kernel: {get: ntk, precision: float32, tile: 256, test_test: full, store: lower}\n"
      "posterior: {get: [ntkgp], diag_reg: 0, diag_reg_absolute_scale: true, covariance: full}\n");
  auto const jobs = std::filesystem::current_path() / "jobs";
  CHECK(job.name == "b");
  CHECK(job.output == std::filesystem::current_path() / "out");
  CHECK(job.data.train.file.empty());
  CHECK(job.data.train.x == std::vector<std::string>{jobs / "a.npy", "/b.npy"});
  CHECK(job.data.train.y == (jobs / "y.npy").string());
  CHECK(job.data.test->x == std::vector<std::string>{jobs / "c.npy", jobs / "d.npy"});
  CHECK(job.data.shapes == std::vector<std::vector<long>>{{8, 8, 1}, {3}});
  CHECK(job.data.scale == "standardize");
  CHECK(job.complete["network"]["file"].Scalar() == (jobs / "net.yaml").string());
  CHECK(job.kernel.get == std::vector<std::string>{"ntk"});
  CHECK(job.kernel.precision == "float32");
  CHECK(job.kernel.side(1437) == 256);
  CHECK(job.kernel.test_test == "full");
  CHECK(job.kernel.store == "lower");
  CHECK(job.posterior.get == std::vector<std::string>{"ntkgp"});
  CHECK(job.posterior.diag_reg == 0);
  CHECK(job.posterior.absolute);
  CHECK(job.posterior.covariance == "full");
}

TEST_CASE("masks, graphs, padding and the output of several", "[job]") {
  Job const job = read(
      "data:\n  train: {x: [a.npy, /b.npy], mask: [m.npy, /n.npy], pattern: g.npy}\n"
      "  test: {x: [c.npy, d.npy], mask: [o.npy, p.npy], pattern: h.npy}\nnetwork: [dense]\nkernel: {output: 1}\n");
  auto const jobs = std::filesystem::current_path() / "jobs";
  CHECK(job.data.train.mask == std::vector<std::string>{jobs / "m.npy", "/n.npy"});
  CHECK(job.data.train.pattern == (jobs / "g.npy").string());
  CHECK(job.data.test->pattern == (jobs / "h.npy").string());
  CHECK(job.kernel.output == 1);
  CHECK(job.complete["data"]["test"]["mask"][1].Scalar() == (jobs / "p.npy").string());
  CHECK(!read(start).kernel.output);
  CHECK(read(start, {"data.padding=-1.5"}).data.padding == -1.5);
  CHECK(message("data: {train: {file: a.h5, mask: m}, test: {file: a.h5}}\nnetwork: [dense]\n")
        == "jobs/a.yaml:1: data.train.mask is m, but data.test.mask is not given. Name one for both; it is 0 where nothing is padding.");
  CHECK(message("data: {train: {file: a.h5}, test: {file: a.h5, pattern: g}}\nnetwork: [dense]\n")
        == "jobs/a.yaml:1: data.test.pattern is g, but data.train.pattern is not given. Name one for both.");
  CHECK(message("data: {train: {file: a.h5, mask: m}, padding: 0}\nnetwork: [dense]\n")
        == "jobs/a.yaml:1: data.padding is 0, but data.train.mask is given too; one of them says what is padding. Leave the other out.");
}

TEST_CASE("--output wins, and null stands for the default", "[job]") {
  CHECK(parse_job("output: here\n" + start, "a.yaml", {{}, "/there/"}).output == "/there");
  Job const job = read("output:\n" + start + "kernel: {tile: null}\nposterior:\n");
  CHECK(job.output.filename() == "a.run");
  CHECK(!job.kernel.tile);
}

TEST_CASE("the posteriors that are asked for by default are those that the kernels allow", "[job]") {
  CHECK(read(start + "kernel: {get: [nngp]}").posterior.get == std::vector<std::string>{"nngp"});
  CHECK(read(start + "kernel: {get: [ntk]}").posterior.get == std::vector<std::string>{"ntkgp"});
}

TEST_CASE("a wrong job is refused in one line with line and key", "[job]") {
  auto const [words, expected] = GENERATE(table<std::string, std::string>({
      {"",
       "jobs/a.yaml: a job is a mapping with the keys name, output, data, network, kernel, parameters, shape, posterior and dynamics; "
       "found "
       "empty. "
       "infinitile "
       "--defaults prints one."},
      {"network: [dense]\n", "jobs/a.yaml: data.train is missing; a job needs it. infinitile --defaults prints a complete one."},
      {"data: {train: {file: a.h5}}\n", "jobs/a.yaml: network is missing; a job needs it. infinitile --defaults prints a complete one."},
      {start + "kernal: {}\n", "jobs/a.yaml:3: unknown key \"kernal\". Did you mean \"kernel\"?"},
      {start + "kernel:\n  tile: 8\n  precison: float32\n", "jobs/a.yaml:5: unknown key \"kernel.precison\". Did you mean \"precision\"?"},
      {start + "xyzzy: 1\n",
       "jobs/a.yaml:3: unknown key \"xyzzy\". Known here: name, output, data, network, kernel, parameters, shape, posterior and dynamics."},
      {start + "name: [a]\n", "jobs/a.yaml:3: name is [a], but one word or path is needed."},
      {start + "kernel: 3\n",
       "jobs/a.yaml:3: kernel is 3, but a mapping with the keys kind, get, output, precision, tile, test_test, store, method, trace_axes, "
       "diagonal_axes and samples is needed."},
      {start + "kernel: {tile: 0}\n", "jobs/a.yaml:3: kernel.tile is 0, but a whole number from 1 to 2147483647 or auto is needed."},
      {start + "kernel: {tile: -8}\n", "jobs/a.yaml:3: kernel.tile is -8, but a whole number from 1 to 2147483647 or auto is needed."},
      {start + "kernel: {tile: 2147483648}\n",
       "jobs/a.yaml:3: kernel.tile is 2147483648, but a whole number from 1 to 2147483647 or auto is needed."},
      {start + "kernel: {tile: 1.5}\n", "jobs/a.yaml:3: kernel.tile is 1.5, but a whole number from 1 to 2147483647 or auto is needed."},
      {start + "kernel: {tile: \"8\"}\n", "jobs/a.yaml:3: kernel.tile is 8, but a whole number from 1 to 2147483647 or auto is needed."},
      {start + "kernel: {kind: finite}\n",
       "jobs/a.yaml:3: kernel.kind is finite, but infinite, empirical or monte_carlo is needed. Did you mean \"infinite\"?"},
      {start + "kernel: {precision: float16}\n",
       "jobs/a.yaml:3: kernel.precision is float16, but float64 or float32 is needed. Did you mean \"float64\"?"},
      {start + "kernel: {get: [nngpp]}\n",
       "jobs/a.yaml:3: kernel.get is [nngpp], but a list of nngp and ntk, each at most once, is needed, such as [nngp, ntk]."},
      {start + "kernel: {get: [ntk, ntk]}\n",
       "jobs/a.yaml:3: kernel.get is [ntk, ntk], but a list of nngp and ntk, each at most once, is needed, such as [nngp, ntk]."},
      {start + "kernel: {get: []}\n",
       "jobs/a.yaml:3: kernel.get is [], but a list of nngp and ntk, each at most once, is needed, such as [nngp, ntk]."},
      {start + "posterior: {diag_reg: -1}\n", "jobs/a.yaml:3: posterior.diag_reg is -1, but a finite number from 0 is needed."},
      {start + "posterior: {diag_reg: .inf}\n", "jobs/a.yaml:3: posterior.diag_reg is .inf, but a finite number from 0 is needed."},
      {start + "posterior: {diag_reg_absolute_scale: 2}\n",
       "jobs/a.yaml:3: posterior.diag_reg_absolute_scale is 2, but true or false is needed."},
      {start + "kernel: {get: nngp}\nposterior:\n  get: [nngp, ntk]\n",
       "jobs/a.yaml:5: posterior.get is [nngp, ntk], but ntk is made of nngp and ntk and kernel.get is nngp. Add what is missing to "
       "kernel.get."},
      {start + "kernel: {get: nngp}\nposterior: {get: ntkgp}\n",
       "jobs/a.yaml:4: posterior.get is ntkgp, but ntkgp is made of ntk and kernel.get is nngp. Add what is missing to kernel.get."},
      {start + "posterior: {covariance: full}\n",
       "jobs/a.yaml:3: posterior.covariance is full, but kernel.test_test is diagonal. Set kernel.test_test to full."},
      {"data: {train: {x: a.npz}}\nnetwork: [dense]\n",
       "jobs/a.yaml:1: data.train.file is missing. Name an HDF5 file that holds the dataset a.npz, or give x and y as .npy files."},
      {"data:\n  train: {file: a.h5}\n  shape: [0, 8]\nnetwork: [dense]\n",
       "jobs/a.yaml:3: data.shape is [0, 8], but a list of sizes from 1 is needed, such as [8, 8, 1]."},
      {"data:\n  train: {file: a.h5, x: [a, b]}\n  test: {file: a.h5}\nnetwork: [dense]\n",
       "jobs/a.yaml: data.test.x is x, but 2 names are needed, as many as data.train.x has."},
      {"data:\n  train: {file: a.h5, x: [a, b]}\n  shape: [2]\nnetwork: [dense]\n",
       "jobs/a.yaml:3: data.shape is [2], but 2 shapes are needed, as many as data.train.x has names."},
  }));
  CHECK(message(words) == expected);
}

TEST_CASE("syntax errors and duplicate keys are told with their place", "[job]") {
  CHECK(message("data: {train: {file: data.h5}\nnetwork: [dense]\n").starts_with("jobs/a.yaml:2:"));
  std::string const twice = message(start + "network: [relu]\n");
  CHECK(twice.starts_with("jobs/a.yaml:3:"));
  CHECK(twice.find("network") != std::string::npos);
  CHECK(twice.find("2") != std::string::npos);
}

TEST_CASE("--set changes any key before the job is checked", "[job]") {
  Job const job =
      read(start, {"kernel.tile=64", "data.test={file: b.h5}", "network.0.dense.w_std=2", "network.1=erf", "name=c", "kernel.tile=32"});
  CHECK(job.kernel.tile == 32);
  CHECK(job.data.test->file.ends_with("jobs/b.h5"));
  CHECK(job.network[0]["dense"]["w_std"].as<double>() == 2);
  CHECK(job.network[1].Scalar() == "erf");
  CHECK(job.name == "c");
  CHECK(job.output.filename() == "c.run");
  CHECK(!read(start, {"data.test={file: b.h5}", "data.test=null"}).data.test);
  CHECK(read("network: [dense]", {"data.train.file=a.h5"}).data.train.file.ends_with("jobs/a.h5"));
}

TEST_CASE("a wrong --set is refused in one line that names it", "[job]") {
  auto const [option, expected] = GENERATE(table<std::string, std::string>({
      {"kernel.tile", "--set kernel.tile: a key and a value are needed, such as --set kernel.tile=512."},
      {"=3", "--set =3: a key and a value are needed, such as --set kernel.tile=512."},
      {"kernel..tile=3", "--set kernel..tile=3: the path \"kernel..tile\" has an empty part."},
      {"kernel.tile=0", "--set kernel.tile=0: kernel.tile is 0, but a whole number from 1 to 2147483647 or auto is needed."},
      {"kernel.tiles=4", "--set kernel.tiles=4: unknown key \"kernel.tiles\". Did you mean \"tile\"?"},
      {"kernel={tiles: 4}", "--set kernel={tiles: 4}: unknown key \"kernel.tiles\". Did you mean \"tile\"?"},
      {"kernal.tile=4", "--set kernal.tile=4: unknown key \"kernal\". Did you mean \"kernel\"?"},
      {"network.3=relu", "--set network.3=relu: \"3\" is no place in a list of 3; places are counted from 0."},
      {"network.x=relu", "--set network.x=relu: \"x\" is no place in a list of 3; places are counted from 0."},
      {"network.1.w_std=2", "--set network.1.w_std=2: there is no key \"w_std\" below relu. Check the path."},
  }));
  CHECK(message(start, {option}) == expected);
  CHECK(message(start, {"kernel.tile=[1"}).starts_with("--set kernel.tile=[1:"));
}

TEST_CASE("a network that --set broke says so", "[job]") {
  std::vector<Signature> const activations{{"relu", {}}};
  auto const build = [&](Job const& job) { return build_network(job, {{4}}, activations); };
  CHECK(build(read(start)).size() == 4);
  std::string const own = message_of<Error>([&] { build(read(start + "name: a\n", {"kernel.tile=8", "network.2=sofa"})); });
  CHECK(own.ends_with(" (The network was changed by --set network.2=sofa.)"));
  std::string const other = message_of<Error>([&] { build(read("data: {train: {file: a.h5}}\nnetwork: [sofa]\n", {"kernel.tile=8"})); });
  CHECK(other.starts_with("jobs/a.yaml:2:"));
  CHECK(other.find("--set") == std::string::npos);
}

TEST_CASE("no prefix of a job file brings the reader down", "[job]") {
  std::string const whole = default_job();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    try {
      read(whole.substr(0, length));
    } catch (Error const& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("a job file that is not there is named", "[job]") {
  std::string const line = message_of<Error>([] { read_job("/nowhere/a.yaml"); });
  CHECK(line.find("/nowhere/a.yaml") != std::string::npos);
}
