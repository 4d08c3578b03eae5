#!/usr/bin/env bash
# The digits job under a real Slurm: munge, slurmctld and two slurmd (nodes n1 and n2) on this machine, with their own folder and ports.
# All that is started here ends here, also on failure. Exit code 77: skipped, Slurm is not installed or this is not root.
#   INFINITILE=path/to/infinitile tests/drivers/slurm_test.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/sbin
for command in munged slurmctld slurmd sbatch scancel mpirun; do
  command -v $command >/dev/null || { echo "SKIPPED: $command is not installed (Debian: slurm-wlm munge openmpi-bin)"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "SKIPPED: slurmd wants to be root"; exit 77; }

dir=$(mktemp -d /tmp/infinitile-slurm.XXXXXX)
chmod 755 "$dir"
started=()

# What belongs to this test, whoever started it, has the path of our slurm.conf in its environment.
ours() { grep -lzsxF "SLURM_CONF=$dir/slurm.conf" /proc/[0-9]*/environ | cut -d/ -f3 | grep -vx $$; }
no_jobs() { [ -z "$(squeue --noheader)" ]; }

# First the jobs, so that Slurm itself ends their processes; then the daemons, last started first; then what is left of either.
end_all() {
  local status=$?
  trap - EXIT
  set +e
  if [ $status != 0 ]; then
    echo "--- failed; the ends of the logs:"
    tail -n 15 "$dir"/*.log
  fi
  if [ ${#started[@]} -gt 1 ]; then
    scancel --full --user=root
    (wait_for 15 "the end of the jobs" no_jobs)
  fi
  for ((i = ${#started[@]} - 1; i >= 0; --i)); do kill "${started[i]}" 2>/dev/null; done
  (wait_for 10 "the end of the daemons" none_left)
  for id in $(ours); do kill -9 "$id" 2>/dev/null; done
  rm -rf "$dir"
  exit $status
}
none_left() { local id; for id in "${started[@]}" $(ours); do ! kill -0 "$id" 2>/dev/null || return 1; done; }
trap end_all EXIT
trap 'exit 1' INT TERM HUP

start() {  # name, command: in the background, its output in a log
  local name=$1
  shift
  "$@" </dev/null >"$dir/$name.log" 2>&1 &
  started+=($!)
}

wait_for() {  # seconds, what, command
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "$what: waited too long"; exit 1; }
    sleep 0.2
  done
}

# Three ports that nobody listens on.
free_ports() {
  local port=$((20000 + RANDOM % 10000)) found=0
  while [ $found -lt 3 ]; do
    port=$((port + 1))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo $port; found=$((found + 1)); fi
  done
}
read -r -d '' control_port first_port second_port < <(free_ports) || true
host=$(hostname -s)

mkdir "$dir/state" "$dir/home"
head -c 128 /dev/urandom >"$dir/munge.key"
chmod 400 "$dir/munge.key"
export SLURM_CONF=$dir/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control_port
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/linear
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$first_port CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$second_port CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=10
CONF
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export INFINITILE=${INFINITILE:-$root/build/release/infinitile}

start munged munged --foreground --socket="$dir/munge.socket" --key-file="$dir/munge.key" --pid-file="$dir/munged.pid" \
  --log-file="$dir/munge.log" --seed-file="$dir/munge.seed" --num-threads=2
wait_for 10 "munge" test -S "$dir/munge.socket"
start slurmctld slurmctld -D
start slurmd-n1 slurmd -D -N n1
start slurmd-n2 slurmd -D -N n2
both_idle() { [ "$(sinfo --noheader --Node --states=idle --format=%N | sort -u | wc -l)" = 2 ]; }
wait_for 30 "two idle nodes" both_idle

submit() {  # arguments of sbatch: prints the number of the job
  sbatch --parsable --chdir="$dir/home" --nodes=2 --ntasks-per-node=1 "$@"
}
state_of() { scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p'; }
finished() { case "$(state_of "$1")" in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ;; *) return 1 ;; esac; }

# Waits for a job to complete and shows its log when it does anything else.
expect_completed() {
  wait_for 90 "job $1" finished "$1"
  cp "$dir/home/digits-$1.log" "$dir/job-$1.log"
  [ "$(state_of "$1")" = COMPLETED ] || { echo "job $1 ended as $(state_of "$1")"; exit 1; }
}

id=$(submit "$root/jobs/slurm/digits.sbatch" "$root/jobs/digits.yaml")
expect_completed "$id"
scontrol show job "$id" | grep -q 'NodeList=n\[1-2\]' || { echo "job $id did not run on n1 and n2"; exit 1; }
[ -s "$dir/home/digits.run/result.h5" ] || { echo "job $id left no digits.run/result.h5"; exit 1; }
"$root/tests/python.sh" "$root/tests/drivers/check_digits.py" "$dir/home/digits.run"
echo "the digits job ran on two nodes of Slurm"

# Slurm's warning before the time limit: the job stops by itself, goes back to the queue and is finished from there.
export INFINITILE_RUN_SECONDS=0.05
id=$(submit "$root/jobs/slurm/digits.sbatch" "$root/jobs/smoke/slow.yaml")
has_tiles() { compgen -G "$dir/home/slow.run/tiles/*.h5"; }
wait_for 60 "the first tiles of job $id" has_tiles
scancel --batch --signal=USR1 "$id"
in_queue_again() { scontrol show job "$id" | grep -q 'Restarts=1' && [ "$(state_of "$id")" = PENDING ]; }
started_again() {  # Slurm would hold it back for two minutes
  scontrol update JobId="$id" StartTime=now
  case "$(state_of "$id")" in RUNNING | COMPLETED) ;; *) return 1 ;; esac
}
wait_for 60 "job $id in the queue again" in_queue_again
sleep 3  # a slurmd does not launch a job whose end it saw in the same second
wait_for 60 "job $id from the queue once more" started_again
expect_completed "$id"
grep -q 'back to the queue' "$dir/job-$id.log" || { echo "job $id was not stopped by the signal"; exit 1; }
[ -s "$dir/home/slow.run/result.h5" ] || { echo "job $id left no slow.run/result.h5"; exit 1; }
echo "a job that Slurm warned stopped, went back to the queue and was finished from there"
