#include "store/scaling.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// Each row to norm sqrt(d), d being its numbers that are not masked. Divided by its largest entry first, so that no square overflows.
void project_to_sphere(InputArray& input) {
  auto const features = static_cast<std::size_t>(input.features());
  for (std::size_t at = 0; at < input.values.size(); at += features) {
    auto const row = std::span(input.values).subspan(at, features);
    double largest = 0, squares = 0;
    for (double const x : row) largest = std::max(largest, std::abs(x));
    if (largest == 0)
      throw Error(text("row ", at / features, " of ", input.source.name(),
                       " is all zeros, and scale: unit_sphere divides by its norm. Take the row out or choose another scale."));
    for (double const x : row) squares += (x / largest) * (x / largest);
    std::size_t count = 0;
    for (std::size_t i = at; i < at + features; ++i) count += input.is_masked(i) ? 0 : 1;
    double const factor = std::sqrt(static_cast<double>(count) / squares);
    for (double& x : row) x = x / largest * factor;
  }
}

struct Moments {
  std::vector<double> mean;
  std::vector<double> deviation;  ///< 1 for a constant feature: it is centred only, as scikit-learn does
  std::size_t constant = 0;       ///< how many are
};

/// Mean and deviation (over n, not n - 1) of each feature, over the rows where it is not masked. Constant is what has one value, not what
/// rounds to a small variance.
Moments moments_of(InputArray const& input) {
  auto const features = static_cast<std::size_t>(input.features());
  Moments m{std::vector<double>(features, 0), std::vector<double>(features, 0), 0};
  std::vector<double> count(features, 0), first(features, 0);
  std::vector<char> varies(features, 0);
  auto const for_each_value = [&](auto f) {
    for (std::size_t i = 0; i < input.values.size(); ++i)
      if (!input.is_masked(i)) f(i % features, input.values[i]);
  };
  for_each_value([&](std::size_t j, double x) {
    if (count[j] == 0) first[j] = x;
    varies[j] |= static_cast<char>(x != first[j]);
    count[j] += 1;
  });
  for_each_value([&](std::size_t j, double x) { m.mean[j] += x / count[j]; });
  for (std::size_t j = 0; j < features; ++j)
    if (varies[j] == 0) m.mean[j] = first[j];  // exactly, so that it centres to 0
  for_each_value([&](std::size_t j, double x) { m.deviation[j] += (x - m.mean[j]) * (x - m.mean[j]) / count[j]; });
  for (std::size_t j = 0; j < features; ++j) m.deviation[j] = varies[j] == 0 || m.deviation[j] == 0 ? 1 : std::sqrt(m.deviation[j]);
  m.constant = static_cast<std::size_t>(std::count(varies.begin(), varies.end(), char{0}));
  return m;
}

void standardize(InputArray& input, Moments const& m) {
  std::size_t const features = m.mean.size();
  for (std::size_t i = 0; i < input.values.size(); ++i)
    input.values[i] = input.is_masked(i) ? 0 : (input.values[i] - m.mean[i % features]) / m.deviation[i % features];
}

/// What dividing by a mean takes of few numbers is felt.
void warn_of_few_numbers(InputArray const& input, PerLocation const& how) {
  constexpr long few = 20;
  bool const average = how.mode == PerLocation::Mode::avg_q;
  long const numbers = average ? input.features() : input.shape.back();
  if (how.mode == PerLocation::Mode::one || numbers >= few) return;
  log_warning(text("data.scale: per_location with homog_mode ", average ? "avg_q" : "off", " takes one degree of freedom of the ", numbers,
                   average ? " numbers of each input of " : " channels at each position of ", input.source.name(),
                   "; that is felt below 20. homog_mode one takes none"));
}

}  // namespace

void scale_inputs(Data& data, Scale scale, PerLocation const& per_location) {
  if (scale == Scale::none) return;
  for (std::size_t i = 0; i < data.train.inputs.size(); ++i) {
    InputArray& train = data.train.inputs[i];
    InputArray* const test = data.test ? &data.test->inputs[i] : nullptr;
    if (scale == Scale::per_location) {
      warn_of_few_numbers(train, per_location);
      normalize_locations(train, per_location);
      if (test != nullptr) normalize_locations(*test, per_location);
      continue;
    }
    if (scale == Scale::unit_sphere) {
      project_to_sphere(train);
      if (test != nullptr) project_to_sphere(*test);
      continue;
    }
    Moments const m = moments_of(train);
    if (m.constant == m.mean.size())
      throw Error(text("every feature of ", train.source.name(),
                       " has one value in all train rows, and scale: standardize divides by the deviation. Choose another scale."));
    if (m.constant > 0)
      log_info(
          text(m.constant, " of ", m.mean.size(), " features of ", train.source.name(), " are constant; standardize only centres them"));
    standardize(train, m);
    if (test != nullptr) standardize(*test, m);
  }
}

}  // namespace infinitile
