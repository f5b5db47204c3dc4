#!/usr/bin/env bash
# npm test: sets up everything, then lint, types, and all layers of tests. Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --oracle
if [[ $# == 0 ]]; then
  node_modules/.bin/biome check .
  node scripts/lint-architecture.mjs
  node_modules/.bin/tsc -p .
fi
exec node_modules/.bin/vitest run --reporter=default --reporter=./scripts/closing-line-reporter.mjs "$@"
