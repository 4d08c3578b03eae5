#include "kernels/empirical_terms.hpp"

#include <utility>

#include "base/error.hpp"
#include "kernels/strided_product.hpp"

namespace infinitile {

namespace {

/// The numbers of each sample from `first` on.
template <class T>
struct Part {
  Batch<T const> x;
  long first = 0;
};

/// One matrix (full · rows, size) per traced and diagonal output.
template <class T>
StridedMatrix<T const> outputs_of(Part<T> const& part, OutputSplit const& outputs) {
  long const step = static_cast<long>(outputs.full) * part.x.rows * part.x.size;
  return {part.x.data + part.first, {outputs.diagonal * step, step, 0}, part.x.size, false};
}

/// The sums over one output after the other, and over parts of the numbers, have matrices of their own, which are added up in order: so there
/// are enough pieces for many threads where a kernel's block is small and its numbers are many. Of a side with itself the lower triangle alone
/// is computed, in blocks.
template <class T>
class Contraction {
public:
  Contraction(Part<T> const& left, Part<T> const& right, long size, TermSum<T> const& c)
      : left_(left),
        right_(right),
        size_(size),
        c_(c),
        is_same_(left.x.data == right.x.data && left.x.rows == right.x.rows && left.first == right.first),
        depth_(std::clamp(multiplications / (static_cast<long>(c.height()) * c.width()), 256L, std::max(256L, size))),
        parts_(static_cast<int>((size + depth_ - 1) / depth_)),
        sums_(c.outputs.diagonal, c.outputs.traced * parts_, static_cast<long>(c.height()) * c.width()) {}

  void run(Into into) {
    int const each = c_.outputs.traced * parts_;
    parallel_for_tiles(c_.outputs.diagonal * each, [&](int piece) { multiply_part(piece / each, piece % each); });
    parallel_for_tiles(c_.outputs.diagonal * c_.height(), [&](int line) { add_up(line / c_.height(), line % c_.height(), into); });
  }

private:
  static constexpr long multiplications = 1 << 23;  // of one piece
  static constexpr int block = 64;

  void multiply_part(int diagonal, int number) const {
    int const traced = number / parts_, height = c_.height();
    long const begin = number % parts_ * depth_;
    int const depth = static_cast<int>(std::min(depth_, size_ - begin)), blocks = is_same_ ? (height + block - 1) / block : 1;
    auto const numbers_of = [&](Part<T> const& side, int rows) {
      long const output = (static_cast<long>(traced) * c_.outputs.diagonal + diagonal) * c_.outputs.full;
      return BasicMatrix<T const>(side.x.data + output * side.x.rows * side.x.size + side.first + begin, rows, depth, side.x.size);
    };
    BasicMatrix<T const> const left = numbers_of(left_, height), right = numbers_of(right_, c_.width());
    BasicMatrix<T> const sums(sums_.batch().at(diagonal, number), height, c_.width());
    for (int b = 0; b < blocks; ++b) {
      int const top = height * b / blocks, below = height * (b + 1) / blocks, width = is_same_ ? below : c_.width();
      gemm(T(1), BasicFactor<T>(left.block(top, 0, below - top, depth)), transposed(right.block(0, 0, width, depth)), T(0),
           sums.block(top, 0, below - top, width));
    }
  }

  void add_up(int diagonal, int line, Into into) const {
    int const width = c_.width();
    T* const to = c_.data + (static_cast<long>(diagonal) * c_.height() + line) * width;
    for (int j = 0; j < width; ++j) {
      long const place = is_same_ && j > line ? static_cast<long>(j) * width + line : static_cast<long>(line) * width + j;
      T sum = 0;
      for (int number = 0; number < sums_.batch().rows; ++number) sum += sums_.batch().at(diagonal, number)[place];
      to[j] = into == Into::add ? to[j] + sum : sum;
    }
  }

