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

// Cost, per entry of a plane and layer of 3 x 3 convolution and ReLU, NNGP and NTK, in float. Counted in the code, none of it measured:
//   operations  8 additions of the window (sums along rows are shared down a column), 47 of weights, angle and NTK, one 1 / √, and about 60
//               of addresses, conditions and moves (PTX of the 32 x 32 launch: 1,093 instructions for a strip of 8 entries, 160 of which
//               run only where a window begins anew); with the writing of strips and rings about 135 in all.
//   bound       issue: 33.5e12 lane instructions/s of an H200 / 135 = 0.25e12 entries and layers per second, 0.30 of the 0.84e12 that 40 would
//               give. Two such layers on 32 x 32 with a global pool, 2.1e6 entries: 8.5 µs per pair, and what the loading of channels takes.
//   shared      2 writes and 7.5 reads of 4 bytes: 0.30 cycles of a multiprocessor, of 1.05 that the operations take.
//   global      2 roots per entry and layer, 2 numbers per channel at the beginning, from L1 and L2: a block stays with its pair, so that
//               device memory gives (channels + slots) · positions numbers of either input once per pair at most.
//   barriers    2 per layer of 3 x 3, none for 1 x 1.
// Occupancy  a block of 32 x 32 has 128 threads and 10,368 bytes of shared memory (20,736 in double); 5 blocks of 96 registers at a time in
//            float, 3 of 168 in double: 640 and 384 of 2,048 threads. Small images seat several planes in a block; flatten has one plane per
//            pair, so that a block of 8 x 8 uses 8 of its 32 threads.
// Memory     (channels + slots) · positions numbers per input: 21 such layers of 32 x 32 x 3 in float 184 KB, two 29 KB.
// Transfers  the table once; per tile 8 bytes per pair to the GPU and 16 back, and nothing runs beside them.

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
