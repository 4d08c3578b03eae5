#pragma once

// Golden finite networks: the cases of tests/reference/finite.h5, as the program reads them.

#include <string>
#include <vector>

#include "base/text.hpp"
#include "finite/compile.hpp"
#include "finite/evaluation.hpp"
#include "kernels/activation.hpp"
#include "net/reader.hpp"
#include "support/golden_kernels.hpp"

namespace golden {

/// One network of the file, with its inputs and parameters.
class FiniteCase {
public:
  FiniteCase(hid_t file, std::string const& name)
      : group_(H5Gopen(file, name.c_str(), H5P_DEFAULT), H5Gclose),
        program_(compile_finite(network_of(group_))),
        parameters_(read_parameters("params")) {}

  hid_t group() const { return group_; }
  FiniteProgram const& program() const { return program_; }
  ParameterValues const& parameters() const { return parameters_; }

  std::vector<double> read(std::string const& path) const { return golden::read(group_, path); }
  std::vector<long> shape(std::string const& path) const { return h5::shape_of(h5::open_dataset(group_, "golden file", path)).extents; }
  /// Arrays of the parameters' shapes, below a group.
  ParameterValues read_parameters(std::string const& below) const {
    ParameterValues out;
    for (ParameterSpec const& spec : program_.parameters) {
      REQUIRE(shape(below + "/" + spec.path) == spec.shape);
      out.push_back(read(below + "/" + spec.path));
    }
    return out;
  }

private:
  static Network network_of(hid_t group) {
    auto const signatures = activation_signatures();
    return read_network(parse_yaml(read_words(group, "network"), "test"), ReadContext{"test", "", {read_inputs(group).shape}, signatures});
  }

  h5::Handle group_;
  FiniteProgram program_;
  ParameterValues parameters_;
};

/// A batch of numbers in either precision, its memory its own.
template <class T>
Numbers<T> numbers_of(std::vector<double> const& values, int copies, int rows) {
  Numbers<T> const out(copies, rows, std::ssize(values) / copies / rows);
  std::transform(values.begin(), values.end(), out.batch().data, [](double v) { return static_cast<T>(v); });
  return out;
}

/// The largest difference relative to the largest golden number.
template <class T>
double difference(Batch<T> const& found, std::vector<double> const& golden) {
  if (found.count() != std::ssize(golden)) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    if (!std::isfinite(found.data[i])) return INFINITY;
    most = std::max(most, std::abs(static_cast<double>(found.data[i]) - golden[i]));
  }
  double const scale = largest(golden);
  return scale > 0 ? most / scale : most;
}

/// work(name, case) for each network of the file.
template <class Work>
void for_each_network(Work const& work) {
  h5::Handle const file = h5::open_file(text(INFINITILE_TEST_DATA, "/finite.h5"));
  auto const names = case_names(file);
  REQUIRE(names.size() == 40);
  for (auto const& name : names) {
    CAPTURE(name);
    work(name, FiniteCase(file, name));
  }
}

}  // namespace golden