  Part<T> left_, right_;
  long size_;
  TermSum<T> c_;
  bool is_same_;
  long depth_;
  int parts_;
  Numbers<T> sums_;
};

/// c (diagonal matrices) (+)= Σ over traced outputs of left rightᵀ, over `size` numbers of each sample.
template <class T>
void contract(Part<T> const& left, Part<T> const& right, long size, TermSum<T> const& c, Into into) {
  constexpr int few = 512;  // rows of c that are few enough for sums of many parts
  if (c.height() <= few && c.width() <= few) return Contraction<T>(left, right, size, c).run(into);
  long const matrix = static_cast<long>(c.height()) * c.width();
  multiply<T>({c.height(), c.width(), size, {c.outputs.traced, c.outputs.diagonal, 1}}, T(1), outputs_of(left, c.outputs),
              transposed(outputs_of(right, c.outputs)), StridedMatrix<T>{c.data, {0, matrix, 0}, c.width()}, into);
}

/// sum += scale factor ∘ terms, the factor (rows, cols) being the same for all outputs; and the same with both sides exchanged, where they
/// should be.
enum class Exchanged { no, too };
template <class T>
void add_scaled(T scale, T const* factor, TermSum<T> const& terms, TermSum<T> const& sum, Exchanged exchanged) {
  int const full = sum.outputs.full;
  parallel_for_tiles(sum.outputs.diagonal * full, [&](int piece) {
    int const d = piece / full, f = piece % full;
    for (int row = 0; row < sum.rows; ++row)
      for (int other = 0; other < full; ++other) {
        T const* const term = terms.at(d, f, row, other, 0);
        T* const target = sum.at(d, f, row, other, 0);
        for (int col = 0; col < sum.cols; ++col) target[col] += scale * factor[static_cast<long>(row) * sum.cols + col] * term[col];
        if (exchanged == Exchanged::no) continue;
        for (int col = 0; col < sum.cols; ++col)
          target[col] += scale * factor[static_cast<long>(col) * sum.cols + row] * *terms.at(d, other, col, f, row);
      }
  });
}

/// One sample of a side of a use: x (m, k), and the cotangents of the outputs, (m, n) each, `step` apart.
template <class T>
struct SampleUse {
  BasicMatrix<T const> x;
  T const* g;
  long step;
};

/// The terms of one pair of samples after the other, with memory of its own.
template <class T>
class PairTerms {
public:
  PairTerms(int m, int n, TermSum<T> sum)
      : m_(m),
        n_(n),
        sum_(sum),
        full_(sum.outputs.full),
        gram_(size_of(m, m)),
        turned_(size_of(m, n) * size_of(full_, 1)),
        values_(size_of(full_, full_)) {}

  void add(SampleUse<T> const& left, SampleUse<T> const& right, T scale, int row, int col) {
    BasicMatrix<T> const gram(gram_.data(), m_, m_);
    gemm(scale, BasicFactor<T>(left.x), transposed(right.x), T(0), gram);
    for (int t = 0; t < sum_.outputs.traced; ++t)
      for (int d = 0; d < sum_.outputs.diagonal; ++d) {
        long const first = (static_cast<long>(t) * sum_.outputs.diagonal + d) * full_;
        add_outputs(gram, left.g + first * left.step, left.step, right.g + first * right.step, right.step, sum_.at(d, 0, row, 0, col));
      }
  }

private:
  static std::size_t size_of(int rows, int cols) { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }

  /// target += <gramᵀ g, g'> for all full outputs of both sides.
  void add_outputs(BasicMatrix<T> gram, T const* left, long left_step, T const* right, long right_step, T* target) {
    int const both = m_ * n_;
    for (int f = 0; f < full_; ++f)
      gemm(T(1), transposed(gram), BasicFactor<T>(BasicMatrix<T const>(left + f * left_step, m_, n_)), T(0),
           BasicMatrix<T>(turned_.data() + static_cast<long>(f) * both, m_, n_));
    BasicMatrix<T> const values(values_.data(), full_, full_);
    gemm(T(1), BasicFactor<T>(BasicMatrix<T>(turned_.data(), full_, both)),
         transposed(BasicMatrix<T const>(right, full_, both, right_step)), T(0), values);
    for (int f = 0; f < full_; ++f)
      for (int other = 0; other < full_; ++other)
        target[static_cast<long>(f) * sum_.rows * sum_.width() + static_cast<long>(other) * sum_.cols] += values(f, other);
  }

