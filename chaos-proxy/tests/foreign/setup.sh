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
  python3 -m venv --clear "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$stamp"
fi
echo "$venv/bin/python"
