#pragma once

#include <span>
#include <vector>

#include "base/index.hpp"
#include "kernels/plane_step.hpp"

namespace infinitile {

/// Planes that go side by side: all of them through one layer before any goes through the next, so that what the layer knows of the columns
/// comes from the last cache once for all of them. They are as many as the second cache holds beside it. Each has all registers; one of
/// them is at hand.
template <class R, int L>
class PlaneBundle {
public:
  using Value = plane_step::Value<R>;
  using Box = plane_step::Box;

  /// Of an input, which counts so many times in sums.
  struct Plane {
    long row = 0;
    Triple d{};
    double times = 1;
  };

  /// `largest`: the cells of the largest plane.
  PlaneBundle(int registers, long largest, bool with_ntk) : room_(cells_of_register(registers, largest)), registers_(at(registers)) {
    for (Register& r : registers_) {
      r.h.resize(at(room_ * L));
      if (with_ntk) r.ntk.resize(at(room_ * L));
    }
  }

  /// Takes in as many of the planes of an image as there is room for, but one at least; returns how many. They do not grow on their way.
  std::size_t take(std::span<Plane const> planes, Triple sizes) {
    members_.clear();
    long used = 0;
    for (Plane const& plane : planes) {
      long const cells = Box{sizes, plane.d}.cells();
      if (!members_.empty() && used + cells > room_) break;
      members_.push_back({plane, used * L, std::vector<Box>(registers_.size())});
      used += cells;
    }
    enter(0);
    return members_.size();
  }

  std::size_t size() const { return members_.size(); }
  void enter(std::size_t n) { now_ = &members_[n]; }

  // --- of the plane at hand ---------------------------------------------------------------------------------------------

  Plane const& plane() const { return now_->plane; }
  Box& box(int reg) { return now_->boxes[at(reg)]; }
  Value value(int reg) {
    Register& r = registers_[at(reg)];
    return {r.h.data() + now_->first, r.ntk.empty() ? nullptr : r.ntk.data() + now_->first};
  }

private:
  struct Register {
    LaneVector<R> h, ntk;
  };
  struct Member {
    Plane plane;
    long first = 0;  ///< number of each register
    std::vector<Box> boxes;
  };

  long room_;
  std::vector<Register> registers_;
  std::vector<Member> members_;
  Member* now_ = nullptr;
};

}  // namespace infinitile
