// Networks of ONNX files against what PyTorch says of them: outputs and kernels, by each method.
#include "base/index.hpp"
#include "finite/empirical_kernel.hpp"
#include "onnx/import.hpp"
#include "support/catch.hpp"
#include "support/golden_networks.hpp"

using namespace infinitile;

namespace {

constexpr std::array methods{NtkMethod::automatic, NtkMethod::jacobian_contraction, NtkMethod::ntk_vector_products,
                             NtkMethod::structured_derivatives};

std::string reference(std::string const& name) {
  return text(INFINITILE_TEST_DATA, "/", name);
}

/// One network of tests/reference/onnx.h5.
class OnnxCase {
public:
  OnnxCase(hid_t file, std::string const& name) : group_(H5Gopen(file, name.c_str(), H5P_DEFAULT), H5Gclose), name_(name) {
    std::vector<long> shape = this->shape("x1");
    shape.erase(shape.begin());
    OnnxModel const model = read_onnx(load_onnx(reference(text("onnx/", name, ".onnx"))), name + ".onnx");
    std::vector<std::string> skip;
    if (H5Aexists(group_, "skip") > 0)
      for (YAML::Node const& each : parse_yaml(golden::read_words(group_, "skip"), "skip")) skip.push_back(each.as<std::string>());
    network = import_onnx(model, {{shape}, skip, {}});
  }

  std::vector<double> read(std::string const& path) const { return golden::read(group_, path); }
  std::vector<long> shape(std::string const& path) const { return h5::shape_of(h5::open_dataset(group_, "golden file", path)).extents; }
  hid_t group() const { return group_; }

  OnnxNetwork network;

private:
  h5::Handle group_;
  std::string name_;
};

template <class T>
double difference(std::vector<T> const& found, std::vector<double> const& expected) {
  return golden::difference(Batch<T const>(found.data(), 1, 1, std::ssize(found)), expected);
}

template <class Check>
void for_each_network(Check const& check) {
  int count = 0;
  for (std::string const file_name : {"onnx.h5", "onnx_more.h5"}) {
    h5::Handle const file = h5::open_file(reference(file_name));
    for (std::string const& name : golden::case_names(file)) {
      CAPTURE(name);
      check(name, OnnxCase(file, name));
      ++count;
    }
  }
  CHECK(count == 19);
}

template <class T>
Numbers<T> inputs_of(OnnxCase const& network, std::string const& path) {
  return golden::numbers_of<T>(network.read(path), 1, static_cast<int>(network.shape(path)[0]));
}

template <class T>
void check_kernels(OnnxCase const& each, double tolerance) {
  Numbers<T> const x1 = inputs_of<T>(each, "x1"), x2 = inputs_of<T>(each, "x2");
  Batch<T const> const train = x1.batch(), test = x2.batch();
  int checked = 0;
  for (std::string const path :
       {"train_train/ntk", "test_train/ntk", "test_train/nngp", "test_train/ntk_full", "test_train/ntk_diagonal"}) {
    if (H5Lexists(each.group(), path.c_str(), H5P_DEFAULT) <= 0) continue;
    CAPTURE(path);
    KernelAxes axes;
    if (path.ends_with("full") || path.ends_with("diagonal")) axes.trace = {};
    if (path.ends_with("diagonal")) axes.diagonal = {-1};
    for (NtkMethod const method : methods) {
      CAPTURE(method);
      EmpiricalKernel<T> const kernel(each.network.program, each.network.values, axes, method);
      auto const block = path.starts_with("train") ? kernel.within({&train, 1}) : kernel.between({&test, 1}, {&train, 1});
      CHECK(difference(path.ends_with("nngp") ? block.nngp : block.ntk, each.read(path)) <= tolerance);
      ++checked;
    }
  }
  CHECK(checked >= 12);
}

}  // namespace

TEST_CASE("outputs of all golden ONNX networks are PyTorch's", "[onnx]") {
  for_each_network([](std::string const&, OnnxCase const& each) {
    for (auto const& [x, y] : {std::pair("x1", "y1"), std::pair("x2", "y2")}) {
      Numbers<double> const inputs = inputs_of<double>(each, x);
      Batch<double const> const batch = inputs.batch();
      ParameterArrays<double> const parameters(each.network.values);
      Evaluation<double> const at(each.network.program, parameters.batches(), {&batch, 1}, Evaluation<double>::Keep::nothing);
      CHECK(golden::difference(at.output(), each.read(y)) <= 3e-8);
    }
  });
}

TEST_CASE("kernels of all golden ONNX networks are PyTorch's, by every method", "[onnx]") {
  for_each_network([](std::string const&, OnnxCase const& each) {
    check_kernels<double>(each, 1e-7);
    check_kernels<float>(each, 1e-5);
  });
}
