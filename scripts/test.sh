#!/usr/bin/env bash
# Sets up, builds and tests. Arguments go to jest (a path, -t PATTERN, …); coverage is measured, and held to its
# threshold, only without any. The last line says how many tests passed and failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh --with tests
npm run --silent build

with_coverage=false
if [ $# -eq 0 ]; then
  with_coverage=true
  rm -rf coverage
  set -- --coverage --coverageReporters=json --env=./test/support/child-coverage-environment.mjs
fi

# The AWS SDK tells each process on Node.js 20 that its versions after January 2027 need a newer one.
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT

status=0
node --experimental-vm-modules node_modules/jest/bin/jest.js \
  --json --outputFile="$results/jest.json" "$@" || status=$?
if $with_coverage; then node scripts/coverage.mjs || status=1; fi
node scripts/test-summary.mjs "$results/jest.json" || status=1
exit "$status"
