infinitile_test(philox_test USES infinitile_kernels)
infinitile_test(running_mean_test USES infinitile_kernels)
infinitile_test(finite_parameters_test USES infinitile_finite)
infinitile_test(finite_evaluation_test USES infinitile_finite infinitile_store)
infinitile_test(few_rows_product_test USES infinitile_kernels)
infinitile_test(winograd_test TIMEOUT 300 USES infinitile_kernels)
infinitile_test(finite_primitives_test USES infinitile_finite)
infinitile_test(finite_networks_test USES infinitile_finite)
infinitile_test(finite_masks_test USES infinitile_job)
infinitile_test(finite_taylor_test USES infinitile_finite infinitile_store)
infinitile_test(kernel_axes_test USES infinitile_finite)
infinitile_test(empirical_kernel_test TIMEOUT 120 USES infinitile_finite infinitile_store)
infinitile_test(finite_bits_test USES infinitile_finite)
infinitile_test(monte_carlo_test TIMEOUT 300 USES infinitile_job LABELS slow)

# The same bits for any number of threads, in programs of their own.
add_test(NAME finite_bits COMMAND ${CMAKE_COMMAND} "-DLAUNCH=${MPIEXEC_EXECUTABLE};${MPIEXEC_NUMPROC_FLAG}" -DPROGRAM=$<TARGET_FILE:finite_bits_test>
         "-DFILTER=[.digest]" "-DRUNS=1x1;1x2;1x3" -DWORD=digest -P ${CMAKE_CURRENT_SOURCE_DIR}/support/same_output.cmake)
set_tests_properties(finite_bits PROPERTIES PROCESSORS 2 TIMEOUT 120 ENVIRONMENT "${TEST_ENVIRONMENT}")
