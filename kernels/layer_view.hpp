#pragma once

#include "kernels/activation.hpp"
#include "kernels/activation_closed.hpp"

// Which layer an activation makes, and a layer as a GPU sees it.

namespace infinitile {

/// phi as what it is to kernels: relu and leaky_relu are one type there, and some functions have another form at infinite width.
template <class A>
INFINITILE_FN decltype(auto) family_of(A const& phi) {
  if constexpr (requires { phi.in_kernels(); })
    return phi.in_kernels();
  else if constexpr (requires { typename A::Family; })
    return static_cast<typename A::Family const&>(phi);
  else
    return (phi);
}

/// f(layer) with the closed form of phi in its scaling, if there is one. phi is a family.
template <class A, class F>
INFINITILE_FN void with_closed_layer(A const& phi, Scaling const& scale, F&& f) {
  if constexpr (std::is_same_v<A, AppellSum>) {
    f(PolynomialLayer(phi, scale));
  } else if constexpr (requires { phi.shifted(0.0); }) {
    Scaling centred = scale;
    centred.input_shift = 0;
    f(ClosedLayer<A>{phi.shifted(scale.input_shift), centred});
  } else if constexpr (requires { phi.dual(1.0, 1.0, 1.0); }) {
    if (scale.input_shift == 0) f(ClosedLayer<A>{phi, scale});
  }
}

/// A prepared activation without virtual functions or host memory, for launches on a GPU. Trivially copyable; the table's numbers have to
/// be where the launch reaches them.
struct LayerView {
  AnyActivation activation;
  AngleView table;  ///< without degrees: a closed form

  INFINITILE_FN bool has_form() const {
    bool found = table.degrees > 0;
    if (!found)
      with_activation(activation,
                      [&](auto const& phi) { with_closed_layer(family_of(phi), activation.scaling, [&](auto const&) { found = true; }); });
    return found;
  }

  /// As PreparedActivation::carry.
  INFINITILE_FN void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
    if (table.degrees > 0) {
      for (int j = 0; j < count; ++j) {
        Carried const c = table.carry(row, col, j, gap[j]);
        gap[j] = c.gap;
        slope[j] = c.slope;
      }
      return;
    }
    with_activation(activation, [&](auto const& phi) {
      with_closed_layer(family_of(phi), activation.scaling, [&](auto const& layer) { layer.carry(row, col, count, gap, slope); });
    });
  }

  /// For pairs kept in float.
  INFINITILE_FN void carry(RowSide const& row, ColSide const& col, int count, float* gap, float* slope) const {
    for (int j = 0; j < count; ++j) {
      double wide = gap[j], steep = 0;
      carry(row, {col.root + j, col.next_root + j, col.features + j, col.stride}, 1, &wide, &steep);
      gap[j] = static_cast<float>(wide);
      slope[j] = static_cast<float>(steep);
    }
  }
};

}  // namespace infinitile
