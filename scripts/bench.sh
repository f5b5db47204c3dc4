#!/usr/bin/env bash
# npm run bench [-- NAME [ARGUMENT...]]: runs the benchmark test/bench/NAME.ts, or all of them.
# Each prints ours and the C counterpart on the same work, as ratios, with memory.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --oracle
run() {
  local name=$1
  shift
  [[ -e test/bench/$name.ts ]] || { echo "weft bench: no benchmark '$name'; there are: $(cd test/bench && ls ./*.ts | sed 's,^./,,; s,\.ts$,,' | tr '\n' ' ')" >&2; exit 2; }
  node scripts/build.mjs "test/bench/$name.ts"
  echo "== $name"
  node --expose-gc "dist/bench/$name.mjs" "$@"
}
if (($#)); then run "$@"; else for file in test/bench/*.ts; do run "$(basename "$file" .ts)"; done; fi
