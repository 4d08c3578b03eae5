#include "comm/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "support/catch.hpp"

using namespace infinitile;

namespace {

std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

/// The same values on every rank: of both signs, over 60 powers of two, with pairs that cancel.
std::vector<double> values(int count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<double> out;
  for (int i = 0; i < count; ++i) {
    double const value = std::ldexp(std::uniform_real_distribution(-1.0, 1.0)(random), static_cast<int>(random() % 60));
    out.push_back(value);
    if (i % 3 == 0) out.push_back(-value);
  }
  return out;
}

/// The values that fall to this rank when each is dealt at random.
std::vector<double> share(std::vector<double> const& all, Communicator const& comm, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> mine;
  for (double const value : all)
    if (static_cast<int>(random() % static_cast<unsigned>(comm.size())) == comm.rank()) mine.push_back(value);
  std::shuffle(mine.begin(), mine.end(), std::mt19937(seed + static_cast<unsigned>(comm.rank())));
  return mine;
}

}  // namespace

TEST_CASE("a reproducible sum has the same bits for any partition and order", "[exact_sum]") {
  auto const comm = Communicator::world();
  auto const count = GENERATE(0, 1, 7, 1000);
  auto const all = values(count, static_cast<unsigned>(count));
  double const alone = reproducible_sum(Communicator::self(), all);
  for (unsigned seed = 0; seed < 5; ++seed) CHECK(bits(reproducible_sum(comm, share(all, comm, seed))) == bits(alone));
}

TEST_CASE("a reproducible sum survives cancellation that plain adding does not", "[exact_sum]") {
  auto const comm = Communicator::world();
  std::vector<double> const all = {0x1p52, 1.0, 0x1p-30, -0x1p52, 3.0, -4.0};  // plain adding gives 0 or 2^-30 by the order
  CHECK(reproducible_sum(comm, share(all, comm, 1)) == 0x1p-30);
  std::vector<double> negative = all;
  for (double& value : negative) value = -value;
  CHECK(reproducible_sum(comm, share(negative, comm, 2)) == -0x1p-30);
}

TEST_CASE("a reproducible sum of integers is exact, and of others right to the last bit but one", "[exact_sum]") {
  auto const comm = Communicator::world();
  std::vector<double> integers(100000);
  for (std::size_t i = 0; i < integers.size(); ++i) integers[i] = static_cast<double>(i) - 100;
  CHECK(reproducible_sum(comm, share(integers, comm, 3)) == 99999.0 * 100000 / 2 - 100 * 100000.0);
  auto const all = values(500, 9);
  long double slow = 0;
  for (double const value : all) slow += value;
  CHECK(std::abs(reproducible_sum(comm, share(all, comm, 4)) - static_cast<double>(slow))
        <= 0x1p-52 * std::abs(static_cast<double>(slow)) + 0x1p-40);
}

TEST_CASE("sums at the ends of the range of doubles neither overflow nor vanish", "[exact_sum]") {
  auto const comm = Communicator::self();
  auto const size = GENERATE(1e-300, 1e-200, 1.0, 1e200, 1e307);
  std::vector<double> const all = {size, size, -size, 2 * size, size};
  CHECK(reproducible_sum(comm, all) == Approx(size > 1e-250 ? 4 * size : 0).epsilon(1e-15));
}

TEST_CASE("one value that is not finite shows on every rank", "[exact_sum]") {
  auto const comm = Communicator::world();
  std::vector<double> const mine = {1.0, comm.rank() == comm.size() - 1 ? std::numeric_limits<double>::infinity() : 2.0};
  CHECK(std::isinf(reproducible_sum(comm, mine)));
  CHECK_THROWS_AS(agreed_bound(comm, mine.back(), "the test"), Error);
}

TEST_CASE("several sums at once do not disturb each other", "[exact_sum]") {
  auto const comm = Communicator::world();
  ExactSums sums(3, 10.0);
  for (int i = 0; i < 3; ++i) sums.add(static_cast<std::size_t>(i), 0.5 * i * (comm.rank() + 1));
  double const ranks = comm.size() * (comm.size() + 1) / 2.0;
  CHECK(sums.total(comm) == std::vector<double>{0, 0.5 * ranks, ranks});
}
