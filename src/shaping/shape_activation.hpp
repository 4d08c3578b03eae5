#pragma once

#include <optional>

#include "shaping/local_maps.hpp"

// Deep kernel shaping (Martens et al. 2021, arXiv:2110.01765) and tailored activation transformations (Zhang et al. 2022, arXiv:2203.08120),
// for one activation: input_scale, input_shift, output_scale and output_shift so that its maps have wanted values. Formulas: dks_tat,
// reference 2.4, 2.5 and 2.8.

namespace infinitile {

/// What a shaped activation fulfils. Always Q(1) = 1, and
enum class ShapeMethod {
  dks,       ///< C(0) = 0, Q'(1) = q_slope, C'(1) = value. relu, which has one number less to choose, without the condition on Q'
  tat,       ///< Q'(1) = 1, C'(1) = 1, C''(1) = value
  tat_leaky  ///< of leaky_relu: Q(q) = q for all q, C'(1) = 1, and alpha = value
};
struct LocalTarget {
  ShapeMethod method = ShapeMethod::dks;
  double value = 1;
  double q_slope = 1;
};

/// Found minus wanted; nothing where a method has no such condition.
struct ShapeResiduals {
  double q = 0;
  std::optional<double> c_at_0, q_slope, c_slope, c_curvature;
  double largest() const;
};
ShapeResiduals residuals_of(AnyActivation const& shaped, LocalTarget const& target);

/// The residuals of every shaped activation are at most this.
inline constexpr double shape_tolerance = 1e-10;

/// Can the method shape it? Why not, as the end of a sentence about it, or nothing.
std::optional<std::string> unfit_for(AnyActivation const& f, ShapeMethod method);

/// f with its scaling chosen anew; leaky_relu with its alpha, too. Of many solutions the one with input_scale > 0 and, for tat, E[y] E[y''] > 0
/// (Q grows no faster than q there), whose |input_shift| is smallest; of two alike the one with the smaller |output_shift|, then with
/// input_shift > 0. Nothing where there is none.
/// Cost      one to three milliseconds: about 200 quadratures of 64 nodes while looking, 20 of 400 to polish.
std::optional<AnyActivation> shape_activation(AnyActivation const& f, LocalTarget const& target);

}  // namespace infinitile
