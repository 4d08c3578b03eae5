// Networks in YAML: their forms, branches, repeats and several inputs.
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

std::string error_of(std::string const& words, std::vector<std::vector<long>> const& shapes = {{5}}) {
  return message_of([&] { expect_infinite_width(read_words(words, shapes)); });
}

/// "path name" of each node, in order.
std::vector<std::string> paths_of(Network const& net) {
  std::vector<std::string> out;
  for (auto const& node : net.nodes()) out.push_back(text(node.path, " ", name_of(node.op)));
  return out;
}

}  // namespace

TEST_CASE("paths count layers, branches and copies from 0", "[reader]") {
  Network const net = read_words(R"(
- dense
- repeat:
    times: 2
    layers:
      - relu
      - repeat: {times: 1, layers: [dense]}
- sum:
    - []
    - [relu, dense]
- concat: {branches: [[relu], [erf]]}
)");
  CHECK(paths_of(net)
        == std::vector<std::string>{"input input", "0 dense", "1/0/0 relu", "1/0/1/0/0 dense", "1/1/0 relu", "1/1/1/0/0 dense",
                                    "2/1/0 relu", "2/1/1 dense", "2 sum", "3/0/0 relu", "3/1/0 erf", "3 concat"});
  CHECK(net.node(8).inputs == std::vector<int>{5, 7});  // the empty branch is the identity
  std::vector<int> const lines{0, 2, 6, 7, 6, 7, 10, 10, 8, 11, 11, 11};
  for (int i = 0; i < net.size(); ++i) CHECK(net.node(i).line == lines[static_cast<std::size_t>(i)]);
}

TEST_CASE("two spellings of one network have one hash", "[reader]") {
  auto const hash = [](std::string const& words) { return read_words(words).hash(); };
  std::uint64_t const plain =
      hash("- dense: {w_std: 1.5, b_std: 0.1}\n- relu\n- dense: {w_std: 1.5, b_std: 0.1}\n- relu\n- dense: {w_std: 1.0}\n");
  CHECK(hash("[{dense: {b_std: 1e-1, w_std: 15e-1}}, relu: {do_stabilize: false}, {dense: {w_std: +1.50, b_std: .1}}, {relu: }, dense]")
        == plain);
  CHECK(hash("layers: [{repeat: {times: 2, layers: [dense, relu]}}, {dense: {w_std: 1, b_std: null}}]\ndefaults: {w_std: 1.5, b_std: 0.1}")
        == plain);
  CHECK(hash("[&d {dense: {w_std: 1.5, b_std: 0.1}}, &r relu, identity, *d, {sum: [[*r]]}, {dense: {out_dim: null}}]") == plain);
  CHECK(hash("- dense: {w_std: 1.5, b_std: 0.1}\n- relu\n- dense: {w_std: 1.5, b_std: 0.1}\n- relu\n- dense: {w_std: 1.1}\n") != plain);
  CHECK(hash("[dense, layer_norm]") == hash("[dense, {layer_norm: {axis: [1, -1]}}]"));
}

TEST_CASE("a repeat is unrolled; no copies, or copies of nothing, are the identity", "[reader]") {
  CHECK(read_words("[dense, {repeat: {times: 0, layers: [relu, dense]}}, erf]").size() == 3);
  CHECK(read_words("[dense, {repeat: {times: 1000000000000, layers: []}}, erf]").size() == 3);
  CHECK(read_words("[dense, {repeat: {times: 1000000000, layers: [{repeat: {times: 1000000000, layers: []}}]}}, erf]").size() == 3);
  CHECK(read_words("[dense, {repeat: {times: 20, layers: [{repeat: {times: 3, layers: [relu, dense]}}, erf, dense]}}]").size()
        == 2 + 20 * 8);
  CHECK(error_of("- dense\n- repeat: {times: 1000000, layers: [identity]}") ==
        "net.yaml:2: layer 1/99998/0 (identity): the network has more than 100000 layers, repeats counted; that many at most can be handled. "
        "Check the times of its repeats, or the depth of its family.");
  CHECK(error_of("- repeat: {times: -1, layers: [dense]}")
        == "net.yaml:1: layer 0 (repeat): times is -1; an integer that is not negative is needed.");
  CHECK(error_of("- repeat: {times: 1.5, layers: [dense]}") == "net.yaml:1: layer 0 (repeat): times is 1.5; an integer is needed.");
  CHECK(error_of("- repeat: {layers: [dense]}") == "net.yaml:1: layer 0 (repeat): times is not given; a number of copies is needed.");
  CHECK(error_of("- repeat: {times: 2}") == "net.yaml:1: layer 0 (repeat): layers is not given; a list of layers is needed.");
  CHECK(error_of("- repeat: {times: 2, layers: dense}") == "net.yaml:1: layer 0 (repeat): layers is dense; a list of layers is needed.");
  CHECK(error_of("- repeat:\n    time: 2\n    layers: [dense]")
        == "net.yaml:2: layer 0 (repeat): the parameter time is not known. Did you mean \"times\"? Known: times and layers.");
}

