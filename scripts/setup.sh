#!/usr/bin/env bash
# Sets up a fresh clone: the Debian packages (as root), pnpm through npm, the dependencies, and the built programs.
# Usage: scripts/setup.sh [--oracle]   --oracle adds the C OVN programs, which tests and benchmarks compare with.
# Does nothing twice: each step is skipped where its result already stands.
set -euo pipefail
cd "$(dirname "$0")/.."
pnpm_version=10.34.8

fail() { echo "weft setup: $*" >&2; exit 1; }

node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)' 2>/dev/null ||
  fail "Node.js 20.19 or later is needed; this is $(node --version 2>/dev/null || echo 'no Node.js at all')"

packages=(openvswitch-switch iproute2 iputils-ping tcpdump ethtool procps)
[[ " $* " == *" --oracle "* ]] && packages+=(ovn-central ovn-host ovn-common ovn-doc openvswitch-doc python3-openvswitch python3-ovsdbapp openssl zsh)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
# better-sqlite3 is compiled where no prebuilt binary can be had.
for tool in make g++ python3; do
  command -v "$tool" >/dev/null || { case $tool in g++) missing+=(g++) ;; *) missing+=("$tool") ;; esac; }
done
if ((${#missing[@]})); then
  [[ $EUID == 0 ]] || fail "these Debian packages are missing, and only root can install them: ${missing[*]}"
  command -v apt-get >/dev/null || fail "these Debian packages are missing, and there is no apt-get to install them with: ${missing[*]}"
  echo "weft setup: installing ${missing[*]}"
  log=$(mktemp)
  # Services are not started: every daemon that Weft's tests and demo use is their own.
  policy=/usr/sbin/policy-rc.d
  if [[ -e $policy ]]; then policy=; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"; fi
  cleanup() { rm -f "$log" ${policy:+"$policy"}; }
  trap cleanup EXIT
  install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; }
  { install || { apt-get update && install; }; } >"$log" 2>&1 ||
    { tail -20 "$log" >&2; fail "apt-get could not install: ${missing[*]}"; }
  cleanup
  trap - EXIT
fi

stamp=node_modules/.weft-installed
if [[ ! -e $stamp || pnpm-lock.yaml -nt $stamp || package.json -nt $stamp ]]; then
  echo "weft setup: installing the dependencies with pnpm $pnpm_version"
  npm exec --yes --loglevel=error -- "pnpm@$pnpm_version" install --frozen-lockfile --reporter=append-only --loglevel=info ||
    fail "pnpm could not install the dependencies (see above)"
  touch "$stamp"
fi
node scripts/build.mjs
