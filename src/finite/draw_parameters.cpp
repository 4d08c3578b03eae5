// Drawing what parameters.hpp describes.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <boost/math/special_functions/erf.hpp>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/index.hpp"
#include "finite/parameters.hpp"
#include "kernels/orthogonal.hpp"
#include "kernels/philox.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

constexpr std::size_t chunk = 1 << 14;  // entries of one thread's piece, an even number

/// fill(begin, end) for pieces of out.
template <class Fill>
void in_pieces(std::vector<double> const& out, Fill const& fill) {
  parallel_for_tiles(static_cast<int>((out.size() + chunk - 1) / chunk), [&](int piece) {
    std::size_t const begin = static_cast<std::size_t>(piece) * chunk;
    fill(begin, std::min(out.size(), begin + chunk));
  });
}

std::vector<double> gaussians(RandomStream const& numbers, std::size_t count, double deviation) {
  std::vector<double> out(count);
  in_pieces(out, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; i += 2) {
      auto const [first, second] = numbers.normals(i / 2);
      out[i] = deviation * first;
      if (i + 1 < end) out[i + 1] = deviation * second;
    }
  });
  return out;
}

/// Gaussians between -2 and 2, by the inverse of their distribution.
std::vector<double> truncated_gaussians(RandomStream const& numbers, std::size_t count, double deviation) {
  constexpr double of_the_rest = 0.87962566103423978;  // the deviation of a standard Gaussian that is cut off at -2 and 2
  std::vector<double> out(count);
  double const inside = std::erf(std::numbers::sqrt2), factor = deviation / of_the_rest * std::numbers::sqrt2;
  in_pieces(out, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = factor * boost::math::erf_inv((2 * numbers.uniform(i) - 1) * inside);
  });
  return out;
}

/// Of each copy and group a matrix (in, out) at the middle tap: orthonormal along the shorter side, times max(√(out / in), 1).
std::vector<double> orthogonal_matrices(RandomStream const& numbers, ParameterSpec const& spec) {
  WeightLayout const& l = spec.layout;
  INFINITILE_EXPECT(l.copies * l.taps * l.in * l.groups * l.out == spec.size() && l.taps % 2 == 1);
  std::vector<double> out(at(spec.size()), 0), matrices = gaussians(numbers, at(l.copies * l.groups * l.in * l.out), 1);
  bool const wide = l.out > l.in;
  int const rows = number(std::min(l.in, l.out)), cols = number(std::max(l.in, l.out));
  double const factor = spec.deviation * std::sqrt(static_cast<double>(l.taps * l.in))
                        * std::sqrt(std::max(static_cast<double>(l.out) / static_cast<double>(l.in), 1.0));
  for (long m = 0; m < l.copies * l.groups; ++m) {
    Matrix const q(matrices.data() + m * l.in * l.out, rows, cols);
    orthonormalize_rows(q);
    long const copy = m / l.groups, group = m % l.groups, stride = l.groups * l.out;
    double* const to = out.data() + (copy * l.taps + l.taps / 2) * l.in * stride + group * l.out;
    for (int i = 0; i < number(l.in); ++i)
      for (int j = 0; j < number(l.out); ++j) to[i * stride + j] = factor * (wide ? q(i, j) : q(j, i));
  }
  return out;
}

}  // namespace

double draw_flops(ParameterSpec const& spec) {
  if (spec.entries != ParameterSpec::Entries::orthogonal) return 0;
  WeightLayout const& l = spec.layout;
  double const n = static_cast<double>(std::min(l.in, l.out)), m = static_cast<double>(std::max(l.in, l.out));
  return static_cast<double>(l.copies * l.groups) * (4 * m * n * n - 4 * n * n * n / 3);
}

std::vector<double> draw_parameter(ParameterSpec const& spec, Draw draw) {
  RandomStream const numbers{draw.seed, checksum(spec.path, draw.sample)};
  std::size_t const count = at(spec.size());
  switch (spec.entries) {
    case ParameterSpec::Entries::gaussian:
      return gaussians(numbers, count, spec.deviation);
    case ParameterSpec::Entries::truncated:
      return truncated_gaussians(numbers, count, spec.deviation);
    case ParameterSpec::Entries::orthogonal:
      return orthogonal_matrices(numbers, spec);
    case ParameterSpec::Entries::zero:
      break;
  }
  return std::vector<double>(count, 0);
}

ParameterValues draw_parameters(std::span<ParameterSpec const> specs, Draw draw) {
  ParameterValues out;
  for (ParameterSpec const& spec : specs) out.push_back(draw_parameter(spec, draw));
  return out;
}

}  // namespace infinitile
