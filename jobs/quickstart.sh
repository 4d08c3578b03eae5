#!/usr/bin/env bash
# From a fresh machine to a first result: installs what is missing, builds the program, classifies handwritten digits with it
# (jobs/digits.yaml, 2 ranks), and says what was found. A few minutes the first time, seconds when run again.
#   jobs/quickstart.sh         the program is then build/release/infinitile, the result digits.run/result.h5
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kokkos=$(setup/install.sh)
installed=$SECONDS
export CMAKE_PREFIX_PATH=$kokkos${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
mkdir -p build
log=build/quickstart.log
echo "building (log: $log) ..." >&2
configure() { [ -f build/release/build.ninja ] || cmake --preset release -DINFINITILE_TESTS=OFF; }  # later ninja itself sees what changed
if ! { configure && cmake --build --preset release --target infinitile; } >"$log" 2>&1; then
  grep -m 20 -E 'error|Error|FAILED' "$log" >&2 || tail -20 "$log" >&2
  exit 1
fi
built=$SECONDS

# Two ranks without being tied to a core each: their threads use what cores there are. Open MPI asks root and small machines for leave.
launch=(mpirun -n 2 --bind-to none)
if [ "$(id -u)" = 0 ]; then launch+=(--allow-run-as-root); fi
if [ "$(lscpu -p=core,socket | grep -v '^#' | sort -u | wc -l)" -lt 2 ]; then launch+=(--oversubscribe); fi
status=0
"${launch[@]}" build/release/infinitile posterior jobs/digits.yaml --output digits.run || status=$?
case $status in
  0) ;;
  75) echo "Stopped before the end. The same command goes on from there." >&2; exit 75 ;;
  *) exit $status ;;
esac

# Where the time of the run went: the outermost phases of report.json, which is written two spaces deep.
awk -F'"' '
  /^  "phases"/      { inside = 1 }
  /^  }/             { inside = 0 }
  /^    "/           { name = $2 }
  /^      "seconds"/ { if (inside) { sub(/[^0-9]*/, "", $3); printf "%-12s %6.2f s\n", name, $3 } }
' digits.run/report.json
echo "set-up $installed s, build $((built - installed)) s, run $((SECONDS - built)) s"
echo "files   $PWD/digits.run/result.h5 and report.json, log.txt beside it; notebooks/digits.ipynb reads them"
