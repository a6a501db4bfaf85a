#!/usr/bin/env bash
# Installs the other people's programs that the tests run against the proxy, into
# the folder given; does nothing if they are there. Prints the Python to use.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "${1:?usage: setup.sh FOLDER}"
venv="$(cd "$1" && pwd)/python"
stamp="$venv/installed.txt"
if ! cmp -s "$here/requirements.txt" "$stamp"; then
  echo "installing what the proxy is tested with into $venv" >&2
  if ! python3 -m venv --clear "$venv" >&2; then
    # Debian has the module in a package of its own.
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
      echo "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
      exit 1
    }
    apt-get install -qq -y python3-venv >&2
    python3 -m venv --clear "$venv" >&2
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$stamp"
fi
echo "$venv/bin/python"
