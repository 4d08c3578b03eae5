#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace infinitile {

/// Sums over all ranks that have the same bits for any number of ranks and any order of adding, because the adding is done in integers.
/// A contribution is cut into three limbs of 36 bits below a power of two that bounds all contributions: x = Σ limb(k) 2^(e − 36 (k + 1)),
/// the rest, under 2^-108 of the bound, is dropped. Integer sums have no rounding, so no order. Room for 2^26 contributions to one sum; 24
/// bytes per sum.
class ExactSums {
public:
  /// `bound` is at least the size of each contribution and the same on all ranks. It need not be tight: a bound 1000 times too large costs
  /// 10 of the 108 bits.
  ExactSums(std::size_t size, double bound);

  /// Adds to sum i. A value above the bound, or NaN, is a mistake of the program.
  void add(std::size_t i, double value);

  /// The sums over all ranks, rounded once, on every rank. Collective.
  std::vector<double> total(Communicator const& comm) const;

private:
  static constexpr int limbs = 3;
  static constexpr int limb_bits = 36;
  static double value_of(std::array<long, limbs> sum, int exponent);

  double bound_;
  int exponent_;                    ///< e: bound ≤ 2^e
  std::array<double, limbs> up_;    ///< 2^(36 (k + 1) − e)
  std::array<double, limbs> down_;  ///< its inverse
  std::vector<long> sums_;          ///< [size, limbs]
};

/// The largest of the ranks' values: a bound for ExactSums. Throws Error if it is not finite; `what` names the quantity.
double agreed_bound(Communicator const& comm, double mine, char const* what);

/// The sum of all values of all ranks; any partition of the same values gives the same bits. NaN or infinity if one of them is not finite.
double reproducible_sum(Communicator const& comm, std::span<double const> mine);

}  // namespace infinitile
