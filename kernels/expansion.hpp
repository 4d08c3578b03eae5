#pragma once

#include <vector>

#include "kernels/activation_base.hpp"
#include "kernels/arc_cosine.hpp"
#include "kernels/quadrature.hpp"

// Duals without a closed form: a table that is analytic where the dual is, made once per layer.
//
// For fixed roots r1, r2 the slope dual D = E[y'(u) y'(v)] is analytic in the angle θ = acos ρ on [0, π], also where y has a kink at 0: in
// polar coordinates the plane falls into four wedges, smooth inside, whose openings are θ and π − θ. Hermite expansions, in powers of ρ,
// converge slowly where θ is small or variances are large, and not at all well with a kink. So D is expanded in Chebyshev polynomials of θ,
// and each coefficient in Chebyshev polynomials of x(r) = log(κ + r) on both sides:
//   D = Σ_n Σ_ij D_nij T_i(x1) T_j(x2) T_n(2θ/π − 1),
// with as many terms as the range of roots asks for: where all are equal only i = j = 0 is left. No value dual is tabulated. It follows
// from D:
//   R1 R2 gap' = R1 R2 excess + r1 r2 gap P,   gap P(θ) = ∫ D sin over [0, θ],
// a sum of terms of one sign, so that near duplicates keep their digits; excess = |A − B|²/2 is what two unequal variances leave at θ = 0,
// with A = y(r1 z)/R1 and B = y(r2 z)/R2 as functions of the same z, tabulated as excess / (x1 − x2)².
//
// Accuracy  1e-13 of D(0), kinked or not.
// Cost      per pair 2 Σ_n J_n multiply-adds, J_n ≤ the number of T_j: about 2 · 40 where variances are equal, 500 for roots that
//           differ by a factor of two. Per strip the row's side is contracted first (2 Σ_n I J_n). Building: 10 to 300 ms.

namespace infinitile {

/// The numbers of a table as a device sees them. Coefficients: [n][i][j] row-major, n < degrees, i and j < sides.
struct AngleView {
  int degrees = 0;
  int sides = 0;
  double const* slope = nullptr;   ///< D
  double const* value = nullptr;   ///< P
  double const* excess = nullptr;  ///< [i][j]
  int const* kept = nullptr;       ///< J_n: columns of degree n that matter; null: all

  /// Features of a row: T_0(x), ..., T_{sides−1}(x), x.
  INFINITILE_FN int features() const { return sides + 1; }

  /// One pair without preparation: for devices, and to check the strips of the host.
  INFINITILE_FN Carried carry(RowSide const& row, ColSide const& col, int column, double gap) const {
    double const y = 2 / dual_math::pi * dual_math::angle_of_gap(gap) - 1;
    double d0 = 0, d1 = 0, p0 = 0, p1 = 0;  // Clenshaw's recurrence
    for (int n = degrees - 1; n >= 0; --n) {
      double const turn = n > 0 ? 2 * y : y;
      int const width = kept != nullptr ? kept[n] : sides;
      double const d = contract(slope + n * sides * sides, width, row, col, column) + turn * d0 - d1;
      double const p = contract(value + n * sides * sides, width, row, col, column) + turn * p0 - p1;
      d1 = d0;
      d0 = d;
      p1 = p0;
      p0 = p;
    }
    double const apart = row.features[sides * row.stride] - col.features[sides * col.stride + column];
    double const unequal = dual_math::positive(contract(excess, sides, row, col, column)) * apart * apart;
    double const both = row.next_root * col.next_root[column];
    double const after = both > 0 ? unequal + row.root * col.root[column] / both * gap * dual_math::positive(p0) : 1;
    return {after < 2 ? after : 2, d0};
  }

private:
  INFINITILE_FN double contract(double const* c, int width, RowSide const& row, ColSide const& col, int column) const {
    double sum = 0;
    for (int i = 0; i < sides; ++i)
      for (int j = 0; j < width; ++j) sum += c[i * sides + j] * row.features[i * row.stride] * col.features[j * col.stride + column];
    return sum;
  }
};

/// The table of one layer, for roots in [least, most].
class AngleTable {
public:
  AngleTable(Response const& y, double least, double most);

  AngleView view() const;
  void features(double root, double* out, long stride) const;
  void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const;

private:
  double coordinate(double root) const;  ///< x, scaled to [−1, 1]
  void trim(double negligible);

  double offset_;      ///< κ
  double middle_;      ///< of log(κ + r)
  double half_width_;  ///< 1 where all roots are equal
  int degrees_ = 0;
  int sides_ = 0;
  std::vector<double> slope_, value_, excess_;
  std::vector<int> kept_;
};

}  // namespace infinitile
