#pragma once

#include <memory>

#include "base/log.hpp"
#include "base/text.hpp"
#include "kernels/cuda/plane_kernel.hpp"
#include "kernels/cuda/plane_upload.hpp"

namespace infinitile::plane_kernel {

/// The planes of a table on a GPU: its arrays go there when a tile is first asked for, in the numbers asked for, and stay as long as the table.
class PlaneTwin {
public:
  /// Is there a GPU? If not, the log says so once.
  static bool is_here() {
    static bool const here = [] {
      std::optional<std::string> const why = why_no_device();
      if (why) log_warning(text("no GPU can be used (", *why, "): the planes of convolutional kernels run on the host"));
      return !why;
    }();
    return here;
  }

  template <class R>
  static PlaneKernel<R>& of(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table) {
    if (!table.twin) table.twin = std::make_shared<PlaneTwin>();
    auto& kernel = table.twin->kernel<R>();
    if (!kernel) kernel = std::make_unique<PlaneKernel<R>>(plane_arrays<R>(program, plan, table));
    return *kernel;
  }

private:
  template <class R>
  std::unique_ptr<PlaneKernel<R>>& kernel() {
    if constexpr (std::is_same_v<R, float>)
      return single_;
    else
      return double_;
  }

  std::unique_ptr<PlaneKernel<float>> single_;
  std::unique_ptr<PlaneKernel<double>> double_;
};

}  // namespace infinitile::plane_kernel
