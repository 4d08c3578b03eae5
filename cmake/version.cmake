# Writes OUTPUT with the version, the git id and how the program was built. Touches the file only when something changed.
cmake_policy(VERSION 3.25)
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 OUTPUT_VARIABLE id OUTPUT_STRIP_TRAILING_WHITESPACE
                RESULT_VARIABLE failed ERROR_QUIET)
if(failed)
  set(id "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "#pragma once
namespace infinitile {
inline constexpr char const* version = \"@VERSION@\";
inline constexpr char const* git_id = \"@id@\";
inline constexpr char const* build_description = \"@BUILD_TYPE@, @COMPILER@, -march=@ARCH@\";
}
")
