// Where the positions of an output come from: sizes only, no network file.
#include "net/positions.hpp"

#include <array>
#include <limits>
#include <map>

#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/networks.hpp"

using namespace infinitile;

namespace {

WindowAxis window(long size, long taps, long stride, Padding padding) {
  std::array<long, 1> const sizes{size};
  return window_axes(sizes, {taps}, {stride}, padding)[0];
}

WindowAxis transposed(long size, long taps, long stride, Padding padding) {
  std::array<long, 1> const sizes{size};
  return transposed_axes(sizes, {taps}, {stride}, padding)[0];
}

using Slice = std::array<std::optional<long>, 3>;

IndexItem part(std::optional<long> start, std::optional<long> stop, std::optional<long> step) {
  return {IndexItem::Kind::slice, start, stop, step};
}
IndexItem number(long position) {
  return {IndexItem::Kind::number, position, {}, {}};
}
IndexItem const all{};
IndexItem const ellipsis{IndexItem::Kind::ellipsis, {}, {}, {}};

std::vector<IndexAxis> index(std::vector<IndexItem> const& idx, std::vector<long> const& sizes) {
  Index op;
  op.idx = idx;
  return index_axes(op, sizes);
}

/// The positions that a slice takes, by looking at each of them in turn.
std::vector<long> positions_in(Slice const& slice, long size) {
  long const step = slice[2].value_or(1);
  auto const counted = [&](long given) { return given < 0 ? given + size : given; };
  std::vector<long> out;
  std::optional<long> first;
  for (long i = 0; i < size; ++i) {
    long const p = step > 0 ? i : size - 1 - i;
    bool const begun = !slice[0] || (step > 0 ? p >= counted(*slice[0]) : p <= counted(*slice[0]));
    bool const ended = slice[1] && (step > 0 ? p >= counted(*slice[1]) : p <= counted(*slice[1]));
    if (!begun || ended) continue;
    if (!first) first = p;
    if ((p - *first) % step == 0) out.push_back(p);
  }
  return out;
}

}  // namespace

TEST_CASE("windows are placed by TensorFlow's rule", "[positions]") {
  // size, taps, stride: output and low. By hand from the rule; SAME of 5, 3, 2 pads 1 and 1, of 6, 3, 2 only 1 at the end.
  struct Row {
    long size, taps, stride, output, low;
  };
  auto const expect = [](Padding padding, std::vector<Row> const& rows) {
    for (Row const& r : rows) {
      INFO(r.size << " " << r.taps << " " << r.stride);
      CHECK(window(r.size, r.taps, r.stride, padding) == WindowAxis{r.size, r.taps, r.stride, r.low, r.output, padding});
    }
  };
  expect(Padding::valid, {{5, 3, 1, 3, 0},
                          {5, 5, 1, 1, 0},
                          {5, 6, 1, 0, 0},
                          {5, 6, 3, 0, 0},
                          {5, 7, 3, 0, 0},
                          {7, 3, 2, 3, 0},
                          {8, 3, 2, 3, 0},
                          {1, 1, 9, 1, 0}});
  for (Padding const padding : {Padding::same, Padding::circular})
    expect(padding, {{5, 3, 1, 5, 1},
                     {5, 2, 1, 5, 0},
                     {5, 4, 1, 5, 1},
                     {5, 3, 2, 3, 1},
                     {6, 3, 2, 3, 0},
                     {7, 1, 3, 3, 0},
                     {7, 2, 3, 3, 0},
                     {7, 5, 3, 3, 2},
                     {1, 3, 1, 1, 1},
                     {2, 7, 1, 2, 3},
                     {2, 8, 5, 1, 3}});
}

TEST_CASE("each axis has its own window, and strides that are left out are 1", "[positions]") {
  std::array<long, 2> const sizes{6, 7};
  std::vector<WindowAxis> const axes = window_axes(sizes, {3, 2}, {}, Padding::same);
  REQUIRE(axes.size() == 2);
  CHECK(axes == window_axes(sizes, {3, 2}, {1, 1}, Padding::same));
  CHECK(axes[0] == window(6, 3, 1, Padding::same));
  CHECK(axes[1] == window(7, 2, 1, Padding::same));
  CHECK(window_axes({}, {}, {}, Padding::valid).empty());
  CHECK(transposed_axes(sizes, {3, 2}, {2, 1}, Padding::valid)[1] == transposed(7, 2, 1, Padding::valid));
}

