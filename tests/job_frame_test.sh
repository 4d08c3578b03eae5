#!/usr/bin/env bash
# What the frame makes of each way a command can end: exit code, stdout, the one line on stderr.
# job_frame_test.sh PROBE RANKS [LAUNCHER...]; without a launcher the program starts alone.
set -uo pipefail
probe=$1 ranks=$2
shift 2
launcher=("$@")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# expect CODE STDOUT LINE ARGUMENTS...: the lines of the program on stderr (mpirun adds its own) must be LINE.
expect() {
  local code=$1 out=$2 line=$3
  shift 3
  "${launcher[@]}" "$probe" "$@" >"$folder/out" 2>"$folder/err"
  local got=$?
  local said
  said=$(grep '^infinitile: ' "$folder/err")
  if [[ $got != "$code" || $(cat "$folder/out") != "$out" || $said != "$line" ]]; then
    echo "FAILED: $* gave exit code $got, stdout '$(cat "$folder/out")', stderr '$(cat "$folder/err")'; expected $code, '$out', '$line'"
    failed=1
  fi
}

same() { [[ $2 == "$3" ]] || { echo "FAILED: $1 is '$2', expected '$3'"; failed=1; }; }
field() { grep -o "\"$1\": [^,]*" "$folder/run/report.json" | head -1 | cut -d' ' -f2-; }

shares=$((ranks > 1))
export OMP_NUM_THREADS=1
expect 0 "$ranks ranks of 1 threads" "" succeed --quiet
[[ -s $folder/err ]] && { echo "FAILED: --quiet printed $(cat "$folder/err")"; failed=1; }
expect 0 "$ranks ranks of 1 threads" "" succeed --log-level error
expect 2 "" "infinitile: bad input on all ranks." fail_everywhere --quiet
expect 3 "" "infinitile: not positive definite on the last rank." fail_on_the_last --quiet
# A word on threads stands before a numerical answer, but never beside bad input.
cores=$(env -u OMP_NUM_THREADS nproc)
warning="infinitile: warning: $ranks rank$( ((shares)) && echo s) of $((cores + 1)) threads share $cores core$( ((cores > 1)) && echo s) of this node, "
warning+="which is slower than one thread per core. Start fewer ranks, or lower --threads."
expect 2 "" "infinitile: bad input on all ranks." fail_everywhere --threads $((cores + 1))
expect 3 "" "$warning"$'\n'"infinitile: not positive definite on the last rank." fail_on_the_last --threads $((cores + 1))
expect 75 "" "infinitile: stopped by SIGUSR1; all finished tiles are kept. The same command goes on from there." be_stopped --quiet
expect 2 "" "infinitile: unknown command \"sing\". There are succeed, fail_everywhere, fail_on_the_last, fail_while_others_wait, be_defect, be_stopped and take_directory." sing
expect 2 "" "infinitile: --threads is x, but a whole number from 1 is needed." succeed --threads x
((shares)) && expect 2 "" "infinitile: the last rank has left." fail_while_others_wait --quiet
"${launcher[@]}" "$probe" be_defect --quiet >/dev/null 2>&1
same "the exit code of a defect" $? 1
same "the number of versions printed" "$("${launcher[@]}" "$probe" --version | grep -c '^infinitile [0-9]')" 1

# Threads wait for a bounded time, unless the user says how they wait; the program that begins again for it has its arguments as they were.
# libgomp shows what it knows as it is loaded: once where the program does not begin again.
waits() { env "$@" OMP_DISPLAY_ENV=verbose "${launcher[@]}" "$probe" succeed --quiet 2>&1 >/dev/null | grep -c "GOMP_SPINCOUNT = '2000'"; }
loader=$(readelf -l "$probe" 2>/dev/null | sed -n 's/.*interpreter: \(.*\)]/\1/p')
if ldd "$probe" | grep -q libgomp; then
  same "the ranks whose threads wait for a bounded time" "$(waits -u OMP_WAIT_POLICY)" "$ranks"
  same "the ranks whose threads wait so against the user's wish" "$(waits OMP_WAIT_POLICY=active)" 0
fi
[[ -n $loader ]] && ! ldd "$probe" | grep -q 'lib.*san' && same "the output of a program that its loader starts" "$("${launcher[@]}" "$loader" "$probe" succeed --quiet 2>&1)" "$ranks ranks of 1 threads"

cat >"$folder/job.yaml" <<YAML
data: {train: {file: a.h5}}
network: [dense]
YAML
expect 0 "" "" take_directory "$folder/job.yaml" --quiet --output "$folder/run"
same "the exit code in the report" "$(field exit)" 0
same "the tiles of all ranks in the report" "$(field computed)" "$ranks"
expect 3 "" "infinitile: no convergence." take_directory "$folder/job.yaml" --quiet --output "$folder/run" --set name=failing
same "the exit code in the report" "$(field exit)" 3
same "the error in the report" "$(field error)" '"no convergence."'
report=$(cat "$folder/run/report.json")
expect 2 "" "infinitile: $folder/run holds the tiles of another job: kernel.tile was auto, now 8. Choose another --output, or remove the directory." \
  take_directory "$folder/job.yaml" --quiet --output "$folder/run" --set kernel.tile=8
same "the report after a refused run" "$(cat "$folder/run/report.json")" "$report"
expect 2 "" "infinitile: --set kernel.tile=0: kernel.tile is 0, but a whole number from 1 to 2147483647 or auto is needed." \
  take_directory "$folder/job.yaml" --quiet --output "$folder/run" --set kernel.tile=0

grep -q "another job" "$folder/run/log.txt" && { echo "FAILED: a refused run wrote into the log of the directory"; failed=1; }
((failed)) || echo "all ends of a command are as they should be on $ranks ranks"
exit $failed
