#include "finite/kernel_axes.hpp"

#include "support/catch.hpp"
#include "support/language.hpp"

using namespace infinitile;

TEST_CASE("axes of an output are traced, kept once, or kept in pairs side by side", "[kernel_axes]") {
  KernelLayout const layout({2, 3, 4}, {{1}, {-1}});
  CHECK(layout.split().traced == 2);
  CHECK(layout.split().diagonal == 4);
  CHECK(layout.split().full == 3);
  CHECK(layout.kept_shape() == std::vector<long>{3, 3, 4});
  CHECK(layout.order().size() == 24);
  for (int t = 0; t < 2; ++t)
    for (int d = 0; d < 4; ++d)
      for (int f = 0; f < 3; ++f) CHECK(layout.order()[static_cast<std::size_t>((t * 4 + d) * 3 + f)] == (t * 3 + f) * 4 + d);
  for (int d = 0; d < 4; ++d)
    for (int f = 0; f < 3; ++f)
      for (int g = 0; g < 3; ++g) CHECK(layout.place(d, f, g) == (f * 3 + g) * 4 + d);
  CHECK(KernelLayout({2, 3}, {{}, {}}).kept_shape() == std::vector<long>{2, 2, 3, 3});
  CHECK(KernelLayout({3}, {{-1}, {}}).kept_shape().empty());
}

TEST_CASE("axes that cannot be are told", "[kernel_axes]") {
  auto const error = [](KernelAxes const& axes) { return message_of([&] { KernelLayout({2, 3}, axes); }); };
  CHECK(error({{3}, {}}) == "trace_axes has 3; the network's output has 3 axes with the batch: -3 to 2.");
  CHECK(error({{}, {0}}) == "diagonal_axes has 0, the batch; only axes of one output can be there, -2 to -1.");
  CHECK(error({{-1}, {2}}) == "diagonal_axes has 2, an axis that trace_axes and diagonal_axes name twice; once is needed.");
}
