#!/bin/sh
# How many cases it takes to find each flaw from the bases that are built in, by
# coverage and by chance: the median of five seeds each, unfound within the most
# counting as that; and the geometric mean of their quotients. An hour on a quiet
# machine; FLAWS, SEEDS and MOST make it less.
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release --package scenarios --bin chaos
chaos=target/release/chaos
out=target/rediscover
most=${MOST:-20000}
seeds=${SEEDS:-1 2 3 4 5}
flaws=${FLAWS:-$(sed -n 's/^    [A-Z][A-Za-z]* "\([a-z_]*\)"$/\1/p' client-sim/src/flaw.rs)}

# The case in which it was found, how many entries were left and after how many runs.
one() {
    told=$($chaos explore --flaw "$1" --guide "$2" --seed "$3" --cases "$most" --findings 1 \
        --unconfirmed --out "$out/$2-$1-$3" 2>/dev/null || true)
    found=$(printf '%s\n' "$told" | sed -n 's/^  case \([0-9]*\), \([0-9]*\) of [0-9]* entries left after \([0-9]*\) runs$/\1 \2 \3/p')
    printf '%s\n' "${found:-$most - -}"
}

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

printf '%-28s %9s %9s  %s\n' flaw coverage random 'entries, runs (coverage, each seed)'
sum=0
count=0
for flaw in $flaws; do
    covered=$(for seed in $seeds; do one "$flaw" coverage "$seed"; done)
    by_chance=$(for seed in $seeds; do one "$flaw" random "$seed"; done)
    a=$(printf '%s\n' "$covered" | median)
    b=$(printf '%s\n' "$by_chance" | median)
    small=$(printf '%s\n' "$covered" | awk '{ printf "%s,%s ", $2, $3 }')
    printf '%-28s %9s %9s  %s\n' "$flaw" "$a" "$b" "$small"
    sum=$(awk "BEGIN { print $sum + log($a / $b) }")
    count=$((count + 1))
done
awk "BEGIN { printf \"geometric mean of coverage / random: %.2f\\n\", exp($sum / $count) }"
