#include <cmath>

#include "base/error.hpp"
#include "store/scaling.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

Dataset dataset_of(std::string const& name, long features, std::vector<double> const& values) {
  Dataset dataset;
  dataset.rows = std::ssize(values) / features;
  dataset.inputs = {{{name, "", ""}, {features}, values}};
  return dataset;
}

std::vector<double> scaled(Dataset const& train, Scale scale) {
  Data data{train, std::nullopt};
  scale_inputs(data, scale);
  return data.train.inputs[0].values;
}

std::string refusal_of(Dataset const& train, std::optional<Dataset> const& test, Scale scale) {
  Data data{train, test};
  return message_of<Error>([&] { scale_inputs(data, scale); });
}

}  // namespace

TEST_CASE("none leaves every bit", "[scaling]") {
  CHECK(scaled(dataset_of("a", 2, {0, 0, 1e300, 0.1}), Scale::none) == std::vector<double>{0, 0, 1e300, 0.1});
}

TEST_CASE("unit_sphere gives each input the norm sqrt(d), also where squares overflow", "[scaling]") {
  auto const x = scaled(dataset_of("a", 2, {3, 4, -1e200, 0, 1e-200, 1e-200}), Scale::unit_sphere);
  double const root = std::sqrt(2.0);
  std::vector<double> const expected{0.6 * root, 0.8 * root, -root, 0, 1, 1};
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(expected[i]).epsilon(1e-15));
  CHECK(refusal_of(dataset_of("a", 2, {1, 1}), dataset_of("b.npy", 2, {1, 0, 0, 0}), Scale::unit_sphere)
        == "row 1 of b.npy is all zeros, and scale: unit_sphere divides by its norm. Take the row out or choose another scale.");
}

TEST_CASE("standardize takes mean and deviation from train, and only centres what is constant", "[scaling]") {
  Data data{dataset_of("a", 3, {1, 0.1, 5, 3, 0.1, 5, 1, 0.1, 5, 3, 0.1, 7}), dataset_of("b", 3, {5, 1.1, 5.5})};
  scale_inputs(data, Scale::standardize);
  double const s = std::sqrt(0.75);
  std::vector<double> const train{-1, 0, -0.5 / s, 1, 0, -0.5 / s, -1, 0, -0.5 / s, 1, 0, 1.5 / s}, test{3, 1, 0};
  for (std::size_t i = 0; i < train.size(); ++i) CHECK(data.train.inputs[0].values[i] == Approx(train[i]).margin(1e-15));
  for (std::size_t i = 0; i < test.size(); ++i) CHECK(data.test->inputs[0].values[i] == Approx(test[i]).margin(1e-15));
  for (std::size_t row = 0; row < 4; ++row) CHECK(data.train.inputs[0].values[row * 3 + 1] == 0);  // exactly, though 0.1 has no exact mean
}

TEST_CASE("standardize refuses data without any variation", "[scaling]") {
  CHECK(
      refusal_of(dataset_of("a.npy", 2, {1, 2, 1, 2, 1, 2}), std::nullopt, Scale::standardize)
      == "every feature of a.npy has one value in all train rows, and scale: standardize divides by the deviation. Choose another scale.");
}

TEST_CASE("scales leave padding out: norms, means and deviations are those of what is there", "[scaling]") {
  Dataset sequences = dataset_of("a", 4, {3, 4, 0, 0, 1, 2, 2, 4, 5, 9, 4, 2});
  sequences.inputs[0].shape = {2, 2};
  sequences.inputs[0].masked = {0, 1, 0, 0, 0, 0};
  std::vector<double> const sphere = scaled(sequences, Scale::unit_sphere), standard = scaled(sequences, Scale::standardize);
  double const root = std::sqrt(2.0);
  CHECK(sphere[0] == Approx(0.6 * root).epsilon(1e-15));  // two numbers are there
  CHECK(sphere[4] == Approx(1 / 2.5).epsilon(1e-15));     // four, of norm 5
  CHECK(standard[2] == 0);
  CHECK(standard[6] == Approx(-1).epsilon(1e-15));  // of 2 and 4: mean 3, deviation 1
  CHECK(standard[10] == Approx(1).epsilon(1e-15));
  CHECK(standard[0] == Approx(0).margin(1e-15));  // of 3, 1 and 5
}
