#!/usr/bin/env bash
# Installs what is missing, builds, runs every test, and closes with one line: N passed, N failed, N skipped.
#   tests/run.sh                   release with all tests, then the tests of one rank, but not the slow ones, again under the sanitizers, trapping on NaN
#   tests/run.sh --quick           release only, without the slow tests
#   tests/run.sh -R cholesky       what follows goes to ctest
# CI=true makes warnings errors. A second run builds and installs only what changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=no
if [ "${1:-}" = --quick ]; then quick=yes; shift; fi
kokkos=$(setup/install.sh tests)
export CMAKE_PREFIX_PATH=$kokkos${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
setup/python.sh >/dev/null &  # a matter of the network, while the compilers have the cores
python=$!
werror=OFF
if [ "${CI:-}" = true ]; then werror=ON; fi
passed=0 failed=0 skipped=0

build() {  # preset, targets
  echo "== building: $1"
  # Sanitizers make GCC see uninitialized variables that are none, so warnings are errors in the release build alone.
  local strict=$werror
  if [ "$1" = debug ]; then strict=OFF; fi
  cmake --preset "$1" -DINFINITILE_TESTS=ON -DINFINITILE_WERROR=$strict >"build/$1.log" 2>&1 || { cat "build/$1.log"; return 1; }
  cmake --build --preset "$1" --target "${@:2}"
}

run_tests() {  # preset, arguments of ctest
  local preset=$1 log=build/$1-tests.log total=0 bad=0 idle=0 status=0
  shift
  echo "== testing: $preset"
  ctest --test-dir "build/$preset" --parallel "$(nproc)" --output-on-failure "$@" 2>&1 | tee "$log" || status=$?
  # The last lines of ctest: "98% tests passed, 2 tests failed out of 100", and a list in which skipped tests are marked. It counts those as passed.
  read -r bad total < <(sed -n 's/.* \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log") || true
  idle=$(grep -c ' (Skipped)$' "$log" || true)
  if [ $status != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1 total=$((total + 1)); fi  # ctest itself failed
  passed=$((passed + total - bad - idle)) failed=$((failed + bad)) skipped=$((skipped + idle))
}

mkdir -p build
build release all || { echo "nothing was tested: the build failed"; exit 1; }
wait $python || { echo "nothing was tested: setup/python.sh failed"; exit 1; }
if [ $quick = yes ]; then
  run_tests release --label-exclude slow "$@"
else
  run_tests release "$@"
  build debug one_rank_tests || { echo "the debug build failed"; exit 1; }
  run_tests debug --label-regex '^ranks=1$' --label-exclude slow "$@"
fi
if [ $((passed + failed)) = 0 ]; then echo "no test was run"; failed=1; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
