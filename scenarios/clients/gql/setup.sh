#!/bin/sh
# Installs what requirements.txt and package-lock.json pin, unless it is there.
set -eu
if ! cmp -s requirements.txt .venv/installed.txt; then
  python3 -m venv --clear .venv # on Debian from the package python3-venv
  .venv/bin/pip install --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt .venv/installed.txt
fi
cmp -s package-lock.json node_modules/installed.json && exit
npm ci
cp package-lock.json node_modules/installed.json
