#include "kernels/philox.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace infinitile;

/// Source: kat_vectors of the authors' Random123 library, "philox4x32 10".
TEST_CASE("Philox gives its authors' known answers", "[philox]") {
  struct Known {
    Philox::Words counter;
    std::uint64_t key;
    Philox::Words answer;
  };
  Known const known[] = {
      {{{0, 0, 0, 0}}, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{~0U, ~0U, ~0U, ~0U}}, ~0ULL, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822ULL, {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (Known const& k : known) {
    Philox::Words const drawn = Philox::draw(k.counter, k.key);
    for (int i = 0; i < 4; ++i) CHECK(drawn.word[i] == k.answer.word[i]);
  }
}

/// The k-th moment of n numbers has the standard error √((m_2k − m_k²) / n); five of them, at a seed that never changes.
TEST_CASE("numbers of a stream have the moments of their distribution", "[philox]") {
  constexpr int n = 200000;
  RandomStream const stream{7, 11};
  double sum = 0, squares = 0, fourth = 0, neighbours = 0, uniform = 0, last = 0;
  for (int i = 0; i < n; i += 2) {
    auto const [a, b] = stream.normals(static_cast<std::uint64_t>(i / 2));
    for (double const x : {a, b}) {
      sum += x;
      squares += x * x;
      fourth += x * x * x * x;
      neighbours += x * last;
      last = x;
    }
    uniform += stream.uniform(static_cast<std::uint64_t>(i)) + stream.uniform(static_cast<std::uint64_t>(i) + 1);
  }
  double const root = 5 / std::sqrt(static_cast<double>(n));
  CHECK(std::abs(sum / n) < root);
  CHECK(std::abs(squares / n - 1) < root * std::sqrt(2.0));
  CHECK(std::abs(fourth / n - 3) < root * std::sqrt(96.0));
  CHECK(std::abs(neighbours / n) < root);
  CHECK(std::abs(uniform / n - 0.5) < root / std::sqrt(12.0));
}

TEST_CASE("streams and seeds have numbers of their own", "[philox]") {
  auto const first = [](std::uint64_t seed, std::uint64_t stream) { return RandomStream{seed, stream}.uniform(0); };
  CHECK(first(1, 2) != first(2, 1));
  CHECK(first(1, 2) != first(1, 3));
  CHECK(first(1, 1ULL << 40) != first(1, 0));
  CHECK(first(1ULL << 40, 1) != first(0, 1));
}
