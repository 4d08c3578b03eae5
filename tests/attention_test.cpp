// Attention whose position embeddings are related by a decay: against the formulas written out with plain matrices, also with masks.
#include <cmath>
#include <functional>

#include "base/index.hpp"
#include "infinite/compile_positions.hpp"
#include "kernels/activation.hpp"
#include "kernels/position_tile.hpp"
#include "net/reader.hpp"
#include "support/catch.hpp"
#include "support/golden_kernels.hpp"

using namespace infinitile;
using golden::Lower;

namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix make(std::size_t rows, std::size_t cols, std::function<double(std::size_t, std::size_t)> const& entry) {
  Matrix out(rows, std::vector<double>(cols));
  for (std::size_t p = 0; p < rows; ++p)
    for (std::size_t r = 0; r < cols; ++r) out[p][r] = entry(p, r);
  return out;
}

double inner(Matrix const& a, Matrix const& b) {
  double sum = 0;
  for (std::size_t p = 0; p < a.size(); ++p)
    for (std::size_t r = 0; r < a[p].size(); ++r) sum += a[p][r] * b[p][r];
  return sum;
}

/// a k bᵀ.
Matrix sandwich(Matrix const& a, Matrix const& k, Matrix const& b) {
  return make(a.size(), b.size(), [&](std::size_t p, std::size_t r) {
    double sum = 0;
    for (std::size_t i = 0; i < k.size(); ++i)
      for (std::size_t j = 0; j < k[i].size(); ++j) sum += a[p][i] * k[i][j] * b[r][j];
    return sum;
  });
}

Matrix softmax(Matrix logits) {
  for (auto& row : logits) {
    double sum = 0;
    for (double& x : row) sum += x = std::exp(x);
    for (double& x : row) x /= sum;
  }
  return logits;
}

/// Inputs of 2 x 3 positions and 2 channels; with masks the last ones of each are not there.
constexpr std::size_t rows = 4, positions = 6, channels = 2;
constexpr std::array<std::size_t, rows> lengths{6, 4, 1, 5};
double number(std::size_t row, std::size_t position, std::size_t channel) {
  return std::sin(static_cast<double>((7 * row + 3) * (position + 1) + channel));
}

/// A network of the test, and what its parameters come to.
struct Case {
  std::string parameters;                        ///< of the attention, beside those that all cases have
  std::function<double(double, double)> relate;  ///< R by the differences on both axes
  double keep, add;                              ///< k~ = keep k + add R
  bool tied, embed_values;
};

/// Reference 2.9 for one pair of inputs, [i][j] being what is there of each: k and ntk, averaged over all pairs of positions.
struct Answer {
  double nngp = 0, ntk = 0;
};
Answer attend(Case const& c, std::size_t i, std::size_t j, Masks masks) {
  auto const length = [&](std::size_t row) { return masks == Masks::none ? positions : lengths[row]; };
  // A dense layer with w_std 1.3 and b_std 0.2 first; its tangent kernel is its covariance.
  auto const before = [&](std::size_t a, std::size_t b) {
    return make(length(a), length(b), [&](std::size_t p, std::size_t r) {
      double sum = 0;
      for (std::size_t ch = 0; ch < channels; ++ch) sum += number(a, p, ch) * number(b, r, ch);
      return 1.69 * sum / channels + 0.04;
    });
  };
  auto const embed = [&](Matrix const& k) {
    return make(k.size(), k[0].size(), [&](std::size_t p, std::size_t r) {
      double const rows_apart = static_cast<double>(p / 3) - static_cast<double>(r / 3);
      double const cols_apart = static_cast<double>(p % 3) - static_cast<double>(r % 3);
      return c.keep * k[p][r] + c.add * c.relate(std::abs(rows_apart), std::abs(cols_apart));
    });
  };
  double const qk = 0.9 * 1.1, ov2 = std::pow(1.2 * 0.8, 2), bias = 0.09;
  Matrix const k = before(i, j), mixed = embed(k), values = c.embed_values ? mixed : k;
  Matrix nngp, ntk;
  if (c.tied) {
    auto const weights = [&](std::size_t row) {
      Matrix logits = embed(before(row, row));
      for (auto& line : logits)
        for (double& x : line) x *= qk;
      return softmax(logits);
    };
    Matrix const sum = sandwich(weights(i), values, weights(j));
    nngp = make(k.size(), k[0].size(), [&](std::size_t p, std::size_t r) { return ov2 * sum[p][r] + bias; });
    ntk = make(k.size(), k[0].size(), [&](std::size_t p, std::size_t r) { return ov2 * sum[p][r] + bias + 2 * ov2 * sum[p][r]; });
  } else {
    double const scale = qk * qk * ov2, overlap = inner(mixed, values);
    double const change = c.embed_values ? 2 * inner(mixed, mixed) : inner(mixed, k) + inner(k, mixed);
    nngp = make(k.size(), k[0].size(), [&](std::size_t p, std::size_t r) { return scale * overlap * mixed[p][r] + bias; });
    ntk = make(k.size(), k[0].size(), [&](std::size_t p, std::size_t r) { return scale * (change + 5 * overlap) * mixed[p][r] + bias; });
  }
  Matrix const ones = make(k.size(), k[0].size(), [](std::size_t, std::size_t) { return 1; });
  double const pairs = static_cast<double>(k.size() * k[0].size());
  return {inner(nngp, ones) / pairs, inner(ntk, ones) / pairs};
}

