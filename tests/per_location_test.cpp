#include <cmath>

#include "base/error.hpp"
#include "store/raw_array.hpp"
#include "store/scaling.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

using Mode = PerLocation::Mode;

InputArray input_of(std::vector<long> const& shape, std::vector<double> const& values) {
  return {{"a.npy", "", ""}, shape, values};
}

InputArray normalized(InputArray input, PerLocation const& how) {
  normalize_locations(input, how);
  return input;
}

std::vector<double> various(long count) {
  std::vector<double> out;
  for (long i = 0; i < count; ++i) out.push_back(std::sin(static_cast<double>(i * i + 1)));
  return out;
}

void check_constant(PerLocation const& how, std::vector<double> const& expected) {
  InputArray const x = normalized(input_of({6, 3}, std::vector<double>(180, 0.7)), how);
  CHECK(x.shape == std::vector<long>{6, std::ssize(expected)});
  REQUIRE(x.values.size() == 60 * expected.size());
  for (std::size_t i = 0; i < x.values.size(); ++i) CHECK(x.values[i] == Approx(expected[i % expected.size()]).epsilon(1e-14));
}

}  // namespace

/// dks reference 3.5.
TEST_CASE("the golden values of constants", "[per_location]") {
  double const small = std::sqrt(2 / 1.09), h = 2.5 / 0.7, root = std::sqrt(4 / (3 + h * h)), half = std::sqrt(4.0 / 7);
  InputArray const one = normalized(input_of({1}, {0.3}), {});
  CHECK(one.values[0] == Approx(0.3 * small).epsilon(1e-15));
  CHECK(one.values[1] == Approx(small).epsilon(1e-15));
  check_constant({Mode::off, 1}, {1, 1, 1});
  check_constant({Mode::one, 2.5}, {root, root, root, h * root});
  check_constant({Mode::avg_q, 1}, {1, 1, 1, 1});
  check_constant({Mode::avg_q, 2}, {half, half, half, 2 * half});
}

/// dks reference 6.4: the shapes without their batch, whose rows are three.
TEST_CASE("every position has mean square 1, and one channel more unless off", "[per_location]") {
  for (std::vector<long> const& shape : {std::vector<long>{5, 7, 2}, {6, 1}, {4}, {1}, {10}})
    for (Mode const mode : {Mode::one, Mode::avg_q, Mode::off})
      for (double const scale : {1.0, 3.2}) {
        if (mode == Mode::avg_q && shape.size() == 1) continue;
        long const channels = shape.back() + (mode == Mode::off ? 0 : 1), locations = 3 * product(shape) / shape.back();
        InputArray const before = input_of(shape, various(3 * product(shape)));
        InputArray const x = normalized(before, {mode, scale});
        CHECK(x.shape.back() == channels);
        REQUIRE(std::ssize(x.values) == locations * channels);
        for (long p = 0; p < locations; ++p) {
          double squares = 0;
          for (long c = 0; c < channels; ++c) squares += std::pow(x.values[static_cast<std::size_t>(p * channels + c)], 2);
          CHECK(squares / static_cast<double>(channels) == Approx(1).epsilon(1e-14));
          double const was = before.values[static_cast<std::size_t>(p * shape.back())];
          CHECK((x.values[static_cast<std::size_t>(p * channels)] > 0) == (was > 0));
        }
      }
}

TEST_CASE("numbers whose squares leave the range of doubles are normalized too", "[per_location]") {
  InputArray const x = normalized(input_of({2, 1}, {1e200, -1e-200}), {Mode::off, 1});
  CHECK(x.values == std::vector<double>{1, -1});
}

/// avg_q of what is there: 3 and 4 have mean square 12.5.
TEST_CASE("padding stays padding and no mean knows of it", "[per_location]") {
  InputArray input = input_of({2, 2}, {3, 4, 0, 0, 1, 1, 7, 7});
  input.masked = {0, 1, 0, 0};
  InputArray const x = normalized(input, {Mode::avg_q, 1});
  CHECK(x.masked == input.masked);
  double const root = std::sqrt(3 / 37.5);
  std::vector<double> const first{3 * root, 4 * root, std::sqrt(12.5) * root, 0, 0, 0};
  for (std::size_t i = 0; i < 6; ++i) CHECK(x.values[i] == Approx(first[i]).epsilon(1e-15).margin(0));
  CHECK(x.values[8] == Approx(5 * std::sqrt(3.0 / 27)).epsilon(1e-15));
}

TEST_CASE("a position that is all zeros is named, where nothing is put beside it", "[per_location]") {
  auto const refusal = [](InputArray input, PerLocation const& how) { return message_of<Error>([&] { normalize_locations(input, how); }); };
  std::vector<double> values = various(24);
  for (std::size_t const i : {20, 21}) values[i] = 0;
  CHECK(refusal(input_of({2, 3, 2}, values), {Mode::off, 1})
        == "row 1 of a.npy is all zeros at position (1, 1), counted from 0, and data.scale: per_location with homog_mode off divides by what is "
           "there. Set homog_mode to one or avg_q, or mask the position.");
  CHECK(normalized(input_of({2, 3, 2}, values), {}).values[32] == Approx(std::sqrt(3.0)));
  CHECK(normalized(input_of({2, 3, 2}, values), {Mode::avg_q, 1}).values[32] == Approx(std::sqrt(3.0)));
  CHECK(refusal(input_of({2, 1}, {1, 2, 0, 0}), {Mode::avg_q, 1}).starts_with("row 1 of a.npy is all zeros at position (0)"));
  CHECK(refusal(input_of({2}, {1, 2, 0, 0}), {Mode::off, 1}).starts_with("row 1 of a.npy is all zeros, and"));
  CHECK(refusal(input_of({2}, {1, 2}), {Mode::avg_q, 1})
        == "data.scale: per_location with homog_mode avg_q takes a mean over positions, and a sample of a.npy has shape (2,), without any. Say "
           "where they are by data.shape, or set homog_mode to one.");
}

TEST_CASE("train and test are normalized alike", "[per_location]") {
  Data data;
  data.train.inputs = {input_of({1}, {0.3})};
  data.test.emplace();
  data.test->inputs = {input_of({1}, {0.3, 5})};
  scale_inputs(data, Scale::per_location, {});
  CHECK(data.test->inputs[0].shape == data.train.inputs[0].shape);
  CHECK(data.test->inputs[0].values[1] == data.train.inputs[0].values[1]);
}
