infinitile_test(linear_algebra_test USES infinitile_kernels RANKS 1)
infinitile_test(calibration_test USES infinitile_solve RANKS 1)
infinitile_test(cholesky_test USES infinitile_solve RANKS 1 2 3 4 6)
infinitile_test(posterior_test USES infinitile_solve hdf5 RANKS 1 2 3 4 6)

# The same bits for any number of ranks and threads, in programs of their own.
add_test(NAME posterior_bits COMMAND ${CMAKE_COMMAND} "-DLAUNCH=${MPIEXEC_EXECUTABLE};${MPIEXEC_NUMPROC_FLAG}" -DPROGRAM=$<TARGET_FILE:posterior_test>
         "-DFILTER=[.digest]" "-DRUNS=1x1;1x2;2x1;2x2;3x1;4x1;6x1;1x3" -DWORD=digest -P ${CMAKE_CURRENT_SOURCE_DIR}/support/same_output.cmake)
set_tests_properties(posterior_bits PROPERTIES PROCESSORS 2 TIMEOUT 120 ENVIRONMENT "${TEST_ENVIRONMENT}")
