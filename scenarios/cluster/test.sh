#!/usr/bin/env bash
# Checks what is here and in docs/guides/ci.md, with the tools that requirements.txt
# pins, which go into the folder given. Takes the folder of the programs, too.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
bin="$(cd "${1:?usage: test.sh BIN FOLDER}" && pwd)"
mkdir -p "${2:?usage: test.sh BIN FOLDER}"
venv="$(cd "$2" && pwd)/python"
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
  if ! python3 -m venv --clear "$venv"; then
    # Debian has the module in a package of its own.
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
      echo "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
      exit 1
    }
    apt-get install -qq -y python3-venv
    python3 -m venv --clear "$venv"
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/installed.txt"
fi
PATH="$venv/bin:$PATH" "$venv/bin/python" "$here/test.py" "$bin"