TEST_CASE("branches are lists of layers", "[reader]") {
  std::string const advice = "; a list of at least one branch, such as [[], [relu, dense]], is needed.";
  CHECK(error_of("- sum") == "net.yaml:1: layer 0 (sum): its branches are nothing" + advice);
  CHECK(error_of("- sum: []") == "net.yaml:1: layer 0 (sum): its branches are []" + advice);
  CHECK(error_of("- product: {a: 1}") == "net.yaml:1: layer 0 (product): its branches are a mapping of 1 key" + advice);
  CHECK(error_of("- concat: {branches: relu}") == "net.yaml:1: layer 0 (concat): its branches are relu" + advice);
  CHECK(error_of("- dense\n- sum:\n  - []\n  - relu\n")
        == "net.yaml:4: layer 1 (sum): branch 1 is relu; a list of layers is needed, [] being the identity.");
  CHECK(error_of("- concat: {axis: 1}") == "net.yaml:1: layer 0 (concat): branches is not given; a list of branches is needed.");
  CHECK(error_of("- concat: [[dense], [dense]]")
        == "net.yaml:1: layer 0 (concat): its parameters are a list of 2; a mapping is needed, such as {concat: {branches: ...}}.");
  CHECK(error_of("- concat: {axis: x, branches: [[dense]]}") == "net.yaml:1: layer 0 (concat): axis is x; an integer is needed.");
  CHECK(error_of("- concat: {axis: 99999999999, branches: [[dense]]}")
        == "net.yaml:1: layer 0 (concat): axis is 99999999999; an axis, such as -1 for the channels, is needed.");
  CHECK(error_of("- dense\n- sum:\n  - []\n  - [relu,\n     dense,\n     erf]\n") ==
        "net.yaml:2: layer 1 (sum): branch 1 ends with layer 1/1/2 (erf), which is not Gaussian; the branches of a sum have to be. "
        "Put a dense layer at the end of that branch.");
}

TEST_CASE("an empty branch is called empty, and what it hands on by its own name", "[reader]") {
  CHECK(error_of("- dense: {out_dim: 4}\n- sum: [[relu, dense: {out_dim: 5}], [], [dense]]") ==
        "net.yaml:2: layer 1 (sum): its branches have different shapes: branch 0 ends with the shape (5) of layer 1/0/1 (dense), "
        "branch 1 is empty and hands on the shape (4) of layer 0 (dense); one shape is needed. Check widths, strides and padding.");
  CHECK(error_of("- product: [[], [dense: {out_dim: 3}]]").find("branch 0 is empty and hands on the shape (5) of the data, branch 1 ends")
        != std::string::npos);
  CHECK(error_of("- sum: [[flatten, dense], [dense], [dense: {out_dim: 7}]]", {{4, 2}})
            .find("branch 0 ends with the shape (?) of layer 0/0/1 (dense), branch 2 ends with the shape (4, 7) of layer 0/2/0 (dense);")
        != std::string::npos);
  CHECK(error_of("- dense\n- relu\n- sum: [[dense], [{repeat: {times: 0, layers: [dense]}}]]") ==
        "net.yaml:3: layer 2 (sum): branch 1 is empty and hands on layer 1 (relu), which is not Gaussian; the branches of a sum have to be. "
        "Put a dense layer at the end of that branch.");
  CHECK(error_of("- sum: [[], [dense: {out_dim: 6}]]", {{5}, {6}})
            .find("branch 0 is empty and hands on the shape (5) of the data of input 0,")
        != std::string::npos);
}

