#!/bin/sh
# Installs what package-lock.json pins, unless it is there.
set -eu
cmp -s package-lock.json node_modules/installed.json && exit
npm ci
cp package-lock.json node_modules/installed.json
