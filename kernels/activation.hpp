#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/activation_arc.hpp"
#include "kernels/activation_arguments.hpp"
#include "kernels/activation_base.hpp"
#include "kernels/activation_general.hpp"
#include "kernels/activation_polynomial.hpp"
#include "kernels/activation_smooth.hpp"
#include "kernels/activation_wave.hpp"
#include "kernels/expansion.hpp"

namespace infinitile {

template <class... A>
struct TypeList {};

/// Every nonlinearity there is. A new one is a struct (kernels/activation_base.hpp says what it must have), its name here, and a row in
/// tests/support/activation_cases.hpp.
using Activations =
    TypeList<Erf, SigmoidLike, Gelu, Sin, Cos, Rbf, Gaussian, Exp, Gabor, ExpNormalized, AbReluByName, Relu, LeakyRelu, Abs, Sign, Hermite,
             Monomial, RectifiedMonomial, Polynomial, Tanh, Sigmoid, Softplus, Silu, Elu, Selu, Softsign, Atan, Asinh, BentIdentity>;

namespace detail {

template <class List>
struct ListTraits;

template <class... A>
struct ListTraits<TypeList<A...>> {
  static constexpr std::size_t size = std::max({sizeof(A)...});
  static constexpr std::size_t alignment = std::max({alignof(A)...});
  static_assert((std::is_trivially_copyable_v<A> && ...), "activations are copied to devices byte by byte");

  template <class B>
  static constexpr int find() {
    int at = 0;
    static_cast<void>(((std::is_same_v<A, B> ? true : (++at, false)) || ...));
    return at;
  }
  template <class B>
  static constexpr int index = find<B>();  // a value, since device code may not call host functions
};

}  // namespace detail

/// One activation of the list with its parameters, inside its scaling. Trivially copyable.
class AnyActivation {
public:
  template <class A>
  AnyActivation(A const& phi, Scaling const& scale) : scaling(scale), kind_(detail::ListTraits<Activations>::index<A>) {
    new (storage_) A(phi);
  }

  Scaling scaling;

  /// f(phi), with phi of its own type.
  template <class F>
  INFINITILE_FN void visit(F&& f) const {
    visit(f, static_cast<Activations*>(nullptr));
  }

private:
  template <class F, class... A>
  INFINITILE_FN void visit(F& f, TypeList<A...>*) const {
    static_cast<void>(
        ((kind_ == detail::ListTraits<Activations>::index<A> ? (f(*reinterpret_cast<A const*>(storage_)), true) : false) || ...));
  }

  int kind_;
  alignas(detail::ListTraits<Activations>::alignment) unsigned char storage_[detail::ListTraits<Activations>::size] = {};
};

/// f(phi) with phi of its own type; the one dispatch over the list.
template <class F>
INFINITILE_FN void with_activation(AnyActivation const& any, F&& f) {
  any.visit(f);
}

/// Names and parameters of all activations. The four of the scaling are known to each and not listed.
std::vector<Signature> activation_signatures();

/// Throws Error for an unknown name, and for parameters that are unknown, missing, or impossible.
AnyActivation make_activation(std::string_view name, NamedValues const& given, Scaling const& scaling = {});

/// The function of a finite network and its derivative, scaling included. Throws Error for exp_normalized, which has no function.
double activation_value(AnyActivation const& any, double x);
double activation_slope(AnyActivation const& any, double x);

/// An activation ready for the variances of one layer. Cheap to copy; what it holds is never changed.
class PreparedActivation {
public:
  class Layer;
  explicit PreparedActivation(std::shared_ptr<Layer const> layer) : layer_(std::move(layer)) {}

  double variance(double q) const;        ///< E[y²] of an input of variance q
  double slope_variance(double q) const;  ///< E[y'²]
  double mean(double q) const;            ///< E[y]
  AngleView table() const;                ///< of a layer without a closed form; without degrees otherwise

  int features() const;                                     ///< how many numbers carry() needs to know of each row and column
  void features(double q, double* out, long stride) const;  ///< those of one row: feature l at out[l * stride]

  /// One row against `count` columns, in place: gap before to gap after; slope is written, E[y'(u) y'(v)].
  void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const;
  /// The same for pairs kept in float; computed in float where the activation has a form for it, else in double.
  void carry(RowSide const& row, ColSide const& col, int count, float* gap, float* slope) const;

private:
  std::shared_ptr<Layer const> layer_;
};

/// How many features a prepared one will have, for plans: what a closed form needs, or about the most that expansions take for
/// variances of the order of 1.
int expected_features(AnyActivation const& any);

/// For rows whose variances are all between q_min and q_max. Throws Error where an expectation is infinite (gaussian with b > 0).
/// Cost: nothing for closed forms; see kernels/expansion.hpp for the others.
PreparedActivation prepare(AnyActivation const& any, double q_min, double q_max);

}  // namespace infinitile
