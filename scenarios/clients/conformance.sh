#!/bin/sh
# Every client of this folder against all built-in scenarios, one after the other, and
# MATRIX.md of what that came to; beside the results matrix.html, with what is behind
# each cell (too large to be committed). A client that has results already is not run
# again: remove its folder in target/conformance to have it run anew. Pages need a
# browser, and half an hour each: PAGES=1 has them run as well.
set -eu
cd "$(dirname "$0")/../.."
target="${CARGO_TARGET_DIR:-target}"
out="$target/conformance"

cargo build --package scenarios
for folder in scenarios/clients/*/; do
  client="$(basename "$folder")"
  case "$client" in page*) [ "${PAGES:-}" ] || continue ;; esac
  [ -f "$out/$client/results.json" ] && continue
  code=0
  "$target/debug/chaos" run --client "$client" --jobs "${JOBS:-12}" --out "$out/$client" || code=$?
  case "$code" in
    2) echo "$client cannot be set up here, and is left out" >&2 ;;
    130) exit "$code" ;;
  esac
done
scenarios/clients/matrix.py --html "$out/matrix.html" "$out"/*/results.json > "$out/MATRIX.md"
cp "$out/MATRIX.md" scenarios/clients/MATRIX.md
echo "scenarios/clients/MATRIX.md"
echo "$out/matrix.html"
