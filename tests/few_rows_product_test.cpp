// Products of few rows by registers: of whole numbers, so that every way of adding up has the same bits.
#include "kernels/few_rows_product.hpp"

#include <cmath>

#include "kernels/philox.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

/// Whole numbers from −8 to 8.
template <class T>
std::vector<T> whole_numbers(long count, std::uint64_t stream) {
  std::vector<T> out;
  for (long i = 0; i < count; ++i)
    out.push_back(static_cast<T>(std::floor(17 * RandomStream{9, stream}.uniform(static_cast<std::uint64_t>(i))) - 8));
  return out;
}

struct Case {
  int copies, rows;
  long m, n, k;
  bool gains;  ///< where b is not transposed, too
};

template <class T>
void check(Case const& c, bool transpose, Into into) {
  CAPTURE(c.copies, c.rows, c.m, c.n, c.k, transpose);
  long const all = c.copies * c.rows * c.m;
  std::vector<T> a = whole_numbers<T>(all * c.k, 1);
  std::vector<T> const b = whole_numbers<T>(c.k * c.n, 2);
  for (long r = 0; r < all; ++r)  // of each sample every third number is 0 in all copies
    for (long i = 0; i < c.k; ++i)
      if ((r % (c.rows * c.m) + i) % 3 == 0) a[static_cast<std::size_t>(r * c.k + i)] = 0;
  std::vector<T> found(static_cast<std::size_t>(all * c.n), 5), expected = found;
  for (long r = 0; r < all; ++r)
    for (long j = 0; j < c.n; ++j) {
      T sum = 0;
      for (long i = 0; i < c.k; ++i)
        sum += a[static_cast<std::size_t>(r * c.k + i)] * b[static_cast<std::size_t>(transpose ? j * c.k + i : i * c.n + j)];
      T& value = expected[static_cast<std::size_t>(r * c.n + j)];
      value = (into == Into::add ? value : T(0)) + 2 * sum;
    }
  StridedShape const shape{c.m, c.n, c.k, {c.copies, c.rows, 1}};
  StridedMatrix<T const> const left{a.data(), {c.rows * c.m * c.k, c.m * c.k, 0}, c.k, false};
  StridedMatrix<T const> const right{b.data(), {}, transpose ? c.k : c.n, transpose};
  StridedMatrix<T> const result{found.data(), {c.rows * c.m * c.n, c.m * c.n, 0}, c.n, false};
  CHECK(has_few_rows(shape, left, right, result) == (c.gains || transpose));
  multiply_few_rows(shape, T(2), left, right, result, into);
  CHECK(found == expected);
}

}  // namespace

TEST_CASE("products of few rows are their sums, to the last bit", "[few_rows_product]") {
  Case const c = GENERATE(Case{1, 1, 1, 700, 400, true}, Case{1, 16, 1, 230, 600, false}, Case{1, 3, 9, 90, 300, false},
                          Case{10, 4, 1, 160, 290, true}, Case{3, 2, 5, 48, 3000, true}, Case{2, 50, 1, 130, 257, false},
                          Case{17, 3, 2, 187, 64, true});
  for (bool const transpose : {false, true})
    for (Into const into : {Into::replace, Into::add}) {
      check<float>(c, transpose, into);
      check<double>(c, transpose, into);
    }
}
