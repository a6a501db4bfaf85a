#!/bin/sh
# The tests of the crate from outside, again and again, with two busy loops beside
# them: `repeat.sh [TIMES]`, under cargo test and, where it is installed, nextest.
set -eu
times=${1:-50}
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../../target}

run() {
  cargo "$@" --locked --manifest-path "$here/Cargo.toml" --target-dir "$target"
}

run test --no-run --quiet
loops=
trap 'kill $loops 2>/dev/null' EXIT
trap 'exit 130' INT TERM
for _ in 1 2; do
  sh -c 'while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 10000 ]; do i=$((i + 1)); done; done' &
  loops="$loops $!"
done

again() {
  round=1
  while [ "$round" -le "$times" ]; do
    run "$@" >"$target/outside.log" 2>&1 || { cat "$target/outside.log"; echo "$*: round $round of $times failed" >&2; exit 1; }
    round=$((round + 1))
  done
  echo "cargo $*: green $times times"
}

again test
if cargo nextest --version >/dev/null 2>&1; then
  again nextest run
else
  echo "SKIPPED, missing cargo-nextest: the same under nextest" >&2
fi
