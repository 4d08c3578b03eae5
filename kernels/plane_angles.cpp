#include "kernels/plane_angles.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "kernels/plane_relu.hpp"

namespace infinitile {

namespace {

bool is_never_negative(PositionMap const& map) {
  return map.scale >= 0 && std::all_of(map.taps.begin(), map.taps.end(), [](PositionTap const& tap) {
           return std::all_of(tap.weight.begin(), tap.weight.end(), [](double w) { return w >= 0; });
         });
}

/// Of an activation behind covariances of which none is negative, or of any (`positive` false).
bool stays_positive(AnyActivation const& activation, bool positive) {
  auto const relu = plane_step::as_ab_relu(activation);
  return relu && (positive || relu->phi.a * relu->phi.b <= 0);
}

}  // namespace

std::vector<Angles> known_angles(PositionProgram const& program) {
  using Kind = PositionStep::Kind;
  std::vector<bool> positive(at(program.registers), false);
  std::vector<Angles> out;
  for (PositionStep const& s : program.steps) {
    bool const before = positive[at(s.target)], source = s.source >= 0 && positive[at(s.source)];
    out.push_back(before ? Angles::acute : Angles::any);
    bool after = before;  // division by roots, dropout and masks change no sign
    switch (s.kind) {
      case Kind::load:
      case Kind::attend:
      case Kind::aggregate:
        after = false;
        break;
      case Kind::copy:
      case Kind::widen:
        after = source;
        break;
      case Kind::mix:
        after = source && is_never_negative(program.maps[at(s.index)]);
        break;
      case Kind::activate:
        after = stays_positive(program.activations[at(s.index)], before);
        break;
      case Kind::add:
      case Kind::multiply:
        after = before && source;
        break;
      case Kind::dense:
      case Kind::normalize:
      case Kind::drop:
      case Kind::conceal:
      case Kind::share:
        break;
    }
    positive[at(s.target)] = after;
  }
  return out;
}

}  // namespace infinitile