TEST_CASE("a valid transposed window reaches what the window would have read from", "[positions]") {
  // The window over n s + max(f - s, 0) positions, read backwards: output o = s i + (f - 1 - k) takes part in window i.
  for (long n = 1; n <= 5; ++n)
    for (long f = 1; f <= 6; ++f)
      for (long s = 1; s <= 4; ++s) {
        INFO(n << " " << f << " " << s);
        WindowAxis const axis = transposed(n, f, s, Padding::valid);
        WindowAxis const forward = window(axis.output, f, s, Padding::valid);
        CHECK(axis.output >= s * (n - 1) + f);
        CHECK(forward.output == n);
        CHECK(axis.low == f - 1);
      }
}

TEST_CASE("a transposed window with SAME gives stride times as many positions, lows by hand", "[positions]") {
  // low = f - 1 where s > f - 1, else ceil((f + s - 2) / 2).
  struct Row {
    long taps, stride, low;
  };
  for (Row const& r : std::vector<Row>{{1, 1, 0},
                                       {2, 1, 1},
                                       {3, 1, 1},
                                       {4, 1, 2},
                                       {5, 1, 2},
                                       {2, 2, 1},
                                       {3, 2, 2},
                                       {4, 2, 2},
                                       {5, 2, 3},
                                       {3, 3, 2},
                                       {3, 7, 2},
                                       {4, 3, 3},
                                       {5, 3, 3}}) {
    INFO(r.taps << " " << r.stride);
    CHECK(transposed(4, r.taps, r.stride, Padding::same) == WindowAxis{4, r.taps, r.stride, r.low, 4 * r.stride, Padding::same});
  }
}

TEST_CASE("a circular transposed window is the valid one with its overhang folded back", "[positions]") {
  for (long n = 1; n <= 4; ++n)
    for (long f = 1; f <= 9; ++f)
      for (long s = 1; s <= 3; ++s) {
        INFO(n << " " << f << " " << s);
        // VALID into an array, then each of its entries onto the torus.
        long const torus = n * s;
        long const length = n * s + (f > s ? f - s : 0);
        std::map<std::array<long, 3>, int> folded, found;  // (output, input, tap)
        for (long i = 0; i < n; ++i)
          for (long k = 0; k < f; ++k)
            if (long const o = s * i - k + f - 1; o >= 0 && o < length) ++folded[{(o - (length - torus) / 2 + 9 * torus) % torus, i, k}];
        WindowAxis const axis = transposed(n, f, s, Padding::circular);
        CHECK(axis.output == torus);
        for (long i = 0; i < n; ++i)
          for (long k = 0; k < f; ++k) ++found[{(s * i - k + axis.low + 9 * torus) % torus, i, k}];
        CHECK(found == folded);
      }
}

TEST_CASE("slices take what numpy takes", "[positions]") {
  std::vector<std::optional<long>> const ends{std::nullopt, -9, -6, -5, -4, -1, 0, 1, 2, 4, 5, 6, 9};
  std::vector<std::optional<long>> const steps{std::nullopt, -9, -5, -2, -1, 1, 2, 4, 5, 9};
  int taken = 0;
  for (long const size : {1L, 2L, 5L})
    for (auto const& start : ends)
      for (auto const& stop : ends)
        for (auto const& step : steps) {
          Slice const slice{start, stop, step};
          std::vector<long> const wanted = positions_in(slice, size);
          INFO(size << ": " << start.value_or(99) << " " << stop.value_or(99) << " " << step.value_or(99));
          if (wanted.empty()) {
            CHECK(message_of([&] { index({all, part(start, stop, step)}, {size}); }).ends_with("; that leaves nothing of it."));
            continue;
          }
          IndexAxis const axis = index({all, part(start, stop, step)}, {size})[0];
          std::vector<long> found;
          for (long i = 0; i < axis.count; ++i) found.push_back(axis.start + axis.step * i);
          CHECK(found == wanted);
          CHECK_FALSE(axis.dropped);
          ++taken;
        }
  CHECK(taken > 500);
  long const most = std::numeric_limits<long>::max();
  CHECK(index({all, part(-most - 1, most, most)}, {5})[0] == IndexAxis{0, 1, 1, false});
  CHECK(index({all, part(most, -most - 1, -most - 1)}, {5})[0] == IndexAxis{4, 1, 1, false});
}

