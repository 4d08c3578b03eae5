# Many duals against quadrature: minutes under sanitizers, so the debug run leaves these three out; infinite_kernel_test takes every activation there.
infinitile_test(activation_test USES infinitile_kernels TIMEOUT 300 LABELS slow)
infinitile_test(activation_layer_test USES infinitile_kernels TIMEOUT 300 LABELS slow)
infinitile_test(arc_cosine_test USES infinitile_kernels)
infinitile_test(expansion_test USES infinitile_kernels TIMEOUT 300 LABELS slow)
infinitile_test(quadrature_test USES infinitile_kernels)

# The device mathematics has to compile by nvcc alone; nothing of it is linked into the program.
find_program(INFINITILE_NVCC nvcc HINTS /usr/local/cuda/bin ENV CUDA_HOME PATH_SUFFIXES bin)
if(INFINITILE_NVCC)
  add_test(NAME device_math_compiles
           COMMAND ${INFINITILE_NVCC} -std=c++20 -arch=sm_90 -Werror all-warnings -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/src
                   -c ${CMAKE_CURRENT_SOURCE_DIR}/device/device_math.cu -o ${CMAKE_CURRENT_BINARY_DIR}/device_math.o)
  set_tests_properties(device_math_compiles PROPERTIES TIMEOUT 300)
else()
  message(WARNING "There is no nvcc: that the device mathematics compiles for a GPU is NOT tested here.")
  add_test(NAME device_math_compiles COMMAND ${CMAKE_COMMAND} -E echo "SKIPPED: there is no nvcc")
  set_tests_properties(device_math_compiles PROPERTIES SKIP_REGULAR_EXPRESSION SKIPPED)
endif()
