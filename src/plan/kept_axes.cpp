#include "plan/kept_axes.hpp"

#include "base/error.hpp"
#include "base/index.hpp"

namespace infinitile {

namespace {

/// Each place, and those that follow it along one more axis.
std::vector<long> with_axis(std::vector<long> const& places, long size, long stride) {
  std::vector<long> out;
  for (long const place : places)
    for (long i = 0; i < size; ++i) out.push_back(place + i * stride);
  return out;
}

}  // namespace

KeptAxes::KeptAxes(std::vector<KeptAxis> axes) : axes_(std::move(axes)) {
  int const count = static_cast<int>(axes_.size());
  for (int a = 0; a < count; ++a) {
    int const twin = axes_[at(a)].twin;
    INFINITILE_EXPECT(twin >= 0 && twin < count && axes_[at(twin)].twin == a && axes_[at(twin)].size == axes_[at(a)].size);
  }
}

long KeptAxes::count() const {
  long count = 1;
  for (KeptAxis const& axis : axes_) count *= axis.size;
  return count;
}

std::vector<long> KeptAxes::extents(long rows, long cols) const {
  std::vector<long> out{rows, cols};
  for (KeptAxis const& axis : axes_) out.push_back(axis.size);
  return out;
}

std::vector<long> KeptAxes::strides() const {
  std::vector<long> out(axes_.size());
  long stride = 1;
  for (std::size_t a = axes_.size(); a-- > 0; stride *= axes_[a].size) out[a] = stride;
  return out;
}

std::vector<long> KeptAxes::exchanged() const {
  std::vector<long> const strides = this->strides();
  std::vector<long> places{0};
  for (KeptAxis const& axis : axes_) places = with_axis(places, axis.size, strides[at(axis.twin)]);
  return places;
}

bool KeptAxes::is_matrix() const {
  for (std::size_t a = 0; a < axes_.size(); ++a)
    if (at(axes_[a].twin) == a) return false;
  return true;
}

int KeptAxes::outputs() const {
  INFINITILE_EXPECT(is_matrix());
  long count = 1;
  for (std::size_t a = 0; a < axes_.size(); ++a)
    if (at(axes_[a].twin) > a) count *= axes_[a].size;
  return static_cast<int>(count);
}

std::vector<long> KeptAxes::as_matrix() const {
  INFINITILE_EXPECT(is_matrix());
  std::vector<long> const strides = this->strides();
  std::vector<long> places{0};
  for (bool const first : {true, false})
    for (std::size_t a = 0; a < axes_.size(); ++a)
      if ((at(axes_[a].twin) > a) == first) places = with_axis(places, axes_[a].size, strides[a]);
  return places;
}

}  // namespace infinitile
