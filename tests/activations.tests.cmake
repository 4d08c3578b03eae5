# Many duals against quadrature: minutes under sanitizers, so the debug run leaves these three out; infinite_kernel_test takes every activation there.
infinitile_test(activation_test USES infinitile_kernels TIMEOUT 300 LABELS slow)
infinitile_test(activation_layer_test USES infinitile_kernels TIMEOUT 300 LABELS slow)
infinitile_test(activation_series_test USES infinitile_kernels)
infinitile_test(arc_cosine_test USES infinitile_kernels)
infinitile_test(expansion_test USES infinitile_kernels TIMEOUT 300 LABELS slow)
infinitile_test(quadrature_test USES infinitile_kernels)

infinitile_nvcc_test(device_math_compiles ${CMAKE_CURRENT_SOURCE_DIR}/device/device_math.cu)
