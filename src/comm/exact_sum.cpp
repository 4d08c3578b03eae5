#include "comm/exact_sum.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace infinitile {

namespace {

/// The least e ≥ -800 with bound ≤ 2^e; below that the scales would overflow, and such sums are zero to anyone.
int exponent_above(double bound) {
  int e = 0;
  double const fraction = std::frexp(bound, &e);
  return std::max(fraction == 0.5 ? e - 1 : e, -800);
}

}  // namespace

ExactSums::ExactSums(std::size_t size, double bound)
    : bound_(bound), exponent_(exponent_above(bound)), up_(), down_(), sums_(size * limbs, 0) {
  INFINITILE_EXPECT(std::isfinite(bound) && bound >= 0);
  for (int k = 0; k < limbs; ++k) {
    up_[k] = std::ldexp(1.0, limb_bits * (k + 1) - exponent_);
    down_[k] = std::ldexp(1.0, exponent_ - limb_bits * (k + 1));
  }
}

void ExactSums::add(std::size_t i, double value) {
  INFINITILE_EXPECT(std::abs(value) <= bound_);
  long* const sum = &sums_[i * limbs];
  for (int k = 0; k < limbs; ++k) {
    long const digits = static_cast<long>(value * up_[k]);
    sum[k] += digits;
    value -= static_cast<double>(digits) * down_[k];
  }
}

double ExactSums::value_of(std::array<long, limbs> sum, int exponent) {
  auto const carry = [&] {
    for (int k = limbs - 1; k > 0; --k) {
      sum[k - 1] += sum[k] >> limb_bits;
      sum[k] &= (1L << limb_bits) - 1;
    }
  };
  carry();
  bool const negative = sum[0] < 0;
  if (negative) {  // then the lower limbs would cancel against the first; a positive number has only positive limbs
    for (long& limb : sum) limb = -limb;
    carry();
  }
  double value = 0;
  for (int k = limbs - 1; k >= 0; --k) value += std::ldexp(static_cast<double>(sum[k]), -limb_bits * (k + 1));
  return std::ldexp(negative ? -value : value, exponent);
}

std::vector<double> ExactSums::total(Communicator const& comm) const {
  std::vector<long> all = sums_;
  comm.all_reduce(std::span<long>(all), Reduction::sum);
  std::vector<double> out(all.size() / limbs);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = value_of({all[i * limbs], all[i * limbs + 1], all[i * limbs + 2]}, exponent_);
  return out;
}

double agreed_bound(Communicator const& comm, double mine, char const* what) {
  double const largest = comm.all_reduce(std::isnan(mine) ? HUGE_VAL : mine, Reduction::max);
  if (!std::isfinite(largest))
    throw NumericalAnswer(
        text("A number in ", what, " is not finite. Scale the data or the network so that its kernel stays below 1e150."));
  return largest;
}

double reproducible_sum(Communicator const& comm, std::span<double const> mine) {
  double bound = 0, rest = 0;
  for (double const value : mine) {
    bound = std::max(bound, std::abs(value));
    if (!std::isfinite(value)) rest += value;
  }
  rest = comm.all_reduce(rest, Reduction::sum);
  if (comm.any(rest != 0)) return rest;  // NaN and infinity need no order
  bound = comm.all_reduce(bound, Reduction::max);
  ExactSums sum(1, bound);
  for (double const value : mine) sum.add(0, value);
  return sum.total(comm).front();
}

}  // namespace infinitile