TEST_CASE("several inputs flow side by side until they are merged", "[reader]") {
  Network const net =
      read_words("- parallel: [[dense, relu], [flatten, {dense: {b_std: 1}}]]\n- parallel: [[dense], []]\n- product: [[relu], []]\n- dense",
                 {{5}, {4, 4, 3}});
  CHECK(net.inputs() == 2);
  CHECK(paths_of(net)
        == std::vector<std::string>{"input 0 input", "input 1 input", "0/0/0 dense", "0/0/1 relu", "0/1/0 flatten", "0/1/1 dense",
                                    "1/0/0 dense", "2/0/0 relu", "2 product", "3 dense"});
  CHECK(net.node(8).inputs == std::vector<int>{7, 5});
  CHECK(read_words("- concat: {branches: [[dense], [dense]]}", {{5}, {6}}).size() == 5);
  CHECK(error_of("- parallel: [[dense]]", {{5}, {6}})
        == "net.yaml:1: layer 0 (parallel): found 1 branch for 2 values side by side; one branch for each is needed.");
  CHECK(error_of("- parallel: [[dense], [dense]]", {{5}, {6}})
        == "net.yaml:1: the network ends with 2 outputs side by side, and a kernel is of one. Choose it by kernel.output, a number from 0 to 1, "
           "or merge them with sum, product or concat.");
  CHECK(
      error_of("- parallel: [[dense], [dense]]\n- relu", {{5}, {6}})
      == "net.yaml:2: layer 1 (relu): found 2 values side by side; this layer takes one. Merge them with sum, product or concat before "
         "it, or give each a branch of parallel.");
  CHECK(error_of("- parallel: [[dense], [dense]]\n- sum: [[], [], []]", {{5}, {6}})
        == "net.yaml:2: layer 1 (sum): found 3 branches for 2 values side by side; one branch for each is needed.");
  CHECK(error_of("- dense", {{5}, {6}}).starts_with("net.yaml:1: layer 0 (dense): found 2 values side by side; "));
}

TEST_CASE("every branch of parallel takes a value that is alone, so that one input has several heads", "[reader]") {
  auto const read = [](std::string const& words, int output) {
    return read_network(parse_yaml(words, "net.yaml"), {"net.yaml", "", {{5}}, language_activations(), output});
  };
  std::string const heads = "- dense\n- relu\n- parallel:\n  - [dense]\n  - []\n  - [parallel: [[dense], [dense, erf]]]\n";
  std::vector<std::string> const alone{"- dense\n- relu\n- dense", "- dense\n- relu", "- dense\n- relu\n- dense",
                                       "- dense\n- relu\n- dense\n- erf"};
  for (int output = 0; output < 4; ++output) {
    Network const net = read(heads, output);
    CHECK(net.outputs() == 4);
    CHECK(net.hash() == read_words(alone[static_cast<std::size_t>(output)]).hash());
  }
  CHECK(read_words("- dense\n- parallel: [[], []]\n- parallel: [[relu, dense], [dense]]\n- sum: [[], []]").hash()
        == read_words("- dense\n- sum: [[relu, dense], [dense]]").hash());
  CHECK(error_of(heads + "- sum: [[dense], [dense]]")
        == "net.yaml:7: layer 3 (sum): found 2 branches for 4 values side by side; one branch for each is needed.");
  CHECK(error_of("- sum: [[dense], [parallel: [[dense], [dense]]]]") ==
        "net.yaml:1: layer 0 (sum): branch 1 ends with 2 values side by side; one is needed. "
        "Merge them within the branch with sum, product or concat.");
}

