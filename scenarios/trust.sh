#!/usr/bin/env bash
# Trust: runs the catalogue again and again while one busy loop for each core
# hogs the machine. The reference client must never fail (failed: 0); at most
# one result in five may say nothing (inconclusive). Then every case's flaw,
# under the same load: each must still be caught.
#
# usage: scenarios/trust.sh [RUNS]     (20 by default, about a quarter of an hour)
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-20}
chaos="${CARGO_TARGET_DIR:-target}/debug/chaos"
out="${CARGO_TARGET_DIR:-target}/trust"
limit=$((runs * 120 + 600)) # seconds; the loops end by themselves if we do not end them

cargo build --quiet --package scenarios
hogs=()
for _ in $(seq "$(nproc)"); do
  timeout "$limit" sh -c 'while :; do :; done' &
  hogs+=($!)
done
trap 'kill "${hogs[@]}" 2>/dev/null || true' EXIT

count() { python3 -c "import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])" "$1" "$2"; }
passed=0 failed=0 inconclusive=0
for run in $(seq "$runs"); do
  "$chaos" run --retry 0 --out "$out" >"$out.log" 2>&1 || true
  passed=$((passed + $(count "$out/results.json" passed)))
  failed=$((failed + $(count "$out/results.json" failed)))
  inconclusive=$((inconclusive + $(count "$out/results.json" inconclusive)))
  printf 'run %2d of %d: %d passed, %d failed, %d inconclusive so far\n' "$run" "$runs" "$passed" "$failed" "$inconclusive"
  grep -A3 -E '^[A-Z0-9a-z-]+ (failed|inconclusive)$' "$out.log" || true
done

echo "every case's flaw, under the same load"
caught=0 missed=0
while read -r id flaw check; do
  "$chaos" run "scenarios/catalogue/$id.toml" --flaw "$flaw" --out "$out" >"$out.log" 2>&1 && code=0 || code=$?
  if [ "$code" = 1 ] && grep -q "^  $check failed" "$out.log"; then
    caught=$((caught + 1))
  else
    missed=$((missed + 1))
    printf '%s with %s: exit %s, not failed by %s\n' "$id" "$flaw" "$code" "$check"
    sed -n '/^$/,$p' "$out.log"
  fi
done < <("$chaos" list | awk '/^[^ ]/ { id = $1 } /^ +catches/ { print id, $2, $4 }')

total=$((passed + failed + inconclusive))
printf '%d results: %d passed, %d failed, %d inconclusive; %d flaws caught, %d not\n' \
  "$total" "$passed" "$failed" "$inconclusive" "$caught" "$missed"
[ "$failed" = 0 ] && [ $((inconclusive * 5)) -lt "$total" ] && [ "$missed" = 0 ]
