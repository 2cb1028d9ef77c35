#!/usr/bin/env bash
# Sets up, builds and tests. Arguments go to jest (a path, -t PATTERN, …); coverage is measured, and held to its
# threshold, only without any. The last line says how many tests passed and failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh
npm run --silent build

if [ $# -eq 0 ]; then
  set -- --coverage
fi

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT

status=0
node --experimental-vm-modules node_modules/jest/bin/jest.js \
  --json --outputFile="$results/jest.json" "$@" || status=$?
node scripts/test-summary.mjs "$results/jest.json" || status=1
exit "$status"
