#pragma once

#include <string>
#include <vector>

#include "job/frame.hpp"

namespace infinitile {

/// One figure of a benchmark. `bound`: what the hardware allows, in the same unit; 0 where there is no such thing.
struct Measurement {
  std::string name;
  double value = 0;
  std::string unit;
  double bound = 0;
  std::string bound_name;
};

/// How large a benchmark is: `tiny` runs in a moment, so that it is part of the tests and cannot rot.
enum class BenchSize { full, tiny };

/// A benchmark. `measure` is collective and returns the same on every rank.
struct Benchmark {
  std::string name;
  std::string summary;
  std::vector<Measurement> (*measure)(Context const&, BenchSize);
};

/// drivers/bench_convolutions.cpp.
std::vector<Measurement> convolutions(Context const& context, BenchSize size);

/// drivers/bench_empirical.cpp.
std::vector<Measurement> empirical(Context const& context, BenchSize size);
std::vector<Measurement> empirical_shapes(Context const& context, BenchSize size);

/// drivers/bench_shaping.cpp.
std::vector<Measurement> shaping(Context const& context, BenchSize size);

/// All there are; drivers/bench_cases.cpp.
std::vector<Benchmark> const& benchmarks();

}  // namespace infinitile
