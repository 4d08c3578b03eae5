// Convolutions of 3 x 3 taps by fewer products, against the plain sums in double.
#include "kernels/winograd.hpp"

#include <cmath>

#include "kernels/philox.hpp"
#include "support/catch.hpp"

using namespace infinitile;
using primitive::Convolve;

namespace {

/// A plane of height x width, so many zeros above, below, left and right of it.
struct Case {
  int height, width, above, below, left, right;
};

Convolve convolution(Case const& c, int in, int out) {
  Convolve p;
  int const out_height = c.height + c.above + c.below - 2, out_width = c.width + c.left + c.right - 2;
  p.in_positions = c.height * c.width;
  p.out_positions = out_height * out_width;
  p.taps = 9;
  p.in = in;
  p.out = out;
  p.scale = 0.7;
  for (int o = 0; o < p.out_positions; ++o)
    for (int t = 0; t < 9; ++t) {
      int const y = o / out_width - c.above + t / 3, x = o % out_width - c.left + t % 3;
      p.picks.push_back(y >= 0 && y < c.height && x >= 0 && x < c.width ? y * c.width + x : -1);
    }
  return p;
}

template <class T>
Numbers<T> normals(int copies, int rows, long size, std::uint64_t stream) {
  Numbers<T> const out(copies, rows, size);
  for (long i = 0; i < out.batch().count(); ++i)
    out.batch().data[i] = static_cast<T>(RandomStream{5, stream}.normals(static_cast<std::uint64_t>(i)).first);
  return out;
}

/// visit(output entry, input entry, weight entry) for all products of one sample.
template <class Visit>
void for_products(Convolve const& p, Visit const& visit) {
  for (long o = 0; o < p.out_positions; ++o)
    for (long t = 0; t < 9; ++t)
      if (long const pick = p.picks[static_cast<std::size_t>(o * 9 + t)]; pick >= 0)
        for (long i = 0; i < p.in; ++i)
          for (long c = 0; c < p.out; ++c) visit(o * p.out + c, pick * p.in + i, (t * p.in + i) * p.out + c);
}

/// ‖found − expected‖ / ‖expected‖.
template <class T>
double difference(Batch<T> found, std::vector<double> const& expected) {
  double apart = 0, norm = 0;
  REQUIRE(found.count() == std::ssize(expected));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    apart += std::pow(static_cast<double>(found.data[i]) - expected[i], 2);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(apart / norm);
}

template <class T>
void check(Case const& c, int in, int out, double tolerance) {
  CAPTURE(c.height, c.width, c.above, c.left, in, out);
  constexpr int copies = 2, rows = 3;
  Convolve const p = convolution(c, in, out);
  REQUIRE(find_plane<T>(p));
  auto const x = normals<T>(1, rows, static_cast<long>(p.in_positions) * in, 1), w = normals<T>(1, 1, 9L * in * out, 2),
             g = normals<T>(copies, rows, static_cast<long>(p.out_positions) * out, 3);
  std::vector<double> y(static_cast<std::size_t>(rows * p.out_positions * out), 1),
      dx(static_cast<std::size_t>(copies * rows * p.in_positions * in), 1), dw(static_cast<std::size_t>(copies * rows * 9 * in * out), 1),
      sum(static_cast<std::size_t>(copies * 9 * in * out), 0);
  Numbers<T> const found_y(1, rows, static_cast<long>(p.out_positions) * out),
      found_dx(copies, rows, static_cast<long>(p.in_positions) * in), found_dw(copies, rows, 9L * in * out),
      found_sum(copies, 1, 9L * in * out);
  for (auto const* const each : {&found_y, &found_dx, &found_dw}) std::fill_n(each->batch().data, each->batch().count(), T(1));
  for (int row = 0; row < rows; ++row)
    for_products(p, [&](long of_y, long of_x, long of_w) {
      auto const place = [](Batch<T> b, int copy, int r, long i) {
        return static_cast<std::size_t>((static_cast<long>(copy) * b.rows + r) * b.size + i);
      };
      double const weight = p.scale * static_cast<double>(w.batch().data[of_w]),
                   input = p.scale * static_cast<double>(x.batch().at(0, row)[of_x]);
      y[place(found_y.batch(), 0, row, of_y)] += weight * static_cast<double>(x.batch().at(0, row)[of_x]);
      for (int copy = 0; copy < copies; ++copy) {
        auto const cotangent = static_cast<double>(g.batch().at(copy, row)[of_y]);
        dx[place(found_dx.batch(), copy, row, of_x)] += weight * cotangent;
        dw[place(found_dw.batch(), copy, row, of_w)] += input * cotangent;
        sum[place(found_sum.batch(), copy, 0, of_w)] += input * cotangent;
      }
    });
  Batch<T const> const operands[2] = {x.batch(), w.batch()};
  PrimitiveValues<T> const values{operands, {}};
  primitive::push<T>(p, values, 0, x.batch(), found_y.batch(), Into::add);
  primitive::pull<T>(p, values, 0, g.batch(), found_dx.batch(), Into::add);
  primitive::pull<T>(p, values, 1, g.batch(), found_dw.batch(), Into::add);
  primitive::pull<T>(p, values, 1, g.batch(), found_sum.batch(), Into::replace);
  CHECK(difference(found_y.batch(), y) <= tolerance);
  CHECK(difference(found_dx.batch(), dx) <= tolerance);
  CHECK(difference(found_dw.batch(), dw) <= tolerance);
  CHECK(difference(found_sum.batch(), sum) <= tolerance);
}

}  // namespace

TEST_CASE("a convolution by 36 products per square is its plain sum, in all directions", "[winograd]") {
  for (Case const& c :
       {Case{8, 8, 1, 1, 1, 1}, Case{9, 13, 1, 1, 1, 1}, Case{10, 11, 0, 0, 0, 0}, Case{8, 9, 2, 0, 0, 1}, Case{7, 7, 0, 2, 2, 2}}) {
    check<double>(c, 16, 32, 3e-15);
    check<float>(c, 16, 32, 1e-6);
  }
  check<double>({12, 12, 1, 1, 1, 1}, 40, 72, 3e-15);
  check<float>({36, 33, 1, 1, 1, 1}, 48, 80, 2e-6);
}

TEST_CASE("only 3 x 3 windows without steps on a plane are taken for such", "[winograd]") {
  Convolve const plain = convolution({8, 8, 1, 1, 1, 1}, 16, 16);
  CHECK(find_plane<float>(plain));
  Convolve narrow = plain;
  narrow.in = 15;
  CHECK(!find_plane<float>(narrow));
  Convolve in_groups = plain;
  in_groups.groups = 2;
  CHECK(!find_plane<float>(in_groups));
  Convolve around = plain;  // what the first row sees above is the last row
  for (std::size_t o = 0; o < 8; ++o) around.picks[o * 9 + 1] = static_cast<int>(56 + o);
  CHECK(!find_plane<float>(around));
  Convolve one_off = plain;
  one_off.picks.back() = 0;
  CHECK(!find_plane<float>(one_off));
  Convolve steps = plain;  // every second output of every second row
  steps.out_positions = 16;
  steps.picks.clear();
  for (int o = 0; o < 16; ++o) {
    auto const window = plain.picks.begin() + (o / 4 * 16 + o % 4 * 2) * 9;
    steps.picks.insert(steps.picks.end(), window, window + 9);
  }
  CHECK(!find_plane<float>(steps));
}
