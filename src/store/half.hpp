#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace infinitile {

/// IEEE half precision: sign, 5 bits of exponent, 10 of fraction.
inline double from_half(std::uint16_t bits) {
  int const exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
  if (exponent == 31) size = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  return (bits & 0x8000) != 0 ? -size : size;
}

}  // namespace infinitile