TEST_CASE("what is no layer is refused", "[reader]") {
  CHECK(error_of("- dense:\n  out_dim: 512\n") ==
        "net.yaml:1: layer 0 has 2 names, dense and out_dim; a layer is one name with its parameters below it. "
        "Indent the parameters more, or begin each layer with a dash.");
  CHECK(error_of("- dense\n- {}") == "net.yaml:2: layer 1 is a mapping of 0 keys; a name, or a name with its parameters, is needed.");
  CHECK(error_of("- [dense]") == "net.yaml:1: layer 0 is [dense]; a name, or a name with its parameters, is needed.");
  CHECK(error_of("- dense\n- ~") == "net.yaml:2: layer 1 is nothing; a name, or a name with its parameters, is needed.");
  CHECK(error_of("- [1]: 2") == "net.yaml:1: layer 0: a key is [1]; a word is needed.");
  CHECK(error_of("- dense: 512")
        == "net.yaml:1: layer 0 (dense): its parameters are 512; a mapping is needed, such as {dense: {out_dim: ...}}.");
  CHECK(error_of("hello")
        == "net.yaml:1: the network is hello; a list of layers is needed, or {layers: [...]}, {file: net.yaml} or {family: NAME}.");
  CHECK(error_of("")
        == "net.yaml: the network is nothing; a list of layers is needed, or {layers: [...]}, {file: net.yaml} or {family: NAME}.");
  CHECK(error_of("defaults: {w_std: 1}")
        == "net.yaml:1: network has no layers; {layers: [...]}, {file: net.yaml} or {family: NAME} is needed.");
  CHECK(error_of("layers: [dense]\ndefauls: {w_std: 1}")
        == "net.yaml:2: network: the key defauls is not known. Did you mean \"defaults\"? Known: layers, defaults, file and family.");
  CHECK(error_of("[]") == "net.yaml:1: the network is an empty list; a layer is needed.");
  CHECK(error_of("- identity: 3") == "net.yaml:1: layer 0 (identity): found 3 below it; it has no parameters.");
  CHECK(error_of("layers: dense") == "net.yaml:1: network: layers is dense; a list of layers is needed.");
  CHECK(error_of("layers: [dense]\ndefaults: [1]") == "net.yaml:2: defaults: found [1]; a mapping of keys and values is needed.");
}

TEST_CASE("an alias inside of what it names, or one that unfolds without end, is refused", "[reader]") {
  CHECK(error_of("&a\n- sum: [*a]\n")
        == "net.yaml:1: layers are nested deeper than 100 levels; is there an alias inside of what it names?");
  auto const nested = [](int levels) {
    std::string words = "dense";
    for (int i = 1; i < levels; ++i) words = "{repeat: {times: 1, layers: [" + words + "]}}";
    return "[" + words + "]";
  };
  CHECK(error_of(nested(100)) == "no error");
  CHECK(error_of(nested(101)).find("nested deeper than 100 levels") != std::string::npos);
  std::string bomb = "layers:\n- parallel: [&a0 []]\n";
  for (int i = 1; i <= 12; ++i) {
    bomb += text("- parallel: [&a", i, " [");
    for (int j = 0; j < 10; ++j) bomb += text(j == 0 ? "" : ", ", "{parallel: [*a", i - 1, "]}");
    bomb += "]]\n";
  }
  CHECK(error_of(bomb).ends_with(": more than 200000 layers, repeats and branches counted; check the times of repeats."));
}

