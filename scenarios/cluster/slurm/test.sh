#!/usr/bin/env bash
# A true Slurm on loopback: its array job and its merge leave, to the byte, what
# one run leaves. Takes the folder of the programs, and one to unpack Slurm into.
# All daemons are this script's children and end with it, whatever happens.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
bin="$(cd "${1:?usage: test.sh BIN FOLDER}" && pwd)"
if ! folder="$("$here/setup.sh" "${2:?usage: test.sh BIN FOLDER}")"; then
  echo "SKIPPED, missing Debian's slurm: the array job and its merge"
  exit 0
fi

work="$(mktemp -d)"
daemons=()

finish() {
  code=$?
  trap - EXIT
  scancel --full --user="$(id -un)" 2>/dev/null || true
  # The last first: nodes say goodbye to their controller.
  for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do stop "${daemons[i]}"; done
  if [ "$code" != 0 ]; then
    echo "the daemons' and jobs' logs:" >&2
    tail -n 20 "$work"/*.log >&2 || true
  fi
  rm -rf "$work"
  exit "$code"
}

stop() {
  kill -TERM "$1" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# The command until it succeeds; a bound, and then what was awaited.
await() {
  what="$1"
  shift
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$what: not within 30 s" >&2
  exit 1
}

daemon() {
  name="$1"
  shift
  "$@" >"$work/$name.log" 2>&1 &
  daemons+=("$!")
}

is_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of three ports in a row on which nothing listens.
free_ports() {
  for ((port = 20000 + $$ % 10000; port < 32000; port += 3)); do
    is_taken "$port" || is_taken $((port + 1)) || is_taken $((port + 2)) || {
      echo "$port"
      return
    }
  done
  echo "no three free ports" >&2
  return 1
}

configuration() {
  host="$(hostname -s)"
  port="$(free_ports)"
  cat <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
# Nothing listens but on loopback.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
PluginDir=$plugins
MailProg=$(command -v true)
StateSaveLocation=$work/state
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmdSpoolDir=$work/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
EnforcePartLimits=ALL
SchedulerParameters=sched_interval=1,sched_min_interval=100000
NodeName=one NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1
NodeName=two NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1
PartitionName=all Nodes=one,two Default=YES State=UP MaxTime=60
CONF
}

idle_nodes() { [ "$(sinfo --noheader --Node --states=idle --format=%N | sort | xargs)" = "one two" ]; }

trap finish EXIT
trap 'exit 130' INT TERM
# munge wants a folder that others can enter, with a key that they cannot read.
chmod 755 "$work"
root="$folder/root"
libraries="$(find "$root/usr/lib" /usr/lib -type d -path "*-linux-*/slurm-wlm" -print -quit 2>/dev/null || true)"
plugins="$libraries"
LD_LIBRARY_PATH="$(dirname "$libraries"):$libraries"
export LD_LIBRARY_PATH
export PATH="$bin:$root/usr/sbin:$root/usr/bin:$PATH:/usr/sbin"
export SLURM_CONF="$work/slurm.conf"

(umask 077 && head -c 128 /dev/urandom >"$work/munge.key")
daemon munged munged --foreground --key-file="$work/munge.key" --socket="$work/munge.socket" \
  --pid-file="$work/munged.pid" --log-file="$work/munge.log" --seed-file="$work/munge.seed" --num-threads=1
await "munged" munge --no-input --socket="$work/munge.socket"
configuration >"$SLURM_CONF"
mkdir "$work/state" "$work/spool-one" "$work/spool-two"
daemon slurmctld slurmctld-wlm -D -c
for node in one two; do
  daemon "slurmd-$node" slurmd-wlm -D -N "$node" -d "$(command -v slurmstepd-wlm)"
done
await "two idle nodes" idle_nodes
sinfo

cd "$work"
# The suite's exit code through Slurm, as its last job tells it.
suite() {
  export CHAOS_OUT="$work/$1"
  shift
  array="$(sbatch --parsable "$here/run.sbatch" "$@")"
  timeout 300 sbatch --wait --dependency="afterany:$array" "$here/merge.sbatch"
}

expect() {
  code=0
  "${@:2}" || code=$?
  [ "$code" = "$1" ] || {
    echo "exit code $code of \`${*:2}\`, where $1 was right" >&2
    exit 1
  }
}

echo "== all pass, on two nodes"
expect 0 suite passed --time virtual
expect 0 chaos run --time virtual --out one >/dev/null 2>&1
diff -r "$work/passed/merged" one
for node in one two; do grep -F -m 1 "NodeList=$node " slurmctld.log; done
wc -l chaos-[0-9]*_*.log

echo "== a shard with a failed check is merged, and the merge has its exit code"
expect 1 suite failed --time virtual --filter 'R0*' --flaw no_liveness
expect 1 chaos run --time virtual --filter 'R0*' --flaw no_liveness --out other >/dev/null 2>&1
diff -r "$work/failed/merged" other

echo "== a shard that never ran is missed by its number"
export CHAOS_OUT="$work/partial"
array="$(sbatch --parsable --hold "$here/run.sbatch" --time virtual --filter 'R0*')"
scancel "${array}_2"
merge="$(sbatch --parsable --dependency="afterany:$array" "$here/merge.sbatch")"
scontrol release "$array"
gone() { [ -z "$(squeue --noheader --jobs="$merge" 2>/dev/null)" ]; }
await "the merge's end" gone
grep -F "of 3 shards, 2 is missing" "chaos-merge-$merge.log"
[ ! -e "$work/partial/merged" ]

echo "slurm $(sbatch --version | cut -d ' ' -f 2): three shards on two nodes merge to what one run leaves, to the byte"
