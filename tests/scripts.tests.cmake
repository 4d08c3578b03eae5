# What is tested from outside: rules, format, and the program as its users run it.
add_test(NAME rules COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/rules.cmake)
add_test(NAME format COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/format.sh)
set_tests_properties(rules format PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77 LABELS "scripts")
