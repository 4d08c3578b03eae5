#include "kernels/plane_bundle.hpp"

#include "support/catch.hpp"

using namespace infinitile;
using Bundle = PlaneBundle<float, 16>;

TEST_CASE("a bundle takes in as many planes as it has room for, in order, and none shares memory with another", "[plane_bundle]") {
  Triple const sizes{1, 40, 40};
  std::vector<Bundle::Plane> planes;
  for (int d = -39; d <= 39; ++d) planes.push_back({3, {0, 0, d}, 1});
  long const largest = plane_step::Box{sizes, {}}.cells(), room = cells_of_register(2, largest);
  Bundle bundle(2, largest, true);
  std::size_t done = 0;
  int bundles = 0;
  while (done < planes.size()) {
    std::size_t const count = bundle.take(std::span(planes).subspan(done), sizes);
    REQUIRE(count > 0);
    REQUIRE(bundle.size() == count);
    float const* end = bundle.value(1).h;
    long cells = 0;
    for (std::size_t n = 0; n < count; ++n) {
      bundle.enter(n);
      CHECK(bundle.plane().d == planes[done + n].d);
      CHECK(bundle.plane().row == 3);
      CHECK(bundle.value(1).h == end);
      long const own = plane_step::Box{sizes, bundle.plane().d}.cells();
      end += own * 16;
      cells += own;
    }
    CHECK(cells <= room);
    if (done + count < planes.size()) CHECK(cells + plane_step::Box{sizes, planes[done + count].d}.cells() > room);
    done += count;
    ++bundles;
  }
  CHECK(bundles > 1);
}

TEST_CASE("a plane that is larger than a bundle goes alone", "[plane_bundle]") {
  Triple const sizes{1, 100, 100};
  Bundle bundle(3, plane_step::Box{sizes, {}}.cells(), false);
  std::vector<Bundle::Plane> const planes(2, Bundle::Plane{0, {}, 1});
  CHECK(bundle.take(planes, sizes) == 1);
  CHECK(bundle.value(2).ntk == nullptr);
}
