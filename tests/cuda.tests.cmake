infinitile_test(plane_kernel_test TIMEOUT 300 USES infinitile_infinite)

# Whether a build uses the launch is INFINITILE_CUDA.
infinitile_nvcc_test(plane_kernel_compiles ${PROJECT_SOURCE_DIR}/kernels/cuda/plane_kernel.cu)
