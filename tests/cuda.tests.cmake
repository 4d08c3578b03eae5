infinitile_test(plane_kernel_test TIMEOUT 300 USES infinitile_infinite)

# The launch has to compile for a GPU by nvcc alone; whether a build uses it is INFINITILE_CUDA.
find_program(INFINITILE_NVCC nvcc HINTS /usr/local/cuda/bin ENV CUDA_HOME PATH_SUFFIXES bin)
if(INFINITILE_NVCC)
  add_test(NAME plane_kernel_compiles
           COMMAND ${INFINITILE_NVCC} -std=c++20 -arch=sm_90 -Werror all-warnings -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/src
                   -c ${PROJECT_SOURCE_DIR}/kernels/cuda/plane_kernel.cu -o ${CMAKE_CURRENT_BINARY_DIR}/plane_kernel.o)
  set_tests_properties(plane_kernel_compiles PROPERTIES TIMEOUT 300)
else()
  message(WARNING "There is no nvcc: that the launch of planes compiles for a GPU is NOT tested here.")
  add_test(NAME plane_kernel_compiles COMMAND ${CMAKE_COMMAND} -E echo "SKIPPED: there is no nvcc")
  set_tests_properties(plane_kernel_compiles PROPERTIES SKIP_REGULAR_EXPRESSION SKIPPED)
endif()
