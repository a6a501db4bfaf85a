#!/usr/bin/env bash
# Unpacks Debian's Slurm and munge into the folder given, as far as the system
# has them not; does nothing if they are there. Nothing is installed, no service
# is started, and no rights are needed. Prints the folder; exit code 3, and why,
# where they are not to be had.
set -euo pipefail
mkdir -p "${1:?usage: setup.sh FOLDER}"
folder="$(cd "$1" && pwd)"
packages="slurmctld slurmd slurm-client munge"

wanting() {
  echo "$1" >&2
  exit 3
}

if [ ! -e "$folder/complete" ]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || wanting "there is no apt-get here"
  rm -rf "$folder/root" "$folder/packages"
  mkdir -p "$folder/root" "$folder/packages"
  cd "$folder/packages"
  # With what they need that is not there yet.
  # shellcheck disable=SC2086
  simulate() { apt-get install --simulate --no-install-recommends $packages 2>/dev/null; }
  plan="$(simulate)" || { apt-get update -qq >&2 && plan="$(simulate)"; } ||
    wanting "apt knows no $packages; as root: apt-get update"
  missing="$(awk '/^Inst/ { print $2 }' <<<"$plan")"
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    apt-get -o APT::Sandbox::User="$(id -un)" download -qq $missing >&2 || wanting "apt cannot fetch" $missing
    for package in *.deb; do dpkg -x "$package" "$folder/root"; done
  fi
  rm -rf "$folder/packages"
  touch "$folder/complete"
fi
echo "$folder"