TEST_CASE("a network can stand in a file of its own", "[reader]") {
  Scratch const scratch;
  auto const write = [&](std::string const& name, std::string const& words) {
    std::filesystem::create_directories((scratch.path() / name).parent_path());
    std::ofstream(scratch.path() / name) << words;
  };
  auto const read = [&](std::string const& words) {
    ReadContext const context{"job.yaml", scratch.path().string(), {{5}}, language_activations()};
    return read_network(parse_yaml(words, "job.yaml")["network"], context);
  };
  write("net.yaml", "# mine\nlayers: [dense, relu, dense]\ndefaults: {w_std: 2}\n");
  write("nets/one.yaml", "file: two.yaml\n");
  write("nets/two.yaml", "- dense\n- relu\n- relu\n");
  write("round.yaml", "file: round.yaml\n");
  std::string const folder = scratch.path().string();
  Network const net = read("network: {file: net.yaml}");
  CHECK(net.size() == 4);
  CHECK(net.source() == folder + "/net.yaml");
  CHECK(net.where(net.node(1)) == folder + "/net.yaml:2: layer 0 (dense)");
  CHECK(read("network: {file: " + folder + "/net.yaml}").hash() == net.hash());
  CHECK(message_of([&] {
          expect_infinite_width(read("network: {file: nets/one.yaml}"));
        }).starts_with(folder + "/nets/two.yaml:3: layer 2 (relu): its input, layer 1 (relu), is"));
  CHECK(message_of([&] { read("network:\n  file: gone.yaml"); })
        == "job.yaml:2: network: file is gone.yaml; a file that exists (looked for at " + folder + "/gone.yaml) is needed.");
  CHECK(message_of([&] { read("network: {file: round.yaml}"); })
        == folder + "/round.yaml:1: network: file round.yaml is the eleventh in a row; do these files name each other?");
  CHECK(message_of([&] { read("network: {file: net.yaml, layers: []}"); })
        == "job.yaml:1: network: file stands beside other keys; it has to stand alone. Move them into that file.");
  CHECK(message_of([&] { read("network: {file: [1]}"); }) == "job.yaml:1: network: file is [1]; a word is needed.");
}

TEST_CASE("a network inside a job has the job's lines", "[reader]") {
  YAML::Node const job = parse_yaml("name: x\nnetwork:\n  - dense\n  - relu\n  - relu\n", "job.yaml");
  CHECK(message_of([&] {
          expect_infinite_width(read_network(job["network"], {"job.yaml", "", {{5}}, language_activations()}));
        }).starts_with("job.yaml:5: layer 2 (relu): "));
}

TEST_CASE("no text, cut anywhere or with a byte changed, does worse than an Error of one line", "[reader]") {
  auto const [shape, words] = GENERATE(table<std::vector<long>, std::string>({{{5}, R"(layers:
  - flatten
  - dense: {out_dim: 64, w_std: 1.5, b_std: null, s: [1, 1], parameterization: standard}
  - "relu": {do_stabilize: false, input_scale: -2.5e-1}
  - repeat: {times: 3, layers: [&d dense, polynomial: {coef: [1, 2]}]}
  - sum: [[*d], [dense, {layer_norm: {axis: [1, -1]}}]]
  - dropout: {rate: 0.5, mode: 'test'}  # comment
  - concat: {axis: -1, branches: [[erf], [sin, *d]]}
  - {parallel: [[]]}
defaults: {b_std: 0.1, padding: SAME}
)"},
                                                                              {{4, 4, 2}, R"(layers:
  - conv: {filter_shape: [3, 2], strides: null, dimension_numbers: [NHWC, HWIO, NHWC]}
  - avg_pool: {window_shape: [2, 2], normalize_edges: true}
  - global_self_attention: {pos_emb_type: SUM, n_heads: 2}
  - image_resize: {shape: [-1, 3, 5, -1], method: bilinear}
  - index: {idx: [':', '::-1', 1]}
  - dot_general: {lhs: [[1, -2.5, 3]], dimension_numbers: [[[1], [1]], [[], []]]}
  - global_avg_pool: {batch_axis: 1, channel_axis: -1}
defaults: {padding: CIRCULAR}
)"}}));
  std::vector<std::vector<long>> const shapes{shape};
  REQUIRE(error_of(words, shapes) == "no error");
  auto const try_words = [&](std::string const& changed) {
    std::string const message = error_of(changed, shapes);
    return message == "no error" || (message.starts_with("net.yaml") && message.find('\n') == std::string::npos);
  };
  for (std::size_t end = 0; end < words.size(); ++end) {
    INFO(words.substr(0, end));
    REQUIRE(try_words(words.substr(0, end)));
    REQUIRE(try_words(words.substr(end)));
  }
  for (std::size_t at = 0; at < words.size(); ++at)
    for (char const byte : {'\0', '\n', ':', '[', '}', '*', '\xff'}) {
      std::string changed = words;
      changed[at] = byte;
      INFO(changed);
      REQUIRE(try_words(changed));
    }
}
