#include "net/position_decay.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/index.hpp"

namespace infinitile {

namespace {

double value_at(PositionDecay const& decay, double distance) {
  switch (decay.kind) {
    case PositionDecay::Kind::exp:
      return std::exp(-decay.rate * distance);
    case PositionDecay::Kind::power:
      return std::pow(1 + distance, -decay.rate);
    case PositionDecay::Kind::values:
      break;
  }
  return distance < static_cast<double>(decay.values.size()) ? decay.values[at(std::lround(distance))] : 0;
}

/// The place of a position on each axis.
std::vector<long> unravel(long position, std::span<long const> sizes) {
  std::vector<long> out(sizes.size());
  for (std::size_t a = sizes.size(); a-- > 0; position /= sizes[a]) out[a] = position % sizes[a];
  return out;
}

double distance(std::vector<long> const& one, std::vector<long> const& other, double p_norm) {
  double sum = 0;
  for (std::size_t a = 0; a < one.size(); ++a)
    if (one[a] != other[a]) sum += std::pow(static_cast<double>(std::abs(one[a] - other[a])), p_norm);
  return sum;
}

/// What is left of a variance by rounding alone, of a matrix n x n.
double rounding_of(std::vector<double> const& matrix, long n) {
  double largest = 0;
  for (long i = 0; i < n; ++i) largest = std::max(largest, matrix[at(i * n + i)]);
  return 8 * static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
}

}  // namespace

std::vector<double> embedding_covariance(GlobalSelfAttention const& op, std::span<long const> sizes) {
  if (!op.pos_emb_decay_fn) return {};
  std::vector<std::vector<long>> places;
  long positions = 1;
  for (long const size : sizes) positions *= size;
  for (long p = 0; p < positions; ++p) places.push_back(unravel(p, sizes));
  std::vector<double> out;
  for (auto const& p : places)
    for (auto const& r : places) out.push_back(value_at(*op.pos_emb_decay_fn, distance(p, r, op.pos_emb_p_norm)));
  return out;
}

std::vector<double> factor_of(std::vector<double> covariance, long n) {
  auto const entry = [&](long i, long j) -> double& { return covariance[at(i * n + j)]; };
  double const rounding = rounding_of(covariance, n);
  for (long k = 0; k < n; ++k) {
    bool const determined = entry(k, k) <= rounding;
    double const root = std::sqrt(std::max(entry(k, k), 0.0));
    for (long i = k; i < n; ++i) entry(i, k) = determined ? 0 : entry(i, k) / root;
    for (long i = 0; i < k; ++i) entry(i, k) = 0;
    for (long i = k + 1; i < n; ++i)
      for (long j = k + 1; j <= i; ++j) entry(i, j) -= entry(i, k) * entry(j, k);
  }
  return covariance;
}

bool is_covariance(std::vector<double> matrix, long n) {
  // Cholesky factorization that takes the largest variance left first: what is left of a covariance is one too, up to rounding.
  auto const entry = [&](long i, long j) -> double& { return matrix[at(i * n + j)]; };
  double const rounding = rounding_of(matrix, n);
  std::vector<long> left;
  for (long i = 0; i < n; ++i) left.push_back(i);
  while (!left.empty()) {
    auto const pivot = std::ranges::max_element(left, {}, [&](long i) { return entry(i, i); });
    long const k = *pivot;
    double const variance = entry(k, k);
    if (variance <= rounding) break;
    left.erase(pivot);
    for (long const i : left)
      for (long const j : left)
        if (j <= i) entry(i, j) = entry(j, i) -= entry(i, k) * entry(j, k) / variance;
  }
  return std::ranges::all_of(left,
                             [&](long i) { return std::ranges::all_of(left, [&](long j) { return std::abs(entry(i, j)) <= rounding; }); });
}

}  // namespace infinitile
