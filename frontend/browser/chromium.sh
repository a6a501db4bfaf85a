#!/bin/sh
# Prints the path of a Chromium or Chrome that starts; nothing if there is none.
#
#   chromium.sh            looks only
#   chromium.sh --install  and else installs Debian's, where that is possible
#                          (apt-get, and root)
#
# CHROMIUM=/path/to/it goes before everything. What is done and why nothing was
# found is said on stderr; the exit code is 0 either way, since to have no
# browser is no mistake: its tests are then reported as skipped.
set -u

say() { printf 'chromium: %s\n' "$*" >&2; }

starts() { "$1" --version >/dev/null 2>&1; }

look() {
  for name in chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    path=$(command -v "$name" 2>/dev/null) || continue
    if starts "$path"; then
      printf '%s\n' "$path"
      return 0
    fi
    say "$path does not start and is passed over"
  done
  return 1
}

if [ -n "${CHROMIUM:-}" ]; then
  if starts "$CHROMIUM"; then
    printf '%s\n' "$CHROMIUM"
    exit 0
  fi
  say "CHROMIUM=$CHROMIUM does not start"
  exit 0
fi

look && exit 0

if [ "${1:-}" != --install ]; then
  say "none found; set CHROMIUM=/path/to/it, or install one"
  exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  say "none found, and only root can install one, with apt-get"
  exit 0
fi

say "none found: installing Debian's (about a minute)"
export DEBIAN_FRONTEND=noninteractive
{
  apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core
} >&2 || say "it could not be installed"
look || say "none found after all"
exit 0
