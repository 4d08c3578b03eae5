#include "net/position_rows.hpp"

#include "base/index.hpp"
#include "support/catch.hpp"
#include "support/networks.hpp"

using namespace infinitile;

TEST_CASE("a transposed window reads through tap k what a window from there to here reads through the last tap but k", "[position_rows]") {
  auto const padding = GENERATE(Padding::valid, Padding::same, Padding::circular);
  auto const [input, taps, stride] = GENERATE(table<long, long, long>({{1, 1, 1}, {5, 3, 1}, {5, 2, 2}, {4, 4, 3}, {3, 5, 2}, {3, 2, 3}}));
  std::vector<long> const sizes{input}, window{taps}, strides{stride};
  WindowAxis const axis = transposed_axes(sizes, window, strides, padding)[0];
  WindowAxis const back{axis.output, axis.size, axis.stride, axis.size - 1 - axis.low, axis.input, axis.padding};
  for (long o = 0; o < axis.output; ++o)
    for (long k = 0; k < axis.size; ++k) {
      std::vector<long> sources;
      for (long i = 0; i < axis.input; ++i)
        if (window_source(back, i, axis.size - 1 - k) == o) sources.push_back(i);
      long const source = transposed_source(axis, o, k);
      CHECK(sources == (source < 0 ? std::vector<long>{} : std::vector<long>{source}));
    }
}

TEST_CASE("windows list what they read, tap by tap", "[position_rows]") {
  auto const places = [](WindowAxis const& axis) {
    std::vector<std::vector<long>> out;
    for (auto const& row : window_rows(axis)) {
      auto& place = out.emplace_back();
      for (Entry const& entry : row) {
        CHECK(entry.weight == 1);
        place.push_back(entry.in);
      }
    }
    return out;
  };
  using Places = std::vector<std::vector<long>>;
  CHECK(places({4, 3, 1, 1, 4, Padding::same}) == Places{{0, 1}, {0, 1, 2}, {1, 2, 3}, {2, 3}});
  CHECK(places({4, 3, 2, 1, 2, Padding::circular}) == Places{{3, 0, 1}, {1, 2, 3}});
  CHECK(places({2, 5, 1, 2, 2, Padding::circular}) == Places{{0, 1, 0, 1, 0}, {1, 0, 1, 0, 1}});
}

TEST_CASE("a resize keeps what is constant, and what is linear away from the ends", "[position_rows]") {
  auto const [in, out] = GENERATE(table<long, long>({{4, 4}, {4, 9}, {9, 4}, {1, 3}, {5, 1}}));
  for (auto const method : {ResizeMethod::nearest, ResizeMethod::linear})
    for (bool const antialias : {true, false}) {
      ImageResize op;
      op.method = method;
      op.antialias = antialias;
      Rows const rows = resize_rows(in, out, op);
      REQUIRE(std::ssize(rows) == out);
      for (long o = 0; o < out; ++o) {
        double sum = 0, place = 0;
        for (Entry const& entry : rows[at(o)]) {
          sum += entry.weight;
          place += entry.weight * static_cast<double>(entry.in);
        }
        CHECK(sum == Approx(1).epsilon(1e-15));
        double const step = static_cast<double>(in) / static_cast<double>(out), centre = (static_cast<double>(o) + 0.5) * step - 0.5,
                     reach = std::max(1.0, step);
        bool const inside = centre >= reach - 1 && centre <= static_cast<double>(in) - reach;
        if (method == ResizeMethod::linear && inside && (step <= 1 || !antialias)) CHECK(place == Approx(centre).margin(1e-13));
        if (in == out) CHECK(place == static_cast<double>(o));
      }
    }
}

TEST_CASE("a product without a constant hands positions on", "[position_rows]") {
  Network const net = chain({Dense{}}, {2, 3, 4});
  Rows const rows = product_rows(DotGeneral{}, net.node(0));
  REQUIRE(rows.size() == 6);
  for (std::size_t o = 0; o < rows.size(); ++o) {
    REQUIRE(rows[o].size() == 1);
    CHECK(rows[o][0].in == static_cast<long>(o));
    CHECK(rows[o][0].weight == 1);
  }
}
