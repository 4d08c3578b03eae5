#!/usr/bin/env bash
# Installs what is missing, builds, runs every test, and closes with one line: N passed, N failed, N skipped.
#   tests/run.sh                   release with all tests, then the tests of one rank again under the sanitizers, trapping on NaN
#   tests/run.sh --quick           release only, without the slow tests
#   tests/run.sh -R cholesky       what follows goes to ctest
# CI=true makes warnings errors. A second run builds and installs only what changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=no
if [ "${1:-}" = --quick ]; then quick=yes; shift; fi
kokkos=$(setup/install.sh tests)
export CMAKE_PREFIX_PATH=$kokkos${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
setup/python.sh >/dev/null
werror=OFF
if [ "${CI:-}" = true ]; then werror=ON; fi
passed=0 failed=0 skipped=0

build() {  # preset
  echo "== building: $1"
  cmake --preset "$1" -DINFINITILE_TESTS=ON -DINFINITILE_WERROR=$werror >"build/$1.log" 2>&1 || { cat "build/$1.log"; return 1; }
  cmake --build --preset "$1"
}

run_tests() {  # preset, arguments of ctest
  local preset=$1 results=$PWD/build/$1.xml
  shift
  rm -f "$results"
  ctest --test-dir "build/$preset" --parallel "$(nproc)" --output-on-failure --output-junit "$results" "$@" || true
  local total bad idle
  total=$(count tests) bad=$(count failures) idle=$(($(count skipped) + $(count disabled)))
  passed=$((passed + total - bad - idle)) failed=$((failed + bad)) skipped=$((skipped + idle))
}

count() { sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p; s/.* $1=\"\([0-9]*\)\".*/\1/p" "$results" | head -1; }

mkdir -p build
build release || { echo "nothing was tested: the build failed"; exit 1; }
if [ $quick = yes ]; then
  run_tests release --label-exclude slow "$@"
else
  run_tests release "$@"
  build debug || { echo "the debug build failed"; exit 1; }
  run_tests debug --label-regex '^ranks=1$' "$@"
fi
if [ $((passed + failed)) = 0 ]; then echo "no test was run"; failed=1; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