/// The same by the program.
Lower compute(std::string const& words, Masks masks) {
  auto const signatures = activation_signatures();
  Network const network = read_network(parse_yaml(words, "test"), ReadContext{"test", "", {{2, 3, channels}}, signatures});
  std::vector<double> values;
  std::vector<unsigned char> masked;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t p = 0; p < positions; ++p) {
      if (masks == Masks::given) masked.push_back(p < lengths[i] ? 0 : 1);
      for (std::size_t ch = 0; ch < channels; ++ch) values.push_back(number(i, p, ch));
    }
  PositionProgram const program = compile_position_program(network, masks);
  PositionTable const table = tabulate_positions(program, {{positions * channels, values, masked}}, Precision::float64);
  return golden::compute_all<double>(rows, rows - 1, 64, [&](TileTask<double> const& task) {
    return compute_position_tiles(Exec(), program, table, std::span(&task, 1));
  });
}

}  // namespace

TEST_CASE("attention relates embeddings by the decay of their distance", "[attention]") {
  auto const exp = [](double a, double b) { return std::exp(-0.3 * (std::pow(a, 1.5) + std::pow(b, 1.5))); };
  auto const power = [](double a, double b) { return 1 / std::sqrt(1 + a * a + b * b); };
  auto const list = [](double a, double b) { return a + b > 2 ? 0 : std::array{0.9, 0.2, 0.05}[at(std::lround(a + b))]; };
  std::string const exp_words = "pos_emb_decay_fn: {exp: {rate: 0.3}}, pos_emb_p_norm: 1.5";
  auto const c = GENERATE_COPY(values<Case>({
      {"pos_emb_type: SUM, " + exp_words, exp, 1, 0.49, true, false},
      {"pos_emb_type: SUM, val_pos_emb: true, pos_emb_decay_fn: {power: {rate: 0.5}}", power, 1, 0.49, true, true},
      {"pos_emb_type: CONCAT, val_pos_emb: true, n_chan_pos_emb: 3, pos_emb_decay_fn: [0.9, 0.2, 0.05, 0], pos_emb_p_norm: 1", list, 0.625,
       0.49 * 0.375, true, true},
      {"pos_emb_type: CONCAT, " + exp_words, exp, 0.5, 0.245, true, false},
      {"attention_mechanism: IDENTITY, linear_scaling: false, pos_emb_type: SUM, " + exp_words, exp, 1, 0.49, false, false},
      {"attention_mechanism: IDENTITY, linear_scaling: false, val_pos_emb: true, pos_emb_type: SUM, " + exp_words, exp, 1, 0.49, false,
       true},
  }));
  Masks const masks = GENERATE(Masks::none, Masks::given);
  std::string const words =
      "[{dense: {out_dim: 5, w_std: 1.3, b_std: 0.2}}, {global_self_attention: {w_key_std: 1.1, w_query_std: 0.9, w_value_std: 1.2, "
      "w_out_std: 0.8, b_std: 0.3, w_pos_emb_std: 0.7, "
      + c.parameters + "}}, global_avg_pool]";
  CAPTURE(words, masks);
  Lower const all = compute(words, masks);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      Answer const answer = attend(c, i, j, masks);
      CAPTURE(i, j);
      CHECK(all.at(all.nngp, static_cast<long>(i), static_cast<long>(j)) == Approx(answer.nngp).epsilon(1e-13));
      CHECK(all.at(all.ntk, static_cast<long>(i), static_cast<long>(j)) == Approx(answer.ntk).epsilon(1e-13));
    }
}
