#include "net/position_decay.hpp"

#include <cmath>

#include "base/index.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

GlobalSelfAttention attention(PositionDecay decay, double p_norm) {
  GlobalSelfAttention out;
  out.pos_emb_decay_fn = std::move(decay);
  out.pos_emb_p_norm = p_norm;
  return out;
}

std::vector<double> band(long n, double next) {
  std::vector<double> out(at(n * n), 0.0);
  for (long i = 0; i < n; ++i) {
    out[at(i * n + i)] = 1;
    if (i > 0) out[at(i * n + i - 1)] = out[at((i - 1) * n + i)] = next;
  }
  return out;
}

}  // namespace

TEST_CASE("embeddings share what the decay says of the sum of powers of their differences", "[decay]") {
  std::vector<long> const sizes{2, 3};
  PositionDecay const list{PositionDecay::Kind::values, 1, {9, 8, 7, 6, 5, 4}};
  CHECK(embedding_covariance(attention(list, 1), sizes)
        == std::vector<double>{9, 8, 7, 8, 7, 6, 8, 9, 8, 7, 8, 7, 7, 8, 9, 6, 7, 8, 8, 7, 6, 9, 8, 7, 7, 8, 7, 8, 9, 8, 6, 7, 8, 7, 8, 9});
  std::vector<double> const squares = embedding_covariance(attention(list, 2), sizes);
  CHECK(std::vector<double>(squares.begin(), squares.begin() + 6) == std::vector<double>{9, 8, 5, 8, 7, 4});
  CHECK(embedding_covariance(attention({PositionDecay::Kind::values, 1, {1, 0.5}}, 2), sizes)[2] == 0);
  CHECK(embedding_covariance(attention({PositionDecay::Kind::exp, 0.5, {}}, 2), sizes)[5] == std::exp(-2.5));
  CHECK(embedding_covariance(attention({PositionDecay::Kind::power, 2, {}}, 1), sizes)[5] == 1.0 / 16);
  CHECK(embedding_covariance(GlobalSelfAttention{}, sizes).empty());
}

/// The eigenvalues of a band of n rows with 1 on the diagonal and b beside it are 1 + 2 b cos(π j / (n + 1)).
TEST_CASE("a factor times its transpose is the covariance, also one without variance of its own", "[decay]") {
  std::vector<long> const sizes{3, 2};
  long const n = 6;
  for (double const rate : {2.0, 0.3, 0.0}) {  // at rate 0 all embeddings are one
    std::vector<double> const covariance = embedding_covariance(attention({PositionDecay::Kind::exp, rate, {}}, 1.5), sizes);
    std::vector<double> const factor = factor_of(covariance, n);
    for (long i = 0; i < n; ++i)
      for (long j = 0; j < n; ++j) {
        double product = 0;
        for (long k = 0; k < n; ++k) product += factor[at(i * n + k)] * factor[at(j * n + k)];
        CHECK(product == Approx(covariance[at(i * n + j)]).epsilon(1e-14));
        if (j > i || (rate == 0 && j > 0)) CHECK(factor[at(i * n + j)] == 0);
      }
  }
}

TEST_CASE("a band is a covariance as long as its smallest eigenvalue is not negative", "[decay]") {
  for (long const n : {1L, 2L, 5L, 40L}) {
    double const most = 0.5 / std::cos(std::acos(-1.0) / static_cast<double>(n + 1));
    CAPTURE(n);
    CHECK(is_covariance(band(n, 0.999 * most), n));
    CHECK(is_covariance(band(n, -0.999 * most), n));
    if (n > 1) CHECK(!is_covariance(band(n, 1.001 * most), n));
    CHECK(is_covariance(std::vector<double>(at(n * n), 1.0), n));
  }
  CHECK(!is_covariance({0, 1, 1, 0}, 2));
  CHECK(!is_covariance({-1}, 1));
}
