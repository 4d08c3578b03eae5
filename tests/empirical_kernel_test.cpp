// Empirical kernels of finite networks: golden ones, by each method.
#include "finite/empirical_kernel.hpp"

#include "base/index.hpp"
#include "net/yaml.hpp"
#include "support/catch.hpp"
#include "support/golden_networks.hpp"

using namespace infinitile;
using golden::FiniteCase;

namespace {

constexpr std::array methods{NtkMethod::automatic, NtkMethod::jacobian_contraction, NtkMethod::ntk_vector_products,
                             NtkMethod::structured_derivatives};

/// With enough memory, and with so little that outputs and parameters go one after the other.
std::vector<std::pair<NtkMethod, long>> const ways = [] {
  std::vector<std::pair<NtkMethod, long>> out;
  for (NtkMethod const method : methods)
    for (long const numbers_at_once : {1L << 26, 1L}) out.emplace_back(method, numbers_at_once);
  return out;
}();

template <class T>
struct SampleBatch {
  Numbers<T> numbers;
  Batch<T const> batch;
  SampleBatch(FiniteCase const& network, std::string const& name)
      : numbers(golden::numbers_of<T>(network.read(name), 1, static_cast<int>(network.shape(name)[0]))), batch(numbers.batch()) {}
  std::span<Batch<T const> const> inputs() const { return {&batch, 1}; }
};

template <class T>
double difference(std::vector<T> const& found, std::vector<double> const& golden) {
  return golden::difference(Batch<T const>(found.data(), 1, 1, std::ssize(found)), golden);
}

/// Where the file does not say, `test_train/ntk` does.
std::vector<int> read_axes(hid_t dataset, char const* name, std::vector<int> const& standard) {
  if (H5Aexists(dataset, name) <= 0) return standard;
  return parse_yaml(golden::read_words(dataset, name), name).template as<std::vector<int>>();
}

template <class T>
void check_kernels(FiniteCase const& network, double tolerance) {
  SampleBatch<T> const x1(network, "x1"), x2(network, "x2");
  int checked = 0;
  for (std::string const path : {"train_train/ntk", "test_train/ntk", "test_train/nngp", "test_train/ntk_full", "test_train/ntk_diagonal",
                                 "test_train/ntk_positions", "test_train/ntk_traced"}) {
    if (H5Lexists(network.group(), path.c_str(), H5P_DEFAULT) <= 0) continue;
    CAPTURE(path);
    h5::Handle const dataset = h5::open_dataset(network.group(), "golden file", path);
    KernelAxes const axes{read_axes(dataset, "trace_axes", {-1}), read_axes(dataset, "diagonal_axes", {})};
    for (auto const& [method, numbers_at_once] : ways) {
      CAPTURE(method, numbers_at_once);
      EmpiricalKernel<T> const kernel(network.program(), network.parameters(), axes, method, numbers_at_once);
      auto const block = path.starts_with("train") ? kernel.within(x1.inputs()) : kernel.between(x2.inputs(), x1.inputs());
      std::vector<long> shape = h5::shape_of(dataset).extents;
      shape.erase(shape.begin(), shape.begin() + 2);
      CHECK(kernel.layout().kept_shape() == shape);
      CHECK(difference(path.ends_with("nngp") ? block.nngp : block.ntk, network.read(path)) <= tolerance);
      ++checked;
    }
  }
  CHECK(checked >= 24);
}

}  // namespace

TEST_CASE("every golden empirical kernel is met by every method", "[empirical_kernel]") {
  golden::for_each_network([](std::string const&, FiniteCase const& network) {
    check_kernels<double>(network, 1e-10);
    check_kernels<float>(network, 1e-5);
  });
}

