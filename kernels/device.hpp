#pragma once

// Mathematics that runs on the host and, compiled by nvcc or through Kokkos' CUDA backend, on a GPU. No Kokkos here: a formula must compile
// alone.
#if defined(__CUDACC__) || defined(__HIPCC__)
#define INFINITILE_FN __host__ __device__ inline
#else
#define INFINITILE_FN inline
#endif
