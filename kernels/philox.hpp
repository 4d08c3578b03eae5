#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "kernels/device.hpp"

// Random numbers that are a function of where they stand: no state, so any rank draws any part of them, in any order, with the same bits.

namespace infinitile {

/// Philox 4x32-10: a bijection of 128-bit counters for every 64-bit key.
/// Source: Salmon, Moraes, Dror, Shaw 2011, Parallel Random Numbers: As Easy as 1, 2, 3, section 3.3; its test vectors are the test.
struct Philox {
  struct Words {
    std::uint32_t word[4];
  };

  INFINITILE_FN static Words draw(Words counter, std::uint64_t key) {
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const p0 = 0xD2511F53ULL * counter.word[0], p1 = 0xCD9E8D57ULL * counter.word[2];
      counter = {{high(p1) ^ counter.word[1] ^ k0, low(p1), high(p0) ^ counter.word[3] ^ k1, low(p0)}};
      k0 += 0x9E3779B9U;  // the golden ratio
      k1 += 0xBB67AE85U;  // √3 − 1
    }
    return counter;
  }

  INFINITILE_FN static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
  INFINITILE_FN static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
};

/// A sequence of random numbers with a name: all numbers of one array. Entry i is a function of seed, stream and i alone.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  ///< such as the hash of a path

  /// Two numbers of 53 random bits, strictly between 0 and 1.
  struct Uniforms {
    double first, second;
  };
  INFINITILE_FN Uniforms uniforms(std::uint64_t block) const {
    Philox::Words const w = Philox::draw({{Philox::low(block), Philox::high(block), Philox::low(stream), Philox::high(stream)}}, seed);
    return {unit(w.word[0], w.word[1]), unit(w.word[2], w.word[3])};
  }
  INFINITILE_FN double uniform(std::uint64_t i) const {
    Uniforms const u = uniforms(i / 2);
    return i % 2 == 0 ? u.first : u.second;
  }

  /// Entries 2 block and 2 block + 1 of independent standard Gaussians: √(−2 ln u) (cos 2πv, sin 2πv). Source: Box & Muller 1958.
  INFINITILE_FN Uniforms normals(std::uint64_t block) const {
    Uniforms const u = uniforms(block);
    double const r = std::sqrt(-2 * std::log(u.first)), angle = 2 * std::numbers::pi * u.second;
    return {r * std::cos(angle), r * std::sin(angle)};
  }

private:
  INFINITILE_FN static double unit(std::uint32_t low, std::uint32_t high) {
    std::uint64_t const bits = (static_cast<std::uint64_t>(high) << 32 | low) >> 11;
    return (static_cast<double>(bits) + 0.5) * 0x1p-53;
  }
};

}  // namespace infinitile