TEST_CASE("numbers drop their axis, the ellipsis stands for all that are not named", "[positions]") {
  IndexAxis const whole5{0, 1, 5, false}, whole6{0, 1, 6, false};
  CHECK(index({all, number(2), ellipsis}, {5, 6}) == std::vector<IndexAxis>{{2, 1, 1, true}, whole6});
  CHECK(index({all, number(-5)}, {5, 6}) == std::vector<IndexAxis>{{0, 1, 1, true}, whole6});
  CHECK(index({ellipsis, number(-1), all}, {5, 6}) == std::vector<IndexAxis>{whole5, {5, 1, 1, true}});
  CHECK(index({ellipsis}, {5, 6}) == std::vector<IndexAxis>{whole5, whole6});
  CHECK(index({all, all, ellipsis, all, all}, {5, 6}) == std::vector<IndexAxis>{whole5, whole6});  // it may stand for none
  CHECK(index({all, part(1, 6, 2), part(std::nullopt, std::nullopt, -1)}, {7, 6})
        == std::vector<IndexAxis>{{1, 2, 3, false}, {5, -1, 6, false}});
}

TEST_CASE("an index that does not fit is told in words", "[positions]") {
  auto const message = [](std::vector<IndexItem> const& idx) { return message_of([&] { index(idx, {5, 6}); }); };
  CHECK(message({all, number(5)}) == "idx has 5 for spatial axis 0 of size 5; -5 to 4 are there.");
  CHECK(message({all, all, number(-7)}) == "idx has -7 for spatial axis 1 of size 6; -6 to 5 are there.");
  CHECK(message({all, part(4, 2, {})}) == "idx has '4:2' for spatial axis 0 of size 5; that leaves nothing of it.");
  CHECK(message({all, part({}, {}, 0)}) == "the step of a slice is 0; a step that is not 0 is needed.");
  CHECK(message({number(0)}) == "idx takes a part of the batch; ':' is needed for it.");
  CHECK(message({part(1, {}, {})}) == "idx takes a part of the batch; ':' is needed for it.");
  CHECK(message({part({}, {}, -1)}) == "idx takes a part of the batch; ':' is needed for it.");
  CHECK(message({ellipsis, part(0, 3, {})}) == "idx takes a part of the channels; ':' is needed for them.");
  CHECK(message({part(0, {}, 1), ellipsis, part(0, {}, 1)}) == "no error");
  CHECK(message({ellipsis, ellipsis}) == "idx has more than one '...'; one at most is needed.");
  CHECK(message({all, all, all, all, all})
        == "idx has 5 items; the input has 4 axes, batch and channels included, and that many at most are needed.");
}

namespace {

ConstantArray array(std::vector<long> shape) {
  std::size_t values = 1;
  for (long const size : shape) values *= static_cast<std::size_t>(size);
  return {std::move(shape), std::vector<double>(values, 1.0)};
}

/// The layout of a product with a node of shape (4, 6, 3): batch, two spatial axes of 4 and 6, channels.
ProductLayout layout(DotGeneral const& op) {
  return product_layout(op, chain({wide(3)}, {4, 6, 3}).node(1));
}

}  // namespace