TEST_CASE("products with the kernel are those with its entries", "[empirical_kernel]") {
  golden::for_each_network([](std::string const& name, FiniteCase const& network) {
    if (network.program().output_shape.size() != 1) return;
    CAPTURE(name);
    SampleBatch<double> const x1(network, "x1"), x2(network, "x2");
    auto const v = golden::numbers_of<double>(network.read("cotangent"), 1, x1.batch.rows);
    long const outputs = network.program().output_shape[0];
    EmpiricalKernel<double> const kernel(network.program(), network.parameters(), {{}, {}}, NtkMethod::jacobian_contraction);
    auto const full = kernel.between(x2.inputs(), x1.inputs()).ntk;
    std::vector<double> expected(at(x2.batch.rows * outputs), 0);
    for (long i = 0; i < x2.batch.rows; ++i)
      for (long j = 0; j < x1.batch.rows; ++j)
        for (long o = 0; o < outputs; ++o)
          for (long p = 0; p < outputs; ++p)
            expected[at(i * outputs + o)] +=
                full[at(((i * x1.batch.rows + j) * outputs + o) * outputs + p)] * v.batch().at(0, static_cast<int>(j))[p];
    CHECK(golden::difference(kernel.multiply(x2.inputs(), x1.inputs(), v.batch()).batch(), expected) <= 1e-12);
  });
}

TEST_CASE("a batch with itself has a symmetric kernel, to the last bit", "[empirical_kernel]") {
  golden::for_each_network([](std::string const& name, FiniteCase const& network) {
    if (network.program().output_shape.size() != 1) return;
    CAPTURE(name);
    SampleBatch<double> const x(network, "x1");
    long const n = x.batch.rows, outputs = network.program().output_shape[0];
    for (NtkMethod const method : methods) {
      auto const [nngp, ntk] = EmpiricalKernel<double>(network.program(), network.parameters(), {{}, {}}, method).within(x.inputs());
      auto const place = [&](long i, long j, long o, long p) { return at(((i * n + j) * outputs + o) * outputs + p); };
      bool symmetric = true;
      for (long i = 0; i < n; ++i)
        for (long j = 0; j <= i; ++j)
          for (long o = 0; o < outputs; ++o)
            for (long p = 0; p < outputs; ++p)
              symmetric =
                  symmetric && ntk[place(i, j, o, p)] == ntk[place(j, i, p, o)] && nngp[place(i, j, o, p)] == nngp[place(j, i, p, o)];
      CHECK(symmetric);
    }
  });
}

TEST_CASE("a pair alone has the kernel that it has in a block", "[empirical_kernel]") {
  golden::for_each_network([](std::string const& name, FiniteCase const& network) {
    CAPTURE(name);
    SampleBatch<double> const x1(network, "x1"), x2(network, "x2");
    auto const sample = [](SampleBatch<double> const& x, int row) { return Batch<double const>(x.batch.at(0, row), 1, 1, x.batch.size); };
    Batch<double const> const row = sample(x2, 1), col = sample(x1, 2);
    for (NtkMethod const method : methods) {
      CAPTURE(method);
      EmpiricalKernel<double> const kernel(network.program(), network.parameters(), {}, method);
      auto const pair = kernel.between({&row, 1}, {&col, 1}), block = kernel.between(x2.inputs(), x1.inputs());
      auto const first = block.ntk.begin() + (x1.batch.rows + 2) * kernel.layout().kept();
      CHECK(difference(pair.ntk, {first, first + kernel.layout().kept()}) <= 1e-12);
    }
  });
}

TEST_CASE("weights of dense layers, convolutions and heads have a structure, biases have none", "[empirical_kernel]") {
  auto const with_structure = [](std::string const& name) {
    h5::Handle const file = h5::open_file(text(INFINITILE_TEST_DATA, "/finite.h5"));
    FiniteProgram const program = FiniteCase(file, name).program();
    std::vector<std::string> out;
    auto const uses = find_uses(program);
    for (std::size_t p = 0; p < uses.size(); ++p)
      if (has_structure(program, uses[p])) out.push_back(program.parameters[p].path);
    return out;
  };
  CHECK(with_structure("mlp") == std::vector<std::string>{"0/w", "2/w", "4/w"});
  CHECK(with_structure("conv2d_same") == std::vector<std::string>{"0/w", "2/w", "5/w"});
  CHECK(with_structure("conv_local1d") == std::vector<std::string>{"0/w", "2/w", "5/w"});
  CHECK(with_structure("attention") == std::vector<std::string>{"0/w", "2/w_key", "2/w_value", "2/w_out", "5/w"});
}
