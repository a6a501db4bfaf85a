#!/usr/bin/env bash
# A crowd on one machine: CLIENTS clients in three shards, each a process with its
# own proxy, before one server that ticks once a second; then all clients are reset at
# once. Prints what a client costs, who is back, and how the recoveries are spread.
# Takes the folder of the programs. On loopback; everything ends with it.
set -euo pipefail
bin="$(cd "${1:?usage: crowd.sh BIN}" && pwd)"
clients="${CLIENTS:-10000}"
ramp=15 reset=35 lasts=60 # seconds
base=8                    # seconds: first dials are spread evenly over so many
shards=3
ulimit -n "$(ulimit -Hn)"
work="$(mktemp -d)"
processes=()

finish() {
  code=$?
  trap - EXIT
  for ((i = ${#processes[@]} - 1; i >= 0; i--)); do
    kill -TERM "${processes[i]}" 2>/dev/null || true
    wait "${processes[i]}" 2>/dev/null || true
  done
  [ "$code" = 0 ] || tail -n 5 "$work"/*.log >&2
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

is_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of four ports in a row on which nothing listens.
free_ports() {
  for ((port = 20000 + $$ % 10000; port < 32000; port += 4)); do
    is_taken "$port" || is_taken $((port + 1)) || is_taken $((port + 2)) || is_taken $((port + 3)) || {
      echo "$port"
      return
    }
  done
  echo "no four free ports" >&2
  return 1
}

await_port() {
  for _ in $(seq 100); do
    if is_taken "$1"; then return; fi
    sleep 0.1
  done
  echo "nothing listens on $1 after 10 s" >&2
  exit 1
}

start() {
  log="$work/$1.log"
  shift
  "$@" >"$log" 2>&1 &
  processes+=("$!")
}

kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

port="$(free_ports)"
start server "$bin/ticker-server" --listen "127.0.0.1:$port" --tick 1s --heartbeat 5s \
  --max-connections $((clients + 100)) --max-sessions $((2 * clients + 100)) --seed 1
await_port "$port"
server="${processes[-1]}"
# The proxies' time begins with their first client, which is that of all.
cat >"$work/reset.toml" <<TOML
[[fault]]
at = "${reset}s"
inject.reset = {}
TOML
begin=$(($(date +%s) + 5))
sims=()
for i in $(seq $shards); do
  start "proxy$i" "$bin/chaos-proxy" --listen "127.0.0.1:$((port + i))" --upstream "127.0.0.1:$port" --scenario "$work/reset.toml"
  await_port $((port + i))
done
for i in $(seq $shards); do
  start "sim$i" "$bin/client-sim" "ws://127.0.0.1:$((port + i))/ws" --clients "$clients" --shard "$i/$shards" \
    --start-at "$(date -u -d "@$begin" +%FT%TZ)" --ramp "${ramp}s" --for "${lasts}s" --seed 7 \
    --base "${base}s" --cap "${base}s" --liveness 20s --connect-timeout 10s \
    --source 127.0.0.2-127.0.0.9 --histogram "$work/recoveries$i" --json
  sims+=("${processes[-1]}")
done
sleep $((begin + reset - 3 - $(date +%s)))
memory=0
for sim in "${sims[@]}"; do memory=$((memory + $(kib "$sim"))); done
echo "$clients clients before the reset: $memory KiB on their side, $((memory * 1024 / clients)) bytes each; the server: $(($(kib "$server") * 1024 / clients)) bytes each"
code=0
for sim in "${sims[@]}"; do wait "$sim" || code=$?; done
cat "$work"/sim?.log
"$bin/client-sim" merge "$work"/recoveries? --histogram "$work/all"
[ "$code" = 0 ] || {
  echo "some client is not back" >&2
  exit 1
}
