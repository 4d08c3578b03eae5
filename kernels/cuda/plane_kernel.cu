#include "kernels/cuda/plane_kernel.hpp"

#include <cuda_runtime.h>

#include "base/error.hpp"
#include "kernels/cuda/plane_block.hpp"

namespace infinitile::plane_kernel {

namespace {

void check(cudaError_t code, std::string const& what) {
  if (code == cudaSuccess) return;
  throw Error("the GPU failed to " + what + ": " + cudaGetErrorString(code)
              + ". With an empty CUDA_VISIBLE_DEVICES the same command computes on the host.");
}

/// The threads of a block, one of them each.
template <class R>
struct CudaBlock {
  Strip<R> strip;

  INFINITILE_FN int threads() const {
#if defined(__CUDA_ARCH__)
    return static_cast<int>(blockDim.x);
#else
    return 0;
#endif
  }
  template <class F>
  INFINITILE_FN void alone(F f) {
#if defined(__CUDA_ARCH__)
    f(static_cast<int>(threadIdx.x), strip);
#endif
  }
  template <class F>
  INFINITILE_FN void phase(F f) {
    alone(f);
#if defined(__CUDA_ARCH__)
    __syncthreads();
#endif
  }
};

/// At most 96 registers per thread in float and 168 in double, with which nothing is spilled.
template <class R>
constexpr int blocks_at_once = sizeof(R) == 4 ? 5 : 3;

template <class R, bool with_ntk, int Side>
__global__ void __launch_bounds__(Seating::most_threads, blocks_at_once<R>)
    sum_planes(__grid_constant__ PlaneJob<R> const job, PlanePair const* pairs, PlaneSums* sums) {
  extern __shared__ double room[];
  CudaBlock<R> block;
  PairRun<R, with_ntk, Side>(job, pairs[blockIdx.x], room).run(block, sums + blockIdx.x);
}

/// An array in the memory of the GPU.
template <class T>
class DeviceArray {
public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    std::string const bytes = std::to_string(count * sizeof(T));
    if (count > 0) check(cudaMalloc(&data_, count * sizeof(T)), "give " + bytes + " bytes of its memory for the planes of a kernel");
  }
  explicit DeviceArray(std::span<T const> values) : DeviceArray(values.size()) {
    check(cudaMemcpy(data_, values.data(), values.size_bytes(), cudaMemcpyHostToDevice), "take in the numbers of a kernel's planes");
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(DeviceArray const&) = delete;
  DeviceArray& operator=(DeviceArray const&) = delete;

  T* data() const { return data_; }
  void copy_to(std::span<T> values) const {
    check(cudaMemcpy(values.data(), data_, values.size_bytes(), cudaMemcpyDeviceToHost), "sum the planes of a kernel");
  }

private:
  T* data_ = nullptr;
  std::size_t count_;
};

}  // namespace

std::optional<std::string> why_no_device() {
  int count = 0;
  cudaError_t const code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) return cudaGetErrorString(code);
  if (count == 0) return "no device";
  return std::nullopt;
}

template <class R>
struct PlaneKernel<R>::Device {
  DeviceArray<PlaneLayer<R>> layers;
  DeviceArray<R> inputs, roots;
  PlaneJob<R> job;

  explicit Device(PlaneArrays<R> const& a)
      : layers(std::span<PlaneLayer<R> const>(a.layers)),
        inputs(std::span<R const>(a.inputs)),
        roots(std::span<R const>(a.roots)),
        job{a.height,      a.width,       a.channels,  a.planes, a.slots, static_cast<int>(a.layers.size()),
            layers.data(), inputs.data(), roots.data()} {}
};

template <class R>
PlaneKernel<R>::PlaneKernel(PlaneArrays<R> const& arrays) : device_(std::make_unique<Device>(arrays)) {}
template <class R>
PlaneKernel<R>::~PlaneKernel() = default;

template <class R>
std::vector<PlaneSums> PlaneKernel<R>::sum(std::span<PlanePair const> pairs, Wanted wanted) {
  std::vector<PlaneSums> out(pairs.size());
  if (pairs.empty()) return out;
  PlaneJob<R> const& job = device_->job;
  DeviceArray<PlanePair> const these(pairs);
  DeviceArray<PlaneSums> const sums(pairs.size());
  Seating const seating(job.height, job.width, job.planes);
  auto const launch = [&](auto kernel) {
    kernel<<<static_cast<unsigned>(pairs.size()), static_cast<unsigned>(seating.threads()), seating.template bytes<R>()>>>(
        job, these.data(), sums.data());
  };
  bool const largest = job.height == most_side && job.width == most_side;
  if (wanted == Wanted::nngp) {
    largest ? launch(sum_planes<R, false, most_side>) : launch(sum_planes<R, false, 0>);
  } else {
    largest ? launch(sum_planes<R, true, most_side>) : launch(sum_planes<R, true, 0>);
  }
  check(cudaGetLastError(), "start on the planes of a kernel");
  sums.copy_to(out);
  return out;
}

template class PlaneKernel<float>;
template class PlaneKernel<double>;

}  // namespace infinitile::plane_kernel