  int m_, n_;
  TermSum<T> sum_;
  int full_;
  std::vector<T> gram_, turned_, values_;
};

template <class T>
bool are_same(WeightUse<T> const& left, WeightUse<T> const& right) {
  return left.g.data == right.g.data;
}

/// Pair of samples by pair, of a batch with itself the lower triangle.
template <class T>
void add_pairs(primitive::MatrixProduct const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum) {
  auto const sample = [&](WeightUse<T> const& side, int row, int group) {
    long const first_x = p.left_grouped ? static_cast<long>(group) * p.m * p.k : 0, first_g = static_cast<long>(group) * p.m * p.n;
    return SampleUse<T>{{side.x.at(0, row) + first_x, p.m, p.k}, side.g.at(0, row) + first_g, side.g.rows * side.g.size};
  };
  parallel_for_tiles(sum.rows * sum.cols, [&](int piece) {
    int const row = piece / sum.cols, col = piece % sum.cols;
    if (col > row && are_same(left, right)) return;
    PairTerms<T> terms(p.m, p.n, sum);
    for (int group = 0; group < p.groups; ++group)
      terms.add(sample(left, row, group), sample(right, col, group), static_cast<T>(p.scale * p.scale), row, col);
  });
}

/// Pair of positions by pair; of a batch with itself those below the diagonal count twice, once with the sides exchanged.
template <class T>
void add_position_pairs(primitive::MatrixProduct const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum) {
  bool const same = are_same(left, right);
  Numbers<T> const gram(1, sum.rows, sum.cols), terms(1, 1, sum.count());
  TermSum<T> const each{terms.batch().data, sum.outputs, sum.rows, sum.cols};
  for (int group = 0; group < p.groups; ++group) {
    long const first_x = p.left_grouped ? static_cast<long>(group) * p.m * p.k : 0, first_g = static_cast<long>(group) * p.m * p.n;
    for (int one = 0; one < p.m; ++one)
      for (int other = 0; other < (same ? one + 1 : p.m); ++other) {
        multiply<T>({sum.rows, sum.cols, p.k, {1, 1, 1}}, T(1), {left.x.data + first_x + one * p.k, {}, left.x.size, false},
                    {right.x.data + first_x + other * p.k, {}, right.x.size, true}, StridedMatrix<T>{gram.batch().data, {}, sum.cols},
                    Into::replace);
        contract<T>({left.g, first_g + one * p.n}, {right.g, first_g + other * p.n}, p.n, each, Into::replace);
        add_scaled(static_cast<T>(p.scale * p.scale), gram.batch().data, each, sum, same && one != other ? Exchanged::too : Exchanged::no);
      }
  }
}

}  // namespace

template <class T>
void add_contraction(Batch<T const> left, Batch<T const> right, TermSum<T> sum) {
  INFINITILE_EXPECT(left.rows == sum.rows && right.rows == sum.cols && left.size == right.size);
  contract<T>({left}, {right}, left.size, sum, Into::add);
}

bool has_weight_term(primitive::MatrixProduct const& p) {
  return p.groups == 1 || p.right_grouped || p.left_grouped;
}

TermCost cost_by_positions(primitive::MatrixProduct const& p, OutputSplit const& outputs, double pairs) {
  double const both = static_cast<double>(p.groups) * p.m * p.m, full = outputs.full, kept = outputs.diagonal * full * full;
  return {both * pairs * (p.k + kept * outputs.traced * p.n), both * (4800 + 20 * pairs * kept)};
}

TermCost cost_by_samples(primitive::MatrixProduct const& p, OutputSplit const& outputs, double pairs) {
  double const m = p.m, k = p.k, n = p.n, each = static_cast<double>(outputs.traced) * outputs.diagonal, count = each * outputs.full;
  double const calls = 1 + count + each, laid_out = 3 * count * m * n + 2 * m * k;
  return {pairs * p.groups * (m * m * k + count * m * m * n + count * outputs.full * m * n),
          pairs * p.groups * (2 * laid_out + 520 * calls)};
}

bool goes_by_positions(primitive::MatrixProduct const& p, OutputSplit const& outputs, double pairs) {
  return cost_by_positions(p, outputs, pairs).total() < cost_by_samples(p, outputs, pairs).total();
}

primitive::MatrixProduct with_groups_merged(primitive::MatrixProduct p) {
  if (!p.right_grouped && p.left_grouped) p.m *= std::exchange(p.groups, 1);
  return p;
}

template <class T>
void add_weight_term(primitive::MatrixProduct const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum) {
  primitive::MatrixProduct const merged = with_groups_merged(p);
  double const pairs = are_same(left, right) ? sum.rows * (sum.rows + 1.0) / 2 : static_cast<double>(sum.rows) * sum.cols;
  if (goes_by_positions(merged, sum.outputs, pairs))
    add_position_pairs(merged, left, right, sum);
  else
    add_pairs(merged, left, right, sum);
}

template void add_contraction(Batch<double const>, Batch<double const>, TermSum<double>);
template void add_contraction(Batch<float const>, Batch<float const>, TermSum<float>);
template void add_weight_term(primitive::MatrixProduct const&, WeightUse<double> const&, WeightUse<double> const&, TermSum<double>);
template void add_weight_term(primitive::MatrixProduct const&, WeightUse<float> const&, WeightUse<float> const&, TermSum<float>);

}  // namespace infinitile
