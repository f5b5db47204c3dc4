#!/usr/bin/env bash
# npm run demo [-- --keep | --down]: installs what is missing, builds, and plays the walkthrough on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $EUID == 0 ]] || { echo "weft demo: the demo makes network namespaces, which needs root: run it as root." >&2; exit 1; }
[[ " $* " == *" --down "* && -e dist/weft.js ]] || bash scripts/setup.sh
exec node_modules/.bin/weft demo "$@"
