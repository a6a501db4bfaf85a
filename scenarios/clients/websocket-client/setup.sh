#!/bin/sh
# Installs what requirements.txt pins into .venv, unless it is there.
set -eu
cmp -s requirements.txt .venv/installed.txt && exit
python3 -m venv --clear .venv # on Debian from the package python3-venv
.venv/bin/pip install --disable-pip-version-check --requirement requirements.txt
cp requirements.txt .venv/installed.txt
