#include "plan/kept_axes.hpp"

#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("a pair without axes is one number", "[kept_axes]") {
  KeptAxes const kept;
  CHECK(kept.count() == 1);
  CHECK(kept.extents(4, 3) == std::vector<long>{4, 3});
  CHECK(kept.exchanged() == std::vector<long>{0});
  CHECK(kept.is_matrix());
  CHECK(kept.outputs() == 1);
  CHECK(kept.as_matrix() == std::vector<long>{0});
}

TEST_CASE("axes in pairs change places when the inputs do, others stay", "[kept_axes]") {
  // (h, h', w, o, o') with 2, 2, 3, 2, 2.
  KeptAxes const kept({{"position_0", 2, 1}, {"position_0", 2, 0}, {"position_1", 3, 2}, {"output", 2, 4}, {"output", 2, 3}});
  CHECK(kept.count() == 48);
  CHECK(kept.extents(4, 3) == std::vector<long>{4, 3, 2, 2, 3, 2, 2});
  CHECK(!kept.is_matrix());
  auto const place = [](long h, long other_h, long w, long o, long other_o) { return (((h * 2 + other_h) * 3 + w) * 2 + o) * 2 + other_o; };
  auto const exchanged = kept.exchanged();
  for (long h = 0; h < 2; ++h)
    for (long other_h = 0; other_h < 2; ++other_h)
      for (long w = 0; w < 3; ++w)
        for (long o = 0; o < 2; ++o)
          for (long other_o = 0; other_o < 2; ++other_o)
            CHECK(exchanged[static_cast<std::size_t>(place(h, other_h, w, o, other_o))] == place(other_h, h, w, other_o, o));
}

TEST_CASE("axes that all are in pairs make a matrix of the outputs of both inputs", "[kept_axes]") {
  KeptAxes const kept({{"position", 2, 1}, {"position", 2, 0}, {"output", 3, 3}, {"output", 3, 2}});
  CHECK(kept.is_matrix());
  CHECK(kept.outputs() == 6);
  auto const places = kept.as_matrix();
  for (long p = 0; p < 2; ++p)
    for (long o = 0; o < 3; ++o)
      for (long other_p = 0; other_p < 2; ++other_p)
        for (long other_o = 0; other_o < 3; ++other_o)
          CHECK(places[static_cast<std::size_t>((p * 3 + o) * 6 + other_p * 3 + other_o)] == ((p * 2 + other_p) * 3 + o) * 3 + other_o);
}