TEST_CASE("the axes of a product: those that both run along, then what is left of the left side, then of the right", "[positions]") {
  using Axes = std::vector<ProductAxis>;
  ProductLayout const right = layout({{}, array({6, 7}), {{2}, {0}, {}, {}}});
  CHECK_FALSE(right.constant_is_left);
  CHECK(right.output == Axes{{0, -1}, {1, -1}, {3, -1}, {-1, 1}});
  CHECK(right.contracted == Axes{{2, 0}});
  ProductLayout const left = layout({array({7, 4}), {}, {{1}, {1}, {}, {}}});
  CHECK(left.constant_is_left);
  CHECK(left.output == Axes{{-1, 0}, {0, -1}, {2, -1}, {3, -1}});
  CHECK(left.contracted == Axes{{1, 1}});
  CHECK(layout({{}, array({7, 4, 6}), {{1}, {1}, {2}, {2}}}).output == Axes{{2, 2}, {0, -1}, {3, -1}, {-1, 0}});
  CHECK(layout({array({7, 4, 6}), {}, {{}, {}, {2, 1}, {2, 1}}}).output == Axes{{2, 2}, {1, 1}, {-1, 0}, {0, -1}, {3, -1}});
  CHECK(layout({{}, array({6, 4}), {{1, 2}, {1, 0}, {}, {}}}).contracted == Axes{{1, 1}, {2, 0}});
  CHECK(layout({{}, array({}), {}}).output == Axes{{0, -1}, {1, -1}, {2, -1}, {3, -1}});
  CHECK(layout({}).output == Axes{{0, -1}, {1, -1}, {2, -1}, {3, -1}});
  CHECK(layout({{}, array({2}), {}}).output == Axes{{0, -1}, {1, -1}, {2, -1}, {3, -1}, {-1, 0}});
}

TEST_CASE("products whose axes do not fit are told in words", "[positions]") {
  auto const message = [](DotGeneral const& op) { return message_of([&] { layout(op); }); };
  CHECK(message({array({}), array({}), {}}) == "lhs and rhs are both given; one of them is needed, the other side is the input.");
  CHECK(message({{}, {}, {{1}, {0}, {}, {}}}) == "dimension_numbers are given without lhs or rhs; one of those is needed.");
  CHECK(message({{}, array({5}), {{1}, {0}, {}, {}}})
        == "dimension_numbers contract axis 1 of the input, of size 4, and axis 0 of the constant, of size 5; equal sizes are needed.");
  CHECK(message({array({3, 6}), {}, {{}, {}, {1}, {1}}})
        == "dimension_numbers run along axis 1 of the input, of size 4, and axis 1 of the constant, of size 6; equal sizes are needed.");
  CHECK(message({{}, array({3}), {{3}, {0}, {}, {}}})
        == "dimension_numbers contract axis 3 of the input, its channels; spatial axes alone can be.");
  CHECK(message({array({3}), {}, {{}, {}, {0}, {0}}})
        == "dimension_numbers run along axis 0 of the input, its batch; spatial axes alone can be.");
  CHECK(message({{}, array({4}), {{1}, {}, {}, {}}})
        == "dimension_numbers contract 1 axes of the left side and 0 of the right; as many of both are needed.");
  CHECK(message({{}, array({4}), {{4}, {0}, {}, {}}}) == "dimension_numbers name axis 4 of the left side, which has axes 0 to 3.");
  CHECK(message({{}, array({4}), {{1}, {-1}, {}, {}}}) == "dimension_numbers name axis -1 of the right side, which has axes 0 to 0.");
  CHECK(message({{}, array({}), {{1}, {0}, {}, {}}}) == "dimension_numbers name axis 0 of the right side, which has no axes.");
  CHECK(message({{}, array({4, 4}), {{1}, {0}, {1}, {1}}}) == "dimension_numbers name axis 1 of the left side twice; once is needed.");
}

TEST_CASE("sizes as written have batch and channels at their places", "[positions]") {
  Node node;
  node.shape = {4, 6, 3};
  node.channel_axis = 3;
  CHECK(written_sizes(node) == std::vector<long>{0, 4, 6, 3});
  node.batch_axis = 2;
  node.channel_axis = 0;
  CHECK(written_sizes(node) == std::vector<long>{3, 4, 0, 6});
}
