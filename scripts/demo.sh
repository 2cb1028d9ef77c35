#!/usr/bin/env bash
# Sets up what is missing on this machine, builds, and runs the demo. Arguments go to it: npm run demo -- tables --exit
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ${1:-} == tables ]]; then
  bash scripts/setup.sh --with mariadb
else
  bash scripts/setup.sh
fi
npm run --silent build
exec node dist/cli.js demo "$@"
