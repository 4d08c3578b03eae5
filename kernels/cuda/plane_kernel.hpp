#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/cuda/plane_arrays.hpp"

namespace infinitile::plane_kernel {

/// Why no GPU can be used here; nothing where one can.
std::optional<std::string> why_no_device();

/// The arrays of a table on a GPU, and the launches that read them. One stream, one launch at a time; the GPU is the first that the process
/// sees (CUDA_VISIBLE_DEVICES, which Slurm sets for each rank).
///
/// Throws Error where the memory of the GPU does not hold the arrays, and where a launch fails.
template <class R>
class PlaneKernel {
public:
  explicit PlaneKernel(PlaneArrays<R> const& arrays);
  ~PlaneKernel();
  PlaneKernel(PlaneKernel const&) = delete;
  PlaneKernel& operator=(PlaneKernel const&) = delete;

  /// The sums of every pair; those of the tangent kernel only where it is wanted.
  enum class Wanted { nngp, nngp_and_ntk };
  std::vector<PlaneSums> sum(std::span<PlanePair const> pairs, Wanted wanted);

private:
  struct Device;
  std::unique_ptr<Device> device_;
};

}  // namespace infinitile::plane_kernel
