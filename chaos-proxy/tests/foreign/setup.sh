#!/usr/bin/env bash
# Installs the external programs that the tests run against the proxy, into
# the folder given; does nothing if they are there. Prints the folder.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "${1:?usage: setup.sh FOLDER}"
folder="$(cd "$1" && pwd)"

venv="$folder/python"
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
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
  cp "$here/requirements.txt" "$venv/installed.txt"
fi

if ! command -v npm >/dev/null; then
  echo "SKIPPED, missing Node: toxiproxy-node-client" >&2
elif ! cmp -s "$here/node/package-lock.json" "$folder/node/installed.json"; then
  mkdir -p "$folder/node"
  cp "$here/node/package.json" "$here/node/package-lock.json" "$folder/node"
  npm --prefix "$folder/node" ci --silent >&2
  cp "$here/node/package-lock.json" "$folder/node/installed.json"
fi

# The crate's tree builds against the system's OpenSSL.
if ! pkg-config --exists openssl 2>/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
    echo "no OpenSSL to build toxiproxy_rust against; on Debian: apt-get install pkg-config libssl-dev" >&2
    exit 1
  }
  apt-get install -qq -y pkg-config libssl-dev >&2
fi
cargo build --quiet --locked --manifest-path "$here/rust/Cargo.toml" --target-dir "$folder/rust" >&2
echo "$folder"
